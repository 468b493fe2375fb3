//! Reading a file whole.

use std::path::Path;

use caio::{Error, ErrorKind, OpKind, Result};

use crate::runtime::default_context_for_task;

/// The contents of a file.
///
/// A file of up to 128 KiB that is cached, on a mount that an earlier open or read has found to be
/// local, costs six system calls on the calling thread and no hop (Linux 6.8 or later). Any other
/// file costs one hop, in which it is opened, read and closed; one of more than a MiB is then read
/// on from there. Files of `/proc` are read whole.
///
/// # Errors
/// What opening and reading answer, with the path.
///
/// # Cancel safety
/// Dropping the future loses nothing and leaks no descriptor.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// let status = aiofile::fs::read("/proc/self/status").await?;
/// assert!(status.starts_with(b"Name:"));
/// # Ok(()) }
/// ```
pub async fn read(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    default_context_for_task().await?.read_file(path.as_ref()).await
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
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// let version = aiofile::fs::read_to_string("/proc/version").await?;
/// assert!(version.starts_with("Linux"));
/// # Ok(()) }
/// ```
pub async fn read_to_string(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    String::from_utf8(read(path).await?).map_err(|error| {
        let offset = error.utf8_error().valid_up_to() as u64;
        Error::new(ErrorKind::InvalidData, "the file is not UTF-8")
            .during(OpKind::ReadFile)
            .on(path)
            .at(offset)
    })
}
