//! What a walk gives: an entry, or what could not be read.

use std::ffi::OsStr;
use std::fs::{FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::{error, fmt, fs};

use caio::{Context, Error};
use rustix::io::Errno;
use walkdir::DirEntryExt;

use super::super::Fs;

/// An item of a walk.
pub(super) type Item = Result<WalkEntry, WalkError>;

/// A file, directory or anything else that a walk met.
#[derive(Debug, Clone)]
pub struct WalkEntry {
    path: PathBuf,
    file_type: FileType,
    /// It is a link, and the type is that of what it leads to.
    followed: bool,
    depth: usize,
    ino: u64,
    /// Apart, since few walks bring it along.
    metadata: Option<Box<Metadata>>,
    context: Option<Context>,
}

impl WalkEntry {
    pub(super) fn new(path: PathBuf, file_type: FileType, depth: usize, ino: u64) -> Self {
        Self { path, file_type, followed: false, depth, ino, metadata: None, context: None }
    }

    /// The entry, as what its link leads to.
    pub(super) fn followed(mut self, metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        (self.file_type, self.ino) = (metadata.file_type(), metadata.ino());
        self.followed = true;
        self
    }

    /// Reads the metadata that the entry is to bring along.
    pub(super) fn with_metadata(mut self) -> Item {
        match look(&self.path, self.followed) {
            Ok(metadata) => {
                self.metadata = Some(Box::new(metadata));
                Ok(self)
            }
            Err(error) => Err(WalkError::new("metadata", self.path, self.depth, error)),
        }
    }

    pub(super) fn set_context(&mut self, context: &Context) {
        self.context = Some(context.clone());
    }

    /// Leaves out the `./` at the head of the path.
    pub(in crate::fs) fn without_dot(mut self) -> Self {
        if let Ok(rest) = self.path.strip_prefix(".")
            && !rest.as_os_str().is_empty()
        {
            self.path = rest.to_owned();
        }
        self
    }

    /// The path: the walk's root, and the names from there on.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path, without a copy.
    #[must_use]
    pub fn into_path(self) -> PathBuf {
        self.path
    }

    /// The last name of the path; the whole path where it has none, such as `/` or `..`.
    #[must_use]
    pub fn file_name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }

    /// What it is. Read with the directory, so that asking costs nothing. Of a link that was
    /// followed, what it leads to.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// Whether the path is that of a symbolic link, followed or not.
    #[must_use]
    pub fn path_is_symlink(&self) -> bool {
        self.followed || self.file_type.is_symlink()
    }

    /// How many directories below the root; 0 is the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The number of the inode, as the directory has it.
    #[doc(alias = "inode")]
    #[must_use]
    pub fn ino(&self) -> u64 {
        self.ino
    }

    /// The metadata: of the link itself, unless the walk follows links.
    ///
    /// # Costs
    /// Nothing where the walk brought it along ([`Walk::metadata`](super::Walk::metadata)),
    /// else one hop.
    ///
    /// # Errors
    /// What the system answers, with the path.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        if let Some(metadata) = &self.metadata {
            return Ok((**metadata).clone());
        }
        let followed = self.followed;
        let fs = Fs::chosen(self.context.as_ref()).await?;
        fs.call("metadata", &self.path, move |path| look(path, followed)).await
    }

    /// The metadata that the walk brought along.
    pub(in crate::fs) fn known_metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }
}

fn look(path: &Path, follow: bool) -> io::Result<Metadata> {
    if follow { fs::metadata(path) } else { fs::symlink_metadata(path) }
}

impl From<walkdir::DirEntry> for WalkEntry {
    fn from(entry: walkdir::DirEntry) -> Self {
        let (file_type, depth, ino) = (entry.file_type(), entry.depth(), entry.ino());
        let followed = entry.path_is_symlink() && !file_type.is_symlink();
        Self { followed, ..Self::new(entry.into_path(), file_type, depth, ino) }
    }
}

/// What could not be read on a walk, which goes on. Converts into [`io::Error`].
#[derive(Clone)]
pub struct WalkError {
    error: Error,
    path: PathBuf,
    depth: usize,
    ancestor: Option<PathBuf>,
}

impl WalkError {
    pub(super) fn new(name: &'static str, path: PathBuf, depth: usize, error: io::Error) -> Self {
        let error = Error::system(error).doing(name);
        let error = match error.raw_os_error() {
            Some(errno) if errno == Errno::MFILE.raw_os_error() => {
                error.hint("too many descriptors are open: raise `ulimit -n`")
            }
            _ => error,
        };
        Self::of(error, path, depth)
    }

    pub(super) fn of(error: Error, path: PathBuf, depth: usize) -> Self {
        Self { error: error.on(&path), path, depth, ancestor: None }
    }

    /// A link that leads to a directory which it is in.
    pub(super) fn looped(path: PathBuf, depth: usize, ancestor: PathBuf) -> Self {
        let error = Error::system(Errno::LOOP.into()).doing("walk").hint(format!(
            "the link leads back to {}, where the walk came from",
            ancestor.display()
        ));
        Self { ancestor: Some(ancestor), ..Self::of(error, path, depth) }
    }

    pub(super) fn from_walkdir(error: walkdir::Error, root: &Path) -> Self {
        let path = error.path().unwrap_or(root).to_owned();
        let depth = error.depth();
        match error.loop_ancestor().map(Path::to_owned) {
            Some(ancestor) => Self::looped(path, depth, ancestor),
            None => {
                let unknown = || io::Error::other("the directory cannot be read");
                Self::new("walk", path, depth, error.into_io_error().unwrap_or_else(unknown))
            }
        }
    }

    /// Which file or directory it happened to.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How deep below the walk's root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The directory that a symbolic link leads back to, where that is the error.
    #[must_use]
    pub fn loop_ancestor(&self) -> Option<&Path> {
        self.ancestor.as_deref()
    }

    /// What std calls this kind of error.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.error.io_kind()
    }
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl fmt::Debug for WalkError {
    /// The sentence, since it is what is seen of an error that leaves `main`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl error::Error for WalkError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.error.source()
    }
}

impl From<WalkError> for io::Error {
    fn from(error: WalkError) -> Self {
        error.error.into()
    }
}
