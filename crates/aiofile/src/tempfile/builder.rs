//! How a temporary file or directory is to be made.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File as StdFile, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use caio::{Context, Error, ErrorKind, FileSystem, Result, SharedFile};

use super::name::Name;
use super::{File, NamedTempFile, SpooledTempFile, TempDir, temp_dir};
use crate::fs::Fs;
use crate::{AioFile, Mode};

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Name, place, permissions and end of a temporary file or directory.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::tempfile::Builder;
///
/// let report = Builder::new().prefix("report-").suffix(".txt").mode(0o640).named().await?;
/// let name = report.path().file_name().unwrap().to_string_lossy();
/// assert!(name.starts_with("report-") && name.ends_with(".txt"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    prefix: OsString,
    suffix: OsString,
    directory: Option<PathBuf>,
    mode: Option<u32>,
    delete: bool,
    delete_on_close: bool,
    context: Option<Context>,
}

impl Builder {
    /// Names that begin with `.tmp` and go on with six random letters, in
    /// [`temp_dir`](super::temp_dir()), for the user alone, and removed on close and drop.
    #[must_use]
    pub fn new() -> Self {
        Self {
            prefix: ".tmp".into(),
            suffix: OsString::new(),
            directory: None,
            mode: None,
            delete: true,
            delete_on_close: true,
            context: None,
        }
    }

    /// What the name begins with.
    pub fn prefix(&mut self, prefix: impl AsRef<OsStr>) -> &mut Self {
        self.prefix = prefix.as_ref().to_owned();
        self
    }

    /// What the name ends with, such as an extension with its dot.
    pub fn suffix(&mut self, suffix: impl AsRef<OsStr>) -> &mut Self {
        self.suffix = suffix.as_ref().to_owned();
        self
    }

    /// The directory to put it in. A file that is to replace another is best made beside it, since
    /// a rename does not cross file systems.
    #[doc(alias = "dir")]
    pub fn directory(&mut self, directory: impl Into<PathBuf>) -> &mut Self {
        self.directory = Some(directory.into());
        self
    }

    /// The permissions, before the umask: 0o600 for files and 0o700 for directories unless set.
    #[doc(alias = "permissions")]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Whether the name is ever removed: yes unless set.
    pub fn delete(&mut self, delete: bool) -> &mut Self {
        self.delete = delete;
        self
    }

    /// Whether [`NamedTempFile::close`] removes the name, too: yes unless set. Otherwise only the
    /// drop does, so that a file can be closed, and opened by others by its name.
    pub fn delete_on_close(&mut self, delete: bool) -> &mut Self {
        self.delete_on_close = delete;
        self
    }

    /// The context that does it; the runtime's default context unless set.
    pub fn context(&mut self, context: &Context) -> &mut Self {
        self.context = Some(context.clone());
        self
    }

    /// Makes a file with a name. One hop.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a prefix or suffix that no name can have,
    /// before anything is made; else what open(2) answers, with the directory.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// use aiofile::tempfile::Builder;
    ///
    /// let error = Builder::new().directory("/nowhere").named().await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// let error = Builder::new().prefix("a/b").named().await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok(()) }
    /// ```
    #[doc(alias("NamedTemporaryFile", "mkstemp"))]
    pub async fn named(&self) -> io::Result<NamedTempFile> {
        let (context, (file, mut name)) = self.make("create a temporary file in", named).await?;
        if !self.delete {
            name.keep();
        }
        let path = file.path().to_owned();
        let deletes = self.delete && self.delete_on_close;
        Ok(NamedTempFile::new_of(file_of(context, file)?, path, name, deletes))
    }

    /// Makes a file without a name, which goes with the last handle on it. One hop.
    ///
    /// # Errors
    /// As for [`named`](Self::named).
    ///
    /// # Cancel safety
    /// As for [`named`](Self::named).
    #[doc(alias = "TemporaryFile")]
    pub async fn unnamed(&self) -> io::Result<File> {
        let (context, file) = self
            .make("create a temporary file in", |plan| SharedFile::from_std(plan.create_unnamed()?))
            .await?;
        Ok(file_of(context, file)?)
    }

