//! Renaming.

use std::io;
use std::path::Path;

use caio::PathCall;

use super::Fs;

/// Gives a file or a directory another name on the same file system, in place of what has that name
/// now, at once. rename(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers, with both paths; EXDEV between two file systems.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, the renaming is done.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("draft");
/// # let target = directory.path().join("final"); std::fs::write(&path, "text")?;
/// use aiofile::fs;
///
/// fs::rename(&path, &target).await?;
/// assert_eq!(fs::read(&target).await?, b"text");
/// # let (path, target) = ("/a", "/b");
/// let error = fs::rename(path, target).await.unwrap_err();
/// assert_eq!(error.to_string(), "rename /a to /b: No such file or directory (os error 2)");
/// # Ok(()) }
/// ```
#[doc(alias("mv", "replace", "renames"))]
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.rename(from, to).await
}

impl Fs {
    /// As [`fs::rename`](rename()).
    pub async fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
        self.make(PathCall::Rename { from, to }).await
    }
}
