//! Reading a file whole.

use std::io;
use std::path::Path;

use caio::{Error, ErrorKind, OpKind};

use super::Fs;

/// The contents of a file. Files of `/proc` are read whole.
///
/// # Costs
/// A file of up to 128 KiB that is cached, on a mount that an earlier open or read has found to be
/// local, costs six system calls on the calling thread and no hop (Linux 6.8 or later). Any other
/// file costs one hop, in which it is opened, read and closed; one of more than a MiB is then read
/// on from there.
///
/// # Errors
/// What opening and reading answer, with the path.
///
/// # Cancel safety
/// Dropping the future loses nothing and leaks no descriptor.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// let status = aiofile::fs::read("/proc/self/status").await?;
/// assert!(status.starts_with(b"Name:"));
/// # Ok(()) }
/// ```
#[doc(alias("read_bytes"))]
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    Fs::current().await?.read(path).await
}

/// The contents of a file, as text.
///
/// # Errors
/// [`ErrorKind::InvalidData`] where they are not UTF-8, with the offset of the first bad byte; else
/// as for [`read`].
///
/// # Cancel safety
/// As for [`read`].
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// let version = aiofile::fs::read_to_string("/proc/version").await?;
/// assert!(version.starts_with("Linux"));
/// # Ok(()) }
/// ```
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    Fs::current().await?.read_to_string(path).await
}

impl Fs {
    /// As [`fs::read`](read()).
    pub async fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        Ok(self.context().read_file(path.as_ref()).await?)
    }

    /// As [`fs::read_to_string`](read_to_string()).
    pub async fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let path = path.as_ref();
        let text = String::from_utf8(self.context().read_file(path).await?);
        Ok(text.map_err(|error| {
            let offset = error.utf8_error().valid_up_to() as u64;
            Error::new(ErrorKind::InvalidData, "the file is not UTF-8")
                .during(OpKind::ReadFile)
                .on(path)
                .at(offset)
        })?)
    }
}
