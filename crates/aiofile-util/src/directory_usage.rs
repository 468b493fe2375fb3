//! How much space each directory of a tree takes.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use aiofile::Context;
use aiofile::fs::{DiskUsage, Walk, WalkEntries};
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, stream};

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
pub struct DirectoryUsages {
    root: PathBuf,
    context: Option<Context>,
    one_file_system: bool,
    /// Begun when the first is asked for.
    usages: Option<Usages>,
}

type Usages = Pin<Box<dyn Stream<Item = io::Result<(PathBuf, DiskUsage)>> + Send>>;

impl DirectoryUsages {
    /// Of the tree below `root`, on the default context. Nothing is read yet.
    #[must_use]
    pub fn new(root: impl AsRef<Path>) -> Self {
        let root = root.as_ref().to_owned();
        Self { root, context: None, one_file_system: false, usages: None }
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
    /// Dropping the future loses nothing, and the next call goes on where it was.
    pub async fn next(&mut self) -> Option<io::Result<(PathBuf, DiskUsage)>> {
        if self.usages.is_none() {
            let (root, context) = (self.root.clone(), self.context.clone());
            let begin = Counting::begin(root, context, self.one_file_system);
            let count = |mut counting: Counting| async { Some((counting.next().await?, counting)) };
            let usages = begin.map(move |begun| match begun {
                Ok(counting) => stream::unfold(counting, count).left_stream(),
                Err(error) => stream::iter([Err(error)]).right_stream(),
            });
            self.usages = Some(usages.flatten_stream().fuse().boxed());
        }
        self.usages.as_mut()?.next().await
    }
}

impl fmt::Debug for DirectoryUsages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryUsages").field("root", &self.root).finish_non_exhaustive()
    }
}

/// A tree that is being counted.
struct Counting {
    entries: WalkEntries,
    /// Of the root.
    device: u64,
    one_file_system: bool,
    /// What was counted in the directories that are not complete, by their depth.
    sums: Vec<DiskUsage>,
    linked: HashSet<(u64, u64)>,
}

impl Counting {
    async fn begin(
        root: PathBuf,
        context: Option<Context>,
        one_file_system: bool,
    ) -> io::Result<Self> {
        let context = context_or_default(context.as_ref()).await?;
        let looked = root.clone();
        let look = move || Ok(fs::metadata(&looked).doing("disk_usage", &looked)?.dev());
        let device = context.run_on("disk_usage", &root, look).await?;
        let mut walk = Walk::new(&root);
        walk.context(&context).contents_first(true).sort(true).metadata(true);
        walk.same_file_system(one_file_system);
        let (entries, sums, linked) = (walk.entries(), Vec::new(), HashSet::new());
        Ok(Self { entries, device, one_file_system, sums, linked })
    }

    async fn next(&mut self) -> Option<io::Result<(PathBuf, DiskUsage)>> {
        loop {
            let entry = match self.entries.next().await? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            // The walk brought it along: this waits for nothing.
            let metadata = match entry.metadata().await {
                Ok(metadata) => metadata,
                Err(error) => return Some(Err(error)),
            };
            if let Some(usage) = self.count(entry.depth(), &metadata) {
                return Some(Ok((entry.into_path(), usage)));
            }
        }
    }

    /// Counts an entry, which comes after what is in it; the sum of a directory or of the root.
    fn count(&mut self, depth: usize, metadata: &Metadata) -> Option<DiskUsage> {
        if self.sums.len() < depth + 2 {
            self.sums.resize_with(depth + 2, DiskUsage::default);
        }
        let mut usage = mem::take(&mut self.sums[depth + 1]);
        let is_left_out = self.one_file_system && depth > 0 && metadata.dev() != self.device;
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
