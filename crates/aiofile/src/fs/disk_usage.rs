//! How much space a tree takes, as du(1) tells it.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Fs;
use super::walk::WalkError;

/// The unit of `st_blocks`, whatever the file system's is.
const BLOCK: u64 = 512;

/// So many threads look at a tree.
const THREADS: usize = 4;

/// What a tree takes, as [`disk_usage`] gives it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct DiskUsage {
    /// The lengths of its files together.
    pub apparent_bytes: u64,
    /// The bytes of its blocks on disk: less than the lengths for files with holes, more for small
    /// files. This is what du(1) prints.
    pub allocated_bytes: u64,
    /// Everything that is no directory, each hard link to the same file as one.
    pub files: u64,
    /// The directories, the root among them.
    pub directories: u64,
    /// What could not be read and is not counted.
    pub errors: Vec<WalkError>,
}

/// What the tree below `path` takes, or a single file. Hard links to one file are counted once,
/// symbolic links are not followed but for `path` itself, and directories on other file systems are
/// counted in. What cannot be read is in [`DiskUsage::errors`].
///
/// # Costs
/// A hop for up to 1,024 entries, four at once, and one for the root; memory for each file
/// that has several links.
///
/// # Errors
/// What the system answers for `path` itself.
///
/// # Cancel safety
/// Dropping the future has no effect.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// std::fs::write(root.join("first"), [1; 5000])?;
/// std::fs::hard_link(root.join("first"), root.join("second"))?;
///
/// let usage = aiofile::fs::disk_usage(root).await?;
/// assert_eq!((usage.files, usage.directories), (1, 1));
/// assert!(usage.errors.is_empty());
/// # Ok(()) }
/// ```
#[doc(alias = "du")]
pub async fn disk_usage(path: impl AsRef<Path>) -> io::Result<DiskUsage> {
    Fs::current().await?.disk_usage(path).await
}

/// The same for what is on the file system of `path` itself: other file systems that are mounted
/// below it are left out, as `du -x` does.
///
/// # Errors
/// As for [`disk_usage`].
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn disk_usage_one_file_system(path: impl AsRef<Path>) -> io::Result<DiskUsage> {
    Fs::current().await?.disk_usage_one_file_system(path).await
}

impl Fs {
    /// As [`fs::disk_usage`](disk_usage()).
    pub async fn disk_usage(&self, path: impl AsRef<Path>) -> io::Result<DiskUsage> {
        self.usage(path.as_ref(), false).await
    }

    /// As [`fs::disk_usage_one_file_system`](disk_usage_one_file_system()).
    pub async fn disk_usage_one_file_system(
        &self,
        path: impl AsRef<Path>,
    ) -> io::Result<DiskUsage> {
        self.usage(path.as_ref(), true).await
    }

    async fn usage(&self, path: &Path, one_file_system: bool) -> io::Result<DiskUsage> {
        let device = self.call("disk_usage", path, |path| Ok(fs::metadata(path)?.dev())).await?;
        let mut walk = self.walk(path);
        walk.parallel(THREADS).metadata(true).same_file_system(one_file_system);
        let mut entries = walk.entries();
        let mut usage = DiskUsage::default();
        let mut linked = HashSet::new();
        while let Some(entry) = entries.next().await {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    usage.errors.push(error);
                    continue;
                }
            };
            let Some(metadata) = entry.known_metadata() else { continue };
            let is_other = entry.depth() > 0 && metadata.dev() != device;
            let is_new = metadata.is_dir() || metadata.nlink() < 2 || linked.insert(id(metadata));
            if is_new && !(one_file_system && is_other) {
                usage.count(metadata);
            }
        }
        Ok(usage)
    }
}

fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// What the blocks of a file take on disk.
pub(super) fn allocated_bytes(metadata: &Metadata) -> u64 {
    metadata.blocks() * BLOCK
}

impl DiskUsage {
    fn count(&mut self, metadata: &Metadata) {
        if metadata.is_dir() {
            self.directories += 1;
        } else {
            self.files += 1;
        }
        self.apparent_bytes += metadata.len();
        self.allocated_bytes += allocated_bytes(metadata);
    }
}
