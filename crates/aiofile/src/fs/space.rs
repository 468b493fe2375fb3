//! How much room a file system has.

use std::io;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

use super::Fs;

/// A file system, as [`statvfs`] tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatVfs {
    /// Its size in bytes.
    pub total: u64,
    /// The bytes that are free, some of them perhaps for root only.
    pub free: u64,
    /// The bytes that any user may still write.
    pub available: u64,
    /// How many files it can hold; 0 where it has no such number.
    pub files: u64,
    /// How many more files it can hold.
    pub files_free: u64,
    /// In how many bytes it gives room.
    pub block_size: u64,
    /// The longest name, in bytes.
    pub name_max: u64,
    /// Whether it is mounted to be read only.
    pub read_only: bool,
}

/// The file system that a path is on: its size, what is free, and its limits. One hop.
///
/// # Errors
/// What statvfs(3) answers.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// let root = aiofile::fs::statvfs("/").await?;
/// assert!(root.available <= root.free && root.free <= root.total);
/// # Ok(()) }
/// ```
#[doc(alias = "shutil.disk_usage")]
#[doc(alias = "df")]
pub async fn statvfs(path: impl AsRef<Path>) -> io::Result<StatVfs> {
    Fs::current().await?.statvfs(path).await
}

/// How many bytes may still be written to the file system that a path is on. One hop.
///
/// # Errors
/// As for [`statvfs`].
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn available_space(path: impl AsRef<Path>) -> io::Result<u64> {
    Fs::current().await?.available_space(path).await
}

impl Fs {
    /// As [`fs::statvfs`](statvfs()).
    pub async fn statvfs(&self, path: impl AsRef<Path>) -> io::Result<StatVfs> {
        let look = |path: &Path| {
            let found = rustix::fs::statvfs(path)?;
            let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
            Ok(StatVfs {
                total: bytes(found.f_blocks),
                free: bytes(found.f_bfree),
                available: bytes(found.f_bavail),
                files: found.f_files,
                files_free: found.f_ffree,
                block_size: found.f_frsize,
                name_max: found.f_namemax,
                read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
            })
        };
        self.call("statvfs", path.as_ref(), look).await
    }

    /// As [`fs::available_space`](available_space()).
    pub async fn available_space(&self, path: impl AsRef<Path>) -> io::Result<u64> {
        Ok(self.statvfs(path).await?.available)
    }
}
