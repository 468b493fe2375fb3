//! How much space each directory of a tree takes.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aiofile::Context;
use aiofile::fs::{DiskUsage, Walk, WalkEntries};

use crate::steps::{Doing, context_or_default};

/// The unit of `st_blocks`, whatever the file system's is.
const BLOCK: u64 = 512;

/// What each directory of a tree takes, with all that is below it. Each comes after those that are
/// in it, so that the root is the last. A root that is no directory is the only one.
///
/// Hard links to one file are counted once, where the first is met, and symbolic links are not
/// followed but for the root. The sum of the root alone, faster, is
/// [`disk_usage`](aiofile::fs::disk_usage).
///
/// Costs: a hop for up to 1,024 entries; memory for each level of the tree, and for each file that
/// has several links.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// std::fs::create_dir(root.join("inner"))?;
/// std::fs::write(root.join("inner/file"), "seven")?;
///
/// let mut usages = aiofile_util::DirectoryUsages::new(root);
/// let (path, inner) = usages.next().await.unwrap()?;
/// assert_eq!((path, inner.files, inner.directories), (root.join("inner"), 1, 1));
/// let (path, whole) = usages.next().await.unwrap()?;
/// assert_eq!((path.as_path(), whole.files, whole.directories), (root, 1, 2));
/// assert!(usages.next().await.is_none());
/// # Ok(()) }
/// ```
#[doc(alias = "du")]
#[derive(Debug)]
pub struct DirectoryUsages {
    root: PathBuf,
    context: Option<Context>,
    one_file_system: bool,
    /// The walk, and the device of the root; begun when the first is asked for.
    begun: Option<(WalkEntries, u64)>,
    /// What was counted in the directories that are not complete, by their depth.
    sums: Vec<DiskUsage>,
    linked: HashSet<(u64, u64)>,
    is_over: bool,
}

impl DirectoryUsages {
    /// Of the tree below `root`, on the default context. Nothing is read yet.
    #[must_use]
    pub fn new(root: impl AsRef<Path>) -> Self {
        Self {
            root: root.as_ref().to_owned(),
            context: None,
            one_file_system: false,
            begun: None,
            sums: Vec::new(),
            linked: HashSet::new(),
            is_over: false,
        }
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Leaves out what is mounted below the root.
    #[must_use]
    pub fn one_file_system(mut self, only: bool) -> Self {
        self.one_file_system = only;
        self
    }

    /// The next directory and what it takes; `None` after the root.
    ///
    /// # Errors
    /// What cannot be read: it is not counted, and the next call goes on. Where it is the root
    /// itself, there is nothing more.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<(PathBuf, DiskUsage)>> {
        if self.is_over {
            return None;
        }
        if self.begun.is_none() {
            match self.begin().await {
                Ok(begun) => self.begun = Some(begun),
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
        loop {
            let (entries, device) = self.begun.as_mut()?;
            let device = *device;
            let entry = match entries.next().await? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            // The walk brought it along: this waits for nothing.
            let metadata = match entry.metadata().await {
                Ok(metadata) => metadata,
                Err(error) => return Some(Err(error)),
            };
            if let Some(usage) = self.count(entry.depth(), &metadata, device) {
                return Some(Ok((entry.into_path(), usage)));
            }
        }
    }

    async fn begin(&self) -> io::Result<(WalkEntries, u64)> {
        let context = context_or_default(self.context.as_ref()).await?;
        let root = self.root.clone();
        let look = move || Ok(fs::metadata(&root).doing("disk_usage", &root)?.dev());
        let device = context.run_on("disk_usage", &self.root, look).await?;
        let mut walk = Walk::new(&self.root);
        walk.context(&context).contents_first(true).sort(true).metadata(true);
        walk.same_file_system(self.one_file_system);
        Ok((walk.entries(), device))
    }

    /// Counts an entry, which comes after what is in it; the sum of a directory or of the root.
    fn count(&mut self, depth: usize, metadata: &Metadata, device: u64) -> Option<DiskUsage> {
        if self.sums.len() < depth + 2 {
            self.sums.resize_with(depth + 2, DiskUsage::default);
        }
        let mut usage = mem::take(&mut self.sums[depth + 1]);
        let is_left_out = self.one_file_system && depth > 0 && metadata.dev() != device;
        let is_known = !metadata.is_dir()
            && metadata.nlink() > 1
            && !self.linked.insert((metadata.dev(), metadata.ino()));
        if !is_left_out && !is_known {
            usage.apparent_bytes += metadata.len();
            usage.allocated_bytes += metadata.blocks() * BLOCK;
            *if metadata.is_dir() { &mut usage.directories } else { &mut usage.files } += 1;
        }
        let sum = &mut self.sums[depth];
        sum.apparent_bytes += usage.apparent_bytes;
        sum.allocated_bytes += usage.allocated_bytes;
        sum.directories += usage.directories;
        sum.files += usage.files;
        (depth == 0 || metadata.is_dir() && !is_left_out).then_some(usage)
    }
}
