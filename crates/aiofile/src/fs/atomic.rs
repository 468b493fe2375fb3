//! Replacing a file at once: who opens it finds either the old contents or the new ones.

mod by_operations;
mod file;
mod replacement;

use std::io::{self, Write};
use std::path::Path;

use caio::Context;

use super::Fs;
pub use file::AtomicFile;
use replacement::{Replacement, Target};

/// Makes a file of these contents, at once: until the new ones are complete and on the device, the
/// file has its old contents, also after a crash. [`AtomicWriteOptions`] has more to say about it.
///
/// The contents go to a temporary file in the same directory, which then takes the name. So this is
/// a new file: other names of the old one (hard links) keep the old contents, and whoever has it
/// open does. Mode, owner and group of the old one are kept, as far as the process may set them;
/// extended attributes and access control lists are not. Where the path is a symbolic link, the
/// file that it leads to is replaced.
///
/// # Costs
/// One hop and one copy of the contents; fdatasync(2) waits for the device.
///
/// # Errors
/// What the system answers; EISDIR for a directory and `InvalidInput` for anything else that is no
/// regular file. The file is then as it was, and nothing is left behind. (Where a sync of the
/// directory fails, which [`Durability::Full`] asks for last, it is the new file.) A crash of the
/// system and a killed process can leave a file behind whose name begins with `.aiofile-`.
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
    /// Nothing need be. Other processes see the old or the new contents; after a crash of the
    /// system the file may be empty, or zeros in parts, on some file systems.
    None,
    /// The contents, before they get the name: after a crash of the system it is the old or the new
    /// file, and whole.
    #[default]
    Data,
    /// The name as well: after a crash of the system it is the new file. Costs an fsync(2) of the
    /// directory.
    Full,
}

/// How a file is replaced by [`write`](Self::write), or bit by bit after [`open`](Self::open): see
/// [`write_atomic`].
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("token");
/// use aiofile::fs::{self, AtomicWriteOptions, Durability};
/// use std::os::unix::fs::PermissionsExt;
///
/// let mut options = AtomicWriteOptions::new();
/// options.durability(Durability::Full).mode(0o600).write(&path, "secret").await?;
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
        let (durability, mode) = (self.durability, self.creation_mode());
        let fs = Fs::chosen(self.context.as_ref()).await?;
        let contents = contents.as_ref().to_vec();
        if fs.context().info().capability.own_files {
            let new = AtomicFile::begin(&fs, path.as_ref(), durability, mode).await?;
            return match new.file().write_all_at(contents, 0).await {
                Ok(()) => new.commit().await,
                Err(error) => new.discard().await.and(Err(error)),
            };
        }
        let replace = move |path: &Path| {
            let replacement = Replacement::create(Target::find(path, durability)?, mode)?;
            replacement.file().write_all(&contents)?;
            replacement.commit(durability)
        };
        fs.call("write_atomic", path.as_ref(), replace).await
    }

    /// Begins to replace the file, or to make it, by contents that are written bit by bit. One hop.
    ///
    /// # Errors
    /// As for [`write_atomic`], as far as they can be known by then.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<AtomicFile> {
        let fs = Fs::chosen(self.context.as_ref()).await?;
        AtomicFile::begin(&fs, path.as_ref(), self.durability, self.creation_mode()).await
    }

    fn creation_mode(&self) -> u32 {
        self.mode.unwrap_or(0o666)
    }
}
