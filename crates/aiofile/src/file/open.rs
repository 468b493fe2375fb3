//! Opening, as tokio's `File` does it.

use std::io;
use std::path::Path;

use super::File;
use crate::options::OpenOptions;

impl File {
    /// Opens a file to read it. One hop.
    ///
    /// # Errors
    /// What open(2) answers, with the path.
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::File;
    /// use tokio::io::AsyncReadExt;
    ///
    /// let mut text = String::new();
    /// File::open("/proc/version").await?.read_to_string(&mut text).await?;
    /// assert!(text.starts_with("Linux"));
    /// # Ok(()) }
    /// ```
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens a file to write it, creates it where it is missing, and cuts off what is in it. One
    /// hop.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. A file may have been created or truncated.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::File;
    /// use tokio::io::AsyncWriteExt;
    ///
    /// File::create(&path).await?.write_all(b"new").await?;
    /// assert_eq!(std::fs::read(&path)?, b"new");
    /// # Ok(()) }
    /// ```
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path).await
    }

    /// Creates a file to read and write it, and fails where something of that name exists. One hop.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    ///
    /// # Cancel safety
    /// As for [`create`](Self::create).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("lock");
    /// use aiofile::File;
    ///
    /// let lock = File::create_new(&path).await?;
    /// let error = File::create_new(&path).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// # Ok(()) }
    /// ```
    pub async fn create_new<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path).await
    }

    /// Options to open a file with, as [`OpenOptions::new`].
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }
}
