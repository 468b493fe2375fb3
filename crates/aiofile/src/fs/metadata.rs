//! What the system knows of a path.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::Fs;

/// Type, length, times, owner and mode of what is at a path; of a symbolic link, of what it leads
/// to. stat(2).
///
/// # Costs
/// Where the path is cached, on a mount that an earlier look has found to be local, four system
/// calls and no hop (Linux 6.8 or later). Else one hop.
///
/// # Errors
/// What the system answers.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// let metadata = aiofile::fs::metadata("/proc/self/exe").await?;
/// assert!(metadata.is_file() && metadata.len() > 0);
/// # Ok(()) }
/// ```
#[doc(alias("stat", "getsize", "getmtime", "isfile", "isdir"))]
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    Fs::current().await?.metadata(path).await
}

/// As [`metadata`], of a symbolic link itself. lstat(2).
///
/// # Costs
/// As for [`metadata`].
///
/// # Errors
/// What the system answers.
///
/// # Cancel safety
/// Dropping the future has no effect.
#[doc(alias("lstat", "islink"))]
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    Fs::current().await?.symlink_metadata(path).await
}

/// Whether there is something at a path; whether a symbolic link leads to something.
///
/// # Costs
/// As for [`metadata`]; one system call where the directory cache knows that there is nothing.
///
/// # Errors
/// Where that cannot be found out: a directory above may not be searched, or is none.
///
/// # Cancel safety
/// Dropping the future has no effect.
#[doc(alias("exists"))]
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    Fs::current().await?.try_exists(path).await
}

impl Fs {
    /// As [`fs::metadata`](metadata()).
    pub async fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        Ok(self.context().path_metadata(path.as_ref(), true).await?)
    }

    /// As [`fs::symlink_metadata`](symlink_metadata()).
    pub async fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        Ok(self.context().path_metadata(path.as_ref(), false).await?)
    }

    /// As [`fs::try_exists`](try_exists()).
    pub async fn try_exists(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        match self.context().path_metadata(path.as_ref(), true).await {
            Ok(_) => Ok(true),
            Err(error) if error.io_kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
