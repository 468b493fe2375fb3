//! One directory made like another one.

mod acl;
mod attributes;
mod directory;
mod driver;
mod entry;
mod links;
mod list;
mod prepare;
mod report;
mod side;
mod task;
mod xattrs;

use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use aiofile::Context;
use aiofile::fs::CopyOptions;

pub use report::{Action, SyncEvent, SyncReport};

use report::Listener;

/// When two files count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compare {
    /// Where size and time of change are equal. Nothing is read.
    #[default]
    SizeAndTime,
    /// Where size and contents are equal: both are read, and their BLAKE3 hashes compared.
    Contents,
}

/// How a directory is made like another one.
///
/// ```
/// # fn main() -> std::io::Result<()> { futures_executor::block_on(async {
/// # let directory = tempfile::tempdir()?; std::env::set_current_dir(&directory)?;
/// use aiofile_util::SyncOptions;
///
/// std::fs::create_dir_all("photos/2026")?;
/// std::fs::write("photos/2026/one.jpg", "contents")?;
/// let options = SyncOptions::new().delete(true);
/// let first = options.sync("photos", "backup").await?;
/// assert_eq!((first.created, first.errors.len()), (3, 0));
/// let second = options.sync("photos", "backup").await?;
/// assert_eq!((second.created, second.unchanged), (0, 1));
/// # Ok(()) }) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    context: Option<Context>,
    jobs: Option<NonZeroUsize>,
    settings: Settings,
    copying: CopyOptions,
    listener: Listener,
}

/// What is to be done and what is not.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct Settings {
    compare: Compare,
    delete: bool,
    dry_run: bool,
    durable: bool,
    keep_owner: bool,
    keep_xattrs: bool,
    keep_hard_links: bool,
}

impl SyncOptions {
    /// By size and time, deleting nothing, in the default context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// So many files or directories at once; twice as many as there are processors unless set.
    #[must_use]
    pub fn jobs(mut self, jobs: NonZeroUsize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// When two files count as the same.
    #[must_use]
    pub fn compare(mut self, compare: Compare) -> Self {
        self.settings.compare = compare;
        self
    }

    /// Whether what the source does not have is deleted in the target. Where a directory of the
    /// source cannot be read, nothing is deleted in its counterpart.
    #[must_use]
    pub fn delete(mut self, delete: bool) -> Self {
        self.settings.delete = delete;
        self
    }

    /// Whether the target stays as it is, and the report tells what would be done.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.settings.dry_run = dry_run;
        self
    }

    /// Whether all is on the device when it is done: an fsync of each file before it gets its name,
    /// and of each directory in which something was done. Without it, a loss of power can leave a
    /// file with its name, size and time, and zeros for contents, which a later run by
    /// [`SizeAndTime`](Compare::SizeAndTime) takes for the same: compare contents after one.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.settings.durable = durable;
        self
    }

    /// Whether owner and group are kept, which the system allows to few.
    #[must_use]
    pub fn keep_owner(mut self, keep: bool) -> Self {
        self.settings.keep_owner = keep;
        self
    }

    /// Whether extended attributes are kept, access control lists among them: those of the source,
    /// and no others. Costs opening each file and directory on both sides to compare them. Unless
    /// set, the group of a file with an access control list gets what the list gives to it, which
    /// its mode does not show, and whoever else is named there gets nothing.
    #[must_use]
    pub fn keep_xattrs(mut self, keep: bool) -> Self {
        self.settings.keep_xattrs = keep;
        self
    }

    /// Whether names of one file in the source become names of one file in the target, and names of
    /// several files do not. Unless set, each name becomes a file of its own, and names that are
    /// there stay as they are. Costs memory for each file with several names.
    #[must_use]
    pub fn keep_hard_links(mut self, keep: bool) -> Self {
        self.settings.keep_hard_links = keep;
        self
    }

    /// How the bytes of files are copied: whether blocks are shared, what goes through the backend
    /// and in which blocks, whether the copies are verified. What is kept of the source, how a copy
    /// gets its name, the context and who is told of progress are said here and not there.
    #[must_use]
    pub fn copying(mut self, options: &CopyOptions) -> Self {
        self.copying = options.clone();
        self
    }

    /// Tells what is done as it is done. [`ControlFlow::Break`] ends the work.
    #[must_use]
    pub fn on_event(
        mut self,
        listener: impl Fn(&SyncEvent<'_>) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.listener = Listener::new(listener);
        self
    }

    /// Makes the directory `to` like the directory `from`: files that differ are copied with their
    /// holes, directories made, symbolic links made as links, with the permissions and times of the
    /// source. Sockets, FIFOs and devices are passed over.
    ///
    /// A file appears under its name when it is complete, with its times. So a run that was
    /// interrupted leaves no half file there, and the next one goes on behind it; what a killed
    /// one left under a temporary name is removed by the next. A file that changes while it is
    /// copied is an error. Where a file, a link or an empty directory stands in the way of
    /// something of another kind, it is replaced; a directory with contents only with
    /// [`delete`](Self::delete).
    ///
    /// Both trees are walked from directory to directory through no link, so that nobody who puts a
    /// link in the place of a directory meanwhile leads the work out of them.
    ///
    /// Costs: one hop for each directory, and three for each file that is copied, which
    /// [`CopyOptions`] says more about; comparing contents reads both files.
    ///
    /// # Errors
    /// `from` that is no directory; `to` inside `from` or the other way round; where `to` cannot be
    /// made; what stopped the work. What happens to one path of many is in
    /// [`SyncReport::errors`], and the others are done; so is an attribute that could not be kept.
    ///
    /// # Cancel safety
    /// What was done stays. A temporary file goes, on another thread, a moment later; so it does
    /// where the listener stopped the work.
    #[doc(alias = "rsync")]
    pub async fn sync(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> io::Result<SyncReport> {
        Ok(driver::run(self, from.as_ref(), to.as_ref()).await?)
    }
}
