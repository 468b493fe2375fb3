//! The one absolute path of a file.

use std::io;
use std::path::{Path, PathBuf};

use caio::{Output, PathCall};

use super::Fs;

/// The absolute path, without `.` and `..` and with all symbolic links followed. realpath(3).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers: all of the path has to be there.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use aiofile::fs;
/// use std::path::Path;
///
/// assert_eq!(fs::canonicalize("/proc/../proc/./version").await?, Path::new("/proc/version"));
/// # Ok(()) }
/// ```
#[doc(alias("realpath", "abspath"))]
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    Fs::current().await?.canonicalize(path).await
}

impl Fs {
    /// As [`fs::canonicalize`](canonicalize()).
    pub async fn canonicalize(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = path.as_ref().to_owned();
        match self.context().on_path(PathCall::Canonicalize { path }).await? {
            Output::Path(found) => Ok(found),
            _ => Err(io::Error::other("the backend gave no path")),
        }
    }
}
