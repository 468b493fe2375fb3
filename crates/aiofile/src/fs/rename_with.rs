//! Renames that replace nothing.

use std::io;
use std::path::Path;

use caio::{Error, PathCall};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::Fs;

/// Renames a file or a directory, unless there is something at `to`: it is one step of the file
/// system's, so that nothing that comes there meanwhile is lost. One hop.
///
/// # Errors
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists) where there is something at `to`; EINVAL on a
/// file system that has no such renaming; else what renameat2(2) answers.
///
/// # Cancel safety
/// A future that is dropped may have renamed.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// # let (new, old) = (root.join("new"), root.join("old"));
/// # std::fs::write(&new, "new")?; std::fs::write(&old, "old")?;
/// let error = aiofile::fs::rename_noreplace(&new, &old).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
/// assert_eq!(std::fs::read(&old)?, b"old");
/// # Ok(()) }
/// ```
pub async fn rename_noreplace(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.rename_noreplace(from, to).await
}

/// Has two files or directories change places, in one step. One hop.
///
/// # Errors
/// Both must be there, on one file system; EINVAL where it has no such renaming; else what
/// renameat2(2) answers.
///
/// # Cancel safety
/// A future that is dropped may have renamed.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// # let (next, current) = (root.join("next"), root.join("current"));
/// # std::fs::write(&next, "2")?; std::fs::write(&current, "1")?;
/// aiofile::fs::rename_exchange(&next, &current).await?;
/// assert_eq!(std::fs::read(&current)?, b"2");
/// assert_eq!(std::fs::read(&next)?, b"1");
/// # Ok(()) }
/// ```
pub async fn rename_exchange(first: impl AsRef<Path>, second: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.rename_exchange(first, second).await
}

impl Fs {
    /// As [`fs::rename_noreplace`](rename_noreplace()).
    pub async fn rename_noreplace(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> io::Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        if self.context().info().capability.own_files {
            let rename = PathCall::RenameNew { from: from.to_owned(), to: to.to_owned() };
            return self.make(rename).await;
        }
        self.rename_with("rename_noreplace", (from, to), RenameFlags::NOREPLACE).await
    }

    /// As [`fs::rename_exchange`](rename_exchange()).
    pub async fn rename_exchange(
        &self,
        first: impl AsRef<Path>,
        second: impl AsRef<Path>,
    ) -> io::Result<()> {
        let paths = (first.as_ref(), second.as_ref());
        self.rename_with("rename_exchange", paths, RenameFlags::EXCHANGE).await
    }

    async fn rename_with(
        &self,
        name: &'static str,
        paths: (&Path, &Path),
        flags: RenameFlags,
    ) -> io::Result<()> {
        let rename = move |from: &Path, to: &Path| Ok(renameat_with(CWD, from, CWD, to, flags)?);
        self.call_on_two(name, paths, rename).await.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => {
                Error::system(error).hint("the file system may have no such renaming").into()
            }
            _ => error,
        })
    }
}
