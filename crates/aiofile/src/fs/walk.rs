//! Walking a tree of directories.

mod entries;
mod entry;
mod ordered;
mod parallel;

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caio::Context;

use super::Fs;
pub use entries::WalkEntries;
use entry::Item;
pub use entry::{WalkEntry, WalkError};

/// Starts to describe a walk through the tree below `root`. [`Walk::entries`] begins it.
///
/// The rules are those of the crate `walkdir`: `root` itself is the first entry, with depth 0; a
/// directory comes before what is in it; symbolic links are entries and are not followed, but for
/// `root` itself. What cannot be read is an item with its path, and the walk goes on.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let root = directory.path();
/// # std::fs::create_dir(root.join(".git"))?; std::fs::write(root.join(".git/HEAD"), "")?;
/// # std::fs::write(root.join("main.rs"), "")?;
/// use aiofile::fs;
///
/// let mut entries =
///     fs::walk(root).filter_entry(|entry| entry.file_name() != ".git").sort(true).entries();
/// let mut files = Vec::new();
/// while let Some(entry) = entries.next().await {
///     let entry = entry?;
///     if entry.file_type().is_file() {
///         files.push(entry.into_path());
///     }
/// }
/// assert_eq!(files, [root.join("main.rs")]);
/// # Ok(()) }
/// ```
#[doc(alias = "fwalk")]
pub fn walk(root: impl AsRef<Path>) -> Walk {
    Walk::new(root)
}

impl Fs {
    /// As [`fs::walk`](walk()).
    pub fn walk(&self, root: impl AsRef<Path>) -> Walk {
        let mut walk = Walk::new(root);
        walk.context(self.context());
        walk
    }
}

/// A walk that is to begin: where, how deep, in which order. Made by [`walk()`].
#[derive(Debug, Clone)]
pub struct Walk {
    options: Options,
    context: Option<Context>,
}

/// How to walk.
#[derive(Clone)]
struct Options {
    root: PathBuf,
    min_depth: usize,
    max_depth: usize,
    follow_links: bool,
    same_file_system: bool,
    sort: bool,
    contents_first: bool,
    parallel: usize,
    max_open: usize,
    metadata: bool,
    /// Whether to give an entry and to descend into it.
    filter: Option<Condition>,
    /// Whether to give an entry, which says nothing of what is below it.
    select: Option<Condition>,
    /// Whether paths below the root `.` are given without it.
    bare: bool,
    /// Whether a root that is not there is no error.
    optional: bool,
}

type Condition = Arc<dyn Fn(&WalkEntry) -> bool + Send + Sync>;

impl Walk {
    /// A walk through the tree below `root`, as [`walk()`] gives it.
    pub fn new(root: impl AsRef<Path>) -> Self {
        let options = Options {
            root: root.as_ref().to_owned(),
            min_depth: 0,
            max_depth: usize::MAX,
            follow_links: false,
            same_file_system: false,
            sort: false,
            contents_first: false,
            parallel: 1,
            max_open: 10,
            metadata: false,
            filter: None,
            select: None,
            bare: false,
            optional: false,
        };
        Self { options, context: None }
    }

    /// Gives no entry that is less deep than this. The root has depth 0.
    pub fn min_depth(&mut self, depth: usize) -> &mut Self {
        self.options.min_depth = depth;
        self
    }

    /// Gives no entry that is deeper than this, and reads no directory for one.
    pub fn max_depth(&mut self, depth: usize) -> &mut Self {
        self.options.max_depth = depth;
        self
    }

    /// Whether to take a symbolic link for what it leads to. A link that leads to a directory which
    /// it is in is an error with [`WalkError::loop_ancestor`], and the walk goes on behind it.
    #[doc(alias = "followlinks")]
    pub fn follow_links(&mut self, follow: bool) -> &mut Self {
        self.options.follow_links = follow;
        self
    }

    /// Whether to stay on the root's file system: directories on others are given and not entered.
    /// Costs a look at each directory.
    pub fn same_file_system(&mut self, same: bool) -> &mut Self {
        self.options.same_file_system = same;
        self
    }

    /// Whether to give the entries of each directory in the order of their names, byte by byte;
    /// otherwise they come as the system has them. Each directory is then read whole.
    pub fn sort(&mut self, sort: bool) -> &mut Self {
        self.options.sort = sort;
        self
    }

