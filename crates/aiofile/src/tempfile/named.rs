//! A temporary file that has a name.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caio::{Error, SharedFile};
use tokio::io::AsyncWrite;

use super::name::Name;
use super::{Builder, File, PersistError};
use crate::{AioFile, Mode};

/// A file for reading and writing that others can open by its name, and that is removed when this
/// is dropped or closed, unless it gets a lasting name before.
///
/// It is a file with a cursor in everything else. See the [module](super) for when it is removed.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let target = directory.path().join("report");
/// use aiofile::tempfile::Builder;
/// use tokio::io::AsyncWriteExt;
///
/// let mut file = Builder::new().directory(directory.path()).named().await?;
/// AsyncWriteExt::write_all(&mut file, b"done").await?;
/// file.persist(&target).await?;
/// assert_eq!(std::fs::read(&target)?, b"done");
/// # Ok(()) }
/// ```
#[doc(alias("NamedTemporaryFile", "mkstemp"))]
#[derive(Debug)]
pub struct NamedTempFile {
    file: File,
    path: PathBuf,
    /// Shared with what renames or removes it on a thread of the pool.
    name: Arc<Mutex<Name>>,
    delete_on_close: bool,
}

impl NamedTempFile {
    /// A new file in [`temp_dir`](super::temp_dir()), for the user alone. One hop.
    ///
    /// # Errors
    /// What open(2) answers, with the directory.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn new() -> io::Result<Self> {
        Builder::new().named().await
    }

    /// As [`new`](Self::new), in this directory.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// # Cancel safety
    /// As for [`new`](Self::new).
    pub async fn new_in(directory: impl Into<PathBuf>) -> io::Result<Self> {
        Builder::new().directory(directory).named().await
    }

    pub(super) fn new_of(file: File, path: PathBuf, name: Name, delete_on_close: bool) -> Self {
        Self { file, path, name: Arc::new(Mutex::new(name)), delete_on_close }
    }

    /// Its name, as an absolute path; also after it was removed.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file with its cursor.
    #[must_use]
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// The file with its cursor.
    pub fn as_file_mut(&mut self) -> &mut File {
        &mut self.file
    }

    /// Opens it once more by its name, with a cursor of its own at the start. One hop.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) where the name now is another file's; else what
    /// open(2) answers.
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// use aiofile::tempfile::NamedTempFile;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// let mut file = NamedTempFile::new().await?;
    /// let mut second = file.reopen().await?;
    /// AsyncWriteExt::write_all(&mut file, b"shared").await?;
    /// let mut text = String::new();
    /// second.read_to_string(&mut text).await?;
    /// assert_eq!(text, "shared");
    /// # Ok(()) }
    /// ```
    pub async fn reopen(&self) -> io::Result<File> {
        let (file, path) = (self.file.file().file()?.clone(), self.path.clone());
        let context = self.file.file().context();
        let reopen = move || open_again(&file, &path);
        let opened = context.run_on("reopen", &self.path, reopen).await?;
        Ok(File::new(AioFile::new(context.clone(), opened, None), Mode::try_from("r+")?, 0))
    }

    /// Leaves the file where it is. Costs nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// let (file, path) = aiofile::tempfile::NamedTempFile::new().await?.keep();
    /// drop(file);
    /// assert!(path.exists());
    /// # std::fs::remove_file(path)?;
    /// # Ok(()) }
    /// ```
    #[must_use = "the file has to be removed by the program now"]
    pub fn keep(self) -> (File, PathBuf) {
        lock(&self.name).keep();
        (self.file, self.path)
    }

    /// Renames the file to a lasting name, and replaces what has that name, in one step. Waits for
    /// a write whose future was dropped. One hop.
    ///
    /// Syncs nothing: for a file that outlives a crash of the machine sync it before, and its
    /// directory after. Messages about the file go on naming the path that it was made with.
    ///
    /// # Errors
    /// What rename(2) answers, such as EXDEV for another file system, and that of an earlier write
    /// whose future was dropped. The error holds the file, which is as it was.
    ///
    /// # Cancel safety
    /// Where the future is dropped, the file has its lasting name or is removed.
    #[doc(alias = "rename")]
    pub async fn persist(self, path: impl AsRef<Path>) -> Result<File, PersistError> {
        self.persist_as(path.as_ref(), true).await
    }

    /// As [`persist`](Self::persist), unless something has that name.
    ///
    /// # Errors
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) where something has it; else as for
    /// [`persist`](Self::persist).
    ///
    /// # Cancel safety
    /// As for [`persist`](Self::persist).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?; let target = directory.path().join("taken");
    /// use aiofile::tempfile::NamedTempFile;
    ///
    /// std::fs::write(&target, "mine")?;
    /// let file = NamedTempFile::new_in(directory.path()).await?;
    /// let refused = file.persist_noclobber(&target).await.unwrap_err();
    /// assert_eq!(refused.error.kind(), std::io::ErrorKind::AlreadyExists);
    /// assert_eq!(std::fs::read(&target)?, b"mine");
    /// # Ok(()) }
    /// ```
    pub async fn persist_noclobber(self, path: impl AsRef<Path>) -> Result<File, PersistError> {
        self.persist_as(path.as_ref(), false).await
    }

    /// Closes the file, and removes it unless the [`Builder`] said otherwise; then the drop removes
    /// it. One hop for each. Closing again does nothing.
    ///
    /// # Errors
    /// What the system answers, and that of an earlier write whose future was dropped. The file is
    /// closed all the same; where it could not be removed, the drop tries again.
    ///
    /// # Cancel safety
    /// Where the future is dropped, the rest is left to the drop.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// let mut file = aiofile::tempfile::Builder::new().delete_on_close(false).named().await?;
    /// file.close().await?;
    /// assert!(file.path().exists(), "others can open it now");
    /// let path = file.path().to_owned();
    /// drop(file);
    /// assert!(!path.exists());
    /// # Ok(()) }
    /// ```
    pub async fn close(&mut self) -> io::Result<()> {
        let context = self.file.file().context().clone();
        let closed = self.file.close().await;
        if self.delete_on_close {
            let name = Arc::clone(&self.name);
            context.run_on("remove", &self.path, move || Ok(lock(&name).remove()?)).await?;
        }
        closed
    }

    async fn persist_as(mut self, to: &Path, replaces: bool) -> Result<File, PersistError> {
        match self.rename(to, replaces).await {
            Ok(()) => Ok(self.file),
            Err(error) => Err(PersistError { error, file: self }),
        }
    }

    async fn rename(&mut self, to: &Path, replaces: bool) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.file).poll_flush(cx)).await?;
        let (name, from, target) = (Arc::clone(&self.name), self.path.clone(), to.to_owned());
        let rename = move || Ok(lock(&name).rename(&from, &target, replaces)?);
        let renamed = self.file.file().context().run_on("rename", &self.path, rename).await;
        renamed.map_err(|error| {
            let error = error.to(to);
            match error.io_kind() {
                io::ErrorKind::CrossesDevices => {
                    error.hint("make it beside its target, with Builder::directory")
                }
                _ => error,
            }
        })?;
        Ok(())
    }
}

impl Deref for NamedTempFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl DerefMut for NamedTempFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.file
    }
}

impl AsRef<Path> for NamedTempFile {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// Opens the path for reading and writing, if it still is that file's.
fn open_again(file: &SharedFile, path: &Path) -> caio::Result<SharedFile> {
    let opened = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let (own, other) = (file.file().metadata()?, opened.metadata()?);
    if (own.dev(), own.ino()) != (other.dev(), other.ino()) {
        return Err(
            Error::system(io::ErrorKind::NotFound.into()).hint("the name is another file's")
        );
    }
    SharedFile::new(opened, path)
}

fn lock(name: &Mutex<Name>) -> MutexGuard<'_, Name> {
    name.lock().unwrap_or_else(PoisonError::into_inner)
}