    /// Makes a directory. One hop.
    ///
    /// # Errors
    /// As for [`named`](Self::named).
    ///
    /// # Cancel safety
    /// As for [`named`](Self::named).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// use aiofile::tempfile::Builder;
    ///
    /// let directory = Builder::new().prefix("build-").tempdir().await?;
    /// assert!(directory.path().is_dir());
    /// directory.close().await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias("TemporaryDirectory", "mkdtemp"))]
    pub async fn tempdir(&self) -> io::Result<TempDir> {
        let (context, (path, mut name)) =
            self.make("create a temporary directory in", directory).await?;
        if !self.delete {
            name.keep();
        }
        Ok(TempDir::new_of(context, path, name))
    }

    /// A file in memory, which moves to a file without a name once it has more than so many bytes.
    /// Costs nothing yet.
    #[doc(alias = "SpooledTemporaryFile")]
    #[must_use]
    pub fn spooled(&self, bytes_max: usize) -> SpooledTempFile {
        SpooledTempFile::new_of(self.clone(), bytes_max)
    }

    /// Has the pool make something.
    async fn make<T: Send + 'static>(
        &self,
        name: &'static str,
        make: impl FnOnce(&Plan) -> Result<T> + Send + 'static,
    ) -> io::Result<(Context, T)> {
        let plan = Plan {
            prefix: checked("prefix", &self.prefix)?,
            suffix: checked("suffix", &self.suffix)?,
            directory: self.directory.clone().unwrap_or_else(temp_dir),
            mode: self.mode,
        };
        let fs = Fs::chosen(self.context.as_ref()).await?;
        let directory = plan.directory.clone();
        let made = fs.call(name, &directory, move |_| Ok(make(&plan)?)).await?;
        Ok((fs.context().clone(), made))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// What the thread that makes it has to know.
struct Plan {
    prefix: OsString,
    suffix: OsString,
    directory: PathBuf,
    mode: Option<u32>,
}

impl Plan {
    fn create_file(&self) -> io::Result<(StdFile, PathBuf)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(self.mode.unwrap_or(FILE_MODE));
        self.create(|path| options.open(path))
    }

    fn create_directory(&self) -> io::Result<PathBuf> {
        let mut builder = DirBuilder::new();
        builder.mode(self.mode.unwrap_or(DIRECTORY_MODE));
        self.create(|path| builder.create(path)).map(|((), path)| path)
    }

    /// Where the file system has no files without a name, it gets one for a moment.
    fn create_unnamed(&self) -> io::Result<StdFile> {
        #[cfg(all(target_os = "linux", not(caio_portable)))]
        {
            let mut options = OpenOptions::new();
            options.read(true).write(true).mode(self.mode.unwrap_or(FILE_MODE));
            options.custom_flags(caio::flags::O_TMPFILE);
            if let Ok(file) = options.open(&self.directory) {
                return Ok(file);
            }
        }
        let (file, path) = self.create_file()?;
        std::fs::remove_file(path)?;
        Ok(file)
    }

    /// Tries names until one is free.
    fn create<T>(&self, create: impl FnMut(&Path) -> io::Result<T>) -> io::Result<(T, PathBuf)> {
        let mut names = ::tempfile::Builder::new();
        names.prefix(&self.prefix).suffix(&self.suffix);
        let (made, path) = names.make_in(&self.directory, create)?.into_parts();
        Ok((made, path.keep()?))
    }
}

/// The name comes first, so that it goes where the file cannot be examined.
fn named(plan: &Plan) -> Result<(SharedFile, Name)> {
    let (file, path) = plan.create_file()?;
    let name = Name::of_file(path.clone());
    let file = SharedFile::new(file, path)?;
    let is_remote = file.file_system() == FileSystem::Remote;
    Ok((file, name.slow(is_remote)))
}

fn directory(plan: &Plan) -> Result<(PathBuf, Name)> {
    let path = plan.create_directory()?;
    let name = Name::of_tree(path.clone());
    Ok((path, name))
}

fn file_of(context: Context, file: SharedFile) -> Result<File> {
    Ok(File::new(AioFile::new(context, file, None), Mode::try_from("w+")?, 0))
}

/// A part of a name, unless it would lead elsewhere.
fn checked(part: &str, text: &OsStr) -> Result<OsString> {
    if text.as_bytes().iter().any(|byte| matches!(byte, b'/' | 0)) {
        let message = format!("the {part} {text:?} of a temporary file cannot be part of a name");
        let error = Error::new(ErrorKind::InvalidInput, message);
        return Err(error.hint("set the directory with Builder::directory"));
    }
    Ok(text.to_owned())
}
