//! Hard and symbolic links.

use std::io;
use std::path::{Path, PathBuf};

use super::Fs;

/// Gives a file one more name on the same file system. linkat(2); a symbolic link is not followed.
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers, with both paths.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, the link is made.
#[doc(alias("link"))]
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.hard_link(original, link).await
}

/// Makes a symbolic link that says `original`, whether that is there or not. symlink(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers, with both paths.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, the link is made.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let link = directory.path().join("current");
/// use aiofile::fs;
/// use std::path::Path;
///
/// fs::symlink("release-7", &link).await?;
/// assert_eq!(fs::read_link(&link).await?, Path::new("release-7"));
/// # Ok(()) }
/// ```
pub async fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.symlink(original, link).await
}

/// What a symbolic link says. readlink(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers: EINVAL where the path is no symbolic link.
///
/// # Cancel safety
/// Dropping the future has no effect.
#[doc(alias("readlink"))]
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    Fs::current().await?.read_link(path).await
}

impl Fs {
    /// As [`fs::hard_link`](hard_link()).
    pub async fn hard_link(
        &self,
        original: impl AsRef<Path>,
        link: impl AsRef<Path>,
    ) -> io::Result<()> {
        let paths = (original.as_ref(), link.as_ref());
        self.call_on_two("hard_link", paths, |from, to| std::fs::hard_link(from, to)).await
    }

    /// As [`fs::symlink`](symlink()).
    pub async fn symlink(
        &self,
        original: impl AsRef<Path>,
        link: impl AsRef<Path>,
    ) -> io::Result<()> {
        let paths = (original.as_ref(), link.as_ref());
        self.call_on_two("symlink", paths, |from, to| std::os::unix::fs::symlink(from, to)).await
    }

    /// As [`fs::read_link`](read_link()).
    pub async fn read_link(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        self.call("read_link", path.as_ref(), |path| std::fs::read_link(path)).await
    }
}
