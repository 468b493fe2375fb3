//! From std and back, to the file with a cursor, and another descriptor.

use std::io;
use std::sync::Arc;

use caio::{BackendKind, Config, Context, Error, Result, SharedFile};

use super::AioFile;
use crate::file::File;
use crate::runtime::{context, default_context};

impl AioFile {
    /// Takes over a file that std opened, in the default context. It is addressed by offset and its
    /// own position stays where it is, which a duplicate of standard output shares with what is
    /// printed: [`async_open`](crate::async_open()) keeps to it.
    ///
    /// # Errors
    /// Where the default context cannot be made or the descriptor cannot be examined.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::AioFile;
    ///
    /// let file = AioFile::from_std(tempfile::tempfile()?)?;
    /// file.write_all_at("scratch", 0).await?;
    /// assert_eq!(file.read_to_end(0).await?, "scratch");
    /// # Ok(()) }
    /// ```
    pub fn from_std(file: std::fs::File) -> io::Result<Self> {
        Self::from_std_in(&default_context()?, file)
    }

    /// As [`from_std`](Self::from_std). Where that fails, each operation returns the error.
    ///
    /// # Panics
    /// Where no context can be made at all.
    pub(crate) fn from_std_or_broken(file: std::fs::File) -> Self {
        let (context, made) = match default_context() {
            Ok(context) => (context, SharedFile::from_std(file)),
            Err(error) => {
                let plain = context().config(Config::default()).backend(BackendKind::Rust);
                (plain.build().expect("there are threads to be had"), Err(error))
            }
        };
        let handles = Arc::new(());
        let (file, broken) = match made {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error)),
        };
        Self { context, file, handles, bounce: None, is_foreign: true, broken }
    }

    /// As [`from_std`](Self::from_std), in this context.
    ///
    /// # Errors
    /// Where the descriptor cannot be examined.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::AioFile;
    ///
    /// let context = aiofile::context().max_requests(8).build()?;
    /// let file = AioFile::from_std_in(&context, tempfile::tempfile()?)?;
    /// file.write_all_at("scratch", 0).await?;
    /// assert_eq!(context.metrics().bytes_written, 7);
    /// # Ok(()) }
    /// ```
    pub fn from_std_in(context: &Context, file: std::fs::File) -> io::Result<Self> {
        let file = SharedFile::from_std(file)?;
        Ok(Self::foreign(context.clone(), file))
    }

    /// A descriptor that was opened elsewhere, with a name for messages.
    pub(crate) fn foreign(context: Context, file: SharedFile) -> Self {
        Self { is_foreign: true, ..Self::new(context, file, None) }
    }

    /// Gives the file back to std. The only handle gives the descriptor itself, after the
    /// operations in flight have ended; one of several gives a duplicate.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), or what fcntl(2) answers to the
    /// duplication; [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown) where a shutdown of the
    /// context has given up what uses the file.
    ///
    /// # Cancel safety
    /// Dropping the future closes this handle, after the operations in flight.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::AioFile;
    /// use std::io::Read;
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// file.write_all_at("for std", 0).await?;
    /// let mut text = String::new();
    /// file.into_std().await?.read_to_string(&mut text)?;
    /// assert_eq!(text, "for std");
    /// # Ok(()) }
    /// ```
    pub async fn into_std(mut self) -> io::Result<std::fs::File> {
        let file = self.file.take().ok_or_else(super::closed)?;
        if Arc::strong_count(&self.handles) > 1 {
            let copy = file.file().try_clone();
            return Ok(copy.map_err(|error| Error::system(error).on(file.path()))?);
        }
        if let Some(second) = self.bounce.take() {
            drop(self.context.release(second).await);
        }
        let descriptor = self.context.release(file).await?.ok_or_else(super::closed)?;
        Ok(descriptor.into())
    }

    /// The same file with a cursor, which begins at the start, or where a descriptor stands that
    /// was opened elsewhere.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::AioFile;
    ///
    /// let mut file = AioFile::open("/proc/version", "r").await?.into_file();
    /// assert!(file.readline().await?.starts_with(b"Linux"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn into_file(self) -> File {
        self.into()
    }

    /// Another descriptor of the same file.
    pub(crate) async fn duplicate(&self) -> Result<Self> {
        let file = self.file()?.clone();
        let path = file.path().to_owned();
        let copy = self.context.run_on("duplicate", &path, move || file.duplicate()).await?;
        let bounce = match &self.bounce {
            Some(_) => Some(self.context.reopen_buffered(&copy).await?),
            None => None,
        };
        let copy = Self::new(self.context.clone(), copy, bounce);
        Ok(Self { is_foreign: self.is_foreign, ..copy })
    }
}

impl From<&AioFile> for AioFile {
    /// Another handle on the same descriptor.
    fn from(file: &AioFile) -> Self {
        file.clone()
    }
}