    /// Whether a directory comes after what is in it.
    #[doc(alias = "topdown")]
    pub fn contents_first(&mut self, first: bool) -> &mut Self {
        self.options.contents_first = first;
        self
    }

    /// How many threads of the context's pool read directories at once. With more than one, entries
    /// come in no order, but for a directory, which always comes before what is in it. Default 1.
    pub fn parallel(&mut self, threads: usize) -> &mut Self {
        self.options.parallel = threads.max(1);
        self
    }

    /// How many directories may be open at once, in a walk that is not parallel; those of a deeper
    /// tree are read into memory instead. Default 10. (A parallel walk has three for each thread.)
    pub fn max_open(&mut self, directories: usize) -> &mut Self {
        self.options.max_open = directories;
        self
    }

    /// Whether each entry brings its metadata along, so that [`WalkEntry::metadata`] costs no hop.
    pub fn metadata(&mut self, metadata: bool) -> &mut Self {
        self.options.metadata = metadata;
        self
    }

    /// Leaves out the entries for which the closure says `false`, with all that is below them. It
    /// is called on threads of the pool, and not for entries that [`min_depth`](Self::min_depth)
    /// leaves out.
    pub fn filter_entry(
        &mut self,
        filter: impl Fn(&WalkEntry) -> bool + Send + Sync + 'static,
    ) -> &mut Self {
        self.options.filter = Some(Arc::new(filter));
        self
    }

    /// Gives only the entries for which the closure says `true`; all are walked through.
    pub(super) fn select(
        &mut self,
        select: impl Fn(&WalkEntry) -> bool + Send + Sync + 'static,
    ) -> &mut Self {
        self.options.select = Some(Arc::new(select));
        self
    }

    /// Gives paths below the root `.` without it.
    pub(super) fn bare(&mut self, bare: bool) -> &mut Self {
        self.options.bare = bare;
        self
    }

    /// A root that is not there is no error: then there are no entries.
    pub(super) fn optional(&mut self, optional: bool) -> &mut Self {
        self.options.optional = optional;
        self
    }

    /// On which context; else on the default one of the task that asks for the first entry.
    pub fn context(&mut self, context: &Context) -> &mut Self {
        self.context = Some(context.clone());
        self
    }

    /// The entries. Nothing is read before the first is asked for.
    ///
    /// # Costs
    /// A hop for up to 1,024 entries of as many directories, or for what takes 5 ms. While
    /// these are taken, the next ones are read, and no more than these. In memory are those, what
    /// `max_open` says, and with [`parallel`](Self::parallel) the paths of directories that were
    /// found and not read.
    #[doc(alias = "scandir")]
    pub fn entries(&self) -> WalkEntries {
        WalkEntries::new(self.options.clone(), self.context.clone())
    }
}

impl Options {
    /// The order that was asked for and cannot be had, if any.
    fn contradiction(&self) -> Option<&'static str> {
        match self {
            Self { sort: true, parallel: 2.., .. } => {
                Some("a parallel walk has no order, so it cannot be sorted")
            }
            Self { contents_first: true, parallel: 2.., .. } => {
                Some("a parallel walk has no order, so contents cannot come first")
            }
            Self { contents_first: true, filter: Some(_), .. } => {
                Some("filter_entry decides before the contents of a directory, which come first")
            }
            _ => None,
        }
    }

    fn admits(&self, entry: &WalkEntry) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter(entry))
    }

    /// The item that an admitted entry becomes, if it is wanted.
    fn item(&self, entry: WalkEntry) -> Option<Item> {
        if !self.select.as_ref().is_none_or(|select| select(&entry)) {
            return None;
        }
        let entry = if self.bare { entry.without_dot() } else { entry };
        Some(if self.metadata { entry.with_metadata() } else { Ok(entry) })
    }

    /// The item that an error becomes.
    fn failure(&self, error: WalkError) -> Option<Item> {
        let is_missing = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        (!(self.optional && error.depth() == 0 && is_missing)).then_some(Err(error))
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("root", &self.root)
            .field("min_depth", &self.min_depth)
            .field("max_depth", &self.max_depth)
            .field("follow_links", &self.follow_links)
            .field("same_file_system", &self.same_file_system)
            .field("sort", &self.sort)
            .field("contents_first", &self.contents_first)
            .field("parallel", &self.parallel)
            .field("max_open", &self.max_open)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}
