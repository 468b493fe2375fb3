//! A temporary file without a name.

use std::io;

use super::{Builder, File};

/// A file in [`temp_dir`](super::temp_dir()) that has no name: no other process finds it, and the
/// kernel gives its space back when the last handle on it is gone, however the process ends. One
/// hop.
///
/// # Errors
/// What open(2) answers, with the directory.
///
/// # Cancel safety
/// Dropping the future leaves nothing behind.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::io::SeekFrom;
/// use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// let mut file = aiofile::tempfile::tempfile().await?;
/// AsyncWriteExt::write_all(&mut file, b"scratch").await?;
/// AsyncSeekExt::seek(&mut file, SeekFrom::Start(0)).await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// assert_eq!(text, "scratch");
/// # Ok(()) }
/// ```
#[doc(alias("TemporaryFile", "TempFile"))]
pub async fn tempfile() -> io::Result<File> {
    Builder::new().unnamed().await
}
