//! Removing files and directories.

use std::io;
use std::path::Path;

use caio::PathCall;

use super::Fs;

/// Removes a name of a file. The file itself goes with its last name and its last open descriptor.
/// unlink(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers: a directory is not removed.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, the name is removed.
#[doc(alias("remove", "unlink", "rm"))]
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.remove_file(path).await
}

/// Removes a directory that is empty. rmdir(2).
///
/// # Costs
/// One hop.
///
/// # Errors
/// What the system answers: ENOTEMPTY where it is not empty.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, it is removed.
#[doc(alias("rmdir"))]
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    Fs::current().await?.remove_dir(path).await
}

impl Fs {
    /// As [`fs::remove_file`](remove_file()).
    pub async fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.make(PathCall::RemoveFile { path: path.as_ref().to_owned() }).await
    }

    /// As [`fs::remove_dir`](remove_dir()).
    pub async fn remove_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.make(PathCall::RemoveDirectory { path: path.as_ref().to_owned() }).await
    }
}
