//! Replacing a file at once: who opens it finds either the old contents or the new ones.

use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use caio::Context;
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::Fs;

/// So many symbolic links are followed, as the kernel does.
const LINKS_MAX: usize = 40;

/// So many names are tried for the temporary file.
const NAMES_MAX: usize = 16;

/// To look names up in a directory, which not everybody may list.
#[cfg(target_os = "linux")]
const SEARCH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const SEARCH: OFlags = OFlags::RDONLY;

/// Makes a file of these contents, at once: until the new ones are complete and on the device, the
/// file has its old contents, also after a crash. [`AtomicWriteOptions`] has more to say about it.
///
/// The contents go to a temporary file in the same directory, which then takes the name. So this is
/// a new file: other names of the old one (hard links) keep the old contents, and whoever has it
/// open does. Mode, owner and group of the old one are kept, as far as the process may set them;
/// extended attributes and access control lists are not. Where the path is a symbolic link, the file
/// that it leads to is replaced.
///
/// # Costs
/// One hop and one copy of the contents; fdatasync(2) waits for the device.
///
/// # Errors
/// What the system answers; EISDIR for a directory and
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for anything else that is no regular file. The file
/// is as it was then, and nothing is left behind. A crash of the system or a killed process can
/// leave a file behind whose name begins with `.aiofile-`.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, the file is replaced.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("settings");
/// use aiofile::fs;
///
/// fs::write_atomic(&path, "theme = dark\n").await?;
/// assert_eq!(fs::read_to_string(&path).await?, "theme = dark\n");
/// # Ok(()) }
/// ```
#[doc(alias("atomic_write", "replace"))]
pub async fn write_atomic(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    Fs::current().await?.write_atomic(path, contents).await
}

impl Fs {
    /// As [`fs::write_atomic`](write_atomic()).
    ///
    /// # Errors
    /// As for [`fs::write_atomic`](write_atomic()).
    pub async fn write_atomic(
        &self,
        path: impl AsRef<Path>,
        contents: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        AtomicWriteOptions::new().context(self.context()).write(path, contents).await
    }
}

/// What is on the device when a file was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing need be. Other processes see the old or the new contents; after a crash of the system
    /// the file may be empty on some file systems.
    None,
    /// The contents, before they get the name: after a crash of the system it is the old or the new
    /// file, and whole.
    #[default]
    Data,
    /// The name as well: after a crash of the system it is the new file. Costs an fsync(2) of the
    /// directory.
    Full,
}

/// How a file is replaced by [`write`](Self::write): see [`write_atomic`].
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("token");
/// use aiofile::fs::{self, AtomicWriteOptions, Durability};
/// use std::os::unix::fs::PermissionsExt;
///
/// AtomicWriteOptions::new().durability(Durability::Full).mode(0o600).write(&path, "secret").await?;
/// assert_eq!(fs::metadata(&path).await?.permissions().mode() & 0o777, 0o600);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct AtomicWriteOptions {
    durability: Durability,
    mode: Option<u32>,
    context: Option<Context>,
}

impl AtomicWriteOptions {
    /// [`Durability::Data`], and mode `0o666` before the umask for a file that is not there yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is on the device when it is done.
    pub fn durability(&mut self, durability: Durability) -> &mut Self {
        self.durability = durability;
        self
    }

    /// The mode of a file that is not there yet, before the umask.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// The context to use; the task's default context unless set.
    pub fn context(&mut self, context: &Context) -> &mut Self {
        self.context = Some(context.clone());
        self
    }

    /// Replaces the file, or makes it.
    ///
    /// # Errors
    /// As for [`write_atomic`].
    ///
    /// # Cancel safety
    /// As for [`write_atomic`].
    pub async fn write(
        &self,
        path: impl AsRef<Path>,
        contents: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        let (durability, mode) = (self.durability, self.mode.unwrap_or(0o666));
        let fs = Fs::chosen(self.context.as_ref()).await?;
        let contents = contents.as_ref().to_vec();
        let replace = move |path: &Path| {
            let target = Target::find(path, durability)?;
            Temporary::create(&target, mode)?.replace(&contents, durability)
        };
        fs.call("write_atomic", path.as_ref(), replace).await
    }
}

/// What is to be replaced.
struct Target {
    directory: OwnedFd,
    path: PathBuf,
    /// The file that has the name now.
    old: Option<Stat>,
}

impl Target {
    fn find(path: &Path, durability: Durability) -> io::Result<Self> {
        let path = followed(path)?;
        if path.as_os_str().as_bytes().ends_with(b"/") || path.file_name().is_none() {
            return Err(Errno::ISDIR.into());
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let access = if durability == Durability::Full { OFlags::RDONLY } else { SEARCH };
        let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, parent, flags, Mode::empty())?;
        let mut target = Self { directory, path, old: None };
        target.old = target.look()?;
        Ok(target)
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    fn look(&self) -> io::Result<Option<Stat>> {
        let found = rustix::fs::statat(&self.directory, self.name(), AtFlags::SYMLINK_NOFOLLOW);
        let stat = match found {
            Err(Errno::NOENT) => return Ok(None),
            found => found?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(stat)),
            FileType::Directory => Err(Errno::ISDIR.into()),
            _ => {
                let message = "it is not a regular file, and nothing else can be replaced";
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }
}

/// The path that symbolic links at the end of this one lead to, whether anything is there or not.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match std::fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("")).join(link),
            // It is no symbolic link, or nothing.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP.into())
}

/// The new file while it has a name of its own, which goes when this is dropped.
struct Temporary<'a> {
    target: &'a Target,
    name: String,
    file: File,
}

impl<'a> Temporary<'a> {
    fn create(target: &'a Target, mode: u32) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        // Until it has the mode of the old one, nobody else may look into it.
        let mode = if target.old.is_some() { 0o600 } else { mode };
        let mode = Mode::from_raw_mode(mode & 0o7777);
        for _ in 0..NAMES_MAX {
            // Each state has new random keys, so that nobody guesses the name and waits there.
            let name = format!(".aiofile-{:016x}", RandomState::new().build_hasher().finish());
            match rustix::fs::openat(&target.directory, &name, flags, mode) {
                Err(Errno::EXIST) => {}
                file => return Ok(Self { target, file: file?.into(), name }),
            }
        }
        Err(Errno::EXIST.into())
    }

    fn replace(mut self, contents: &[u8], durability: Durability) -> io::Result<()> {
        self.file.write_all(contents)?;
        if let Some(old) = &self.target.old {
            self.become_like(old)?;
        }
        match durability {
            Durability::None => {}
            Durability::Data => self.file.sync_data()?,
            Durability::Full => self.file.sync_all()?,
        }
        let directory = &self.target.directory;
        rustix::fs::renameat(directory, &self.name, directory, self.target.name())?;
        // The name is no longer a temporary one's.
        self.name.clear();
        if durability == Durability::Full {
            rustix::fs::fsync(directory)?;
        }
        Ok(())
    }

    /// Takes over owner, group and mode. What only a privileged process may give away stays its own;
    /// then nobody is to act with another's rights, either.
    fn become_like(&self, old: &Stat) -> io::Result<()> {
        let new = rustix::fs::fstat(&self.file)?;
        let mut mode = old.st_mode & 0o7777;
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
            let (uid, gid) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
            if rustix::fs::fchown(&self.file, Some(uid), Some(gid)).is_err() {
                let _ = rustix::fs::fchown(&self.file, None, Some(gid));
                mode &= 0o1777;
            }
        }
        Ok(rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))?)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = rustix::fs::unlinkat(&self.target.directory, &self.name, AtFlags::empty());
        }
    }
}
