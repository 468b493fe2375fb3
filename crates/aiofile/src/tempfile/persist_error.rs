//! Why a temporary file did not get its lasting name.

use std::error::Error;
use std::fmt;
use std::io;

use super::NamedTempFile;

/// What [`NamedTempFile::persist`] answers where the file could not be renamed: the reason, and the
/// file as it was. `?` turns it into an [`io::Error`], and removes the file.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::tempfile::NamedTempFile;
///
/// let file = NamedTempFile::new().await?;
/// let refused = file.persist("/proc/nowhere").await.unwrap_err();
/// assert!(refused.file.path().exists());
/// assert!(refused.error.to_string().contains("/proc/nowhere"));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct PersistError {
    /// Why.
    pub error: io::Error,
    /// The file, still temporary.
    pub file: NamedTempFile,
}

impl fmt::Display for PersistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for PersistError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl From<PersistError> for io::Error {
    fn from(refused: PersistError) -> Self {
        refused.error
    }
}
