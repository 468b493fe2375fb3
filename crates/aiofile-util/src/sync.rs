//! One directory made like another one.

mod attributes;
mod copy_file;
mod directory;
mod driver;
mod list;
mod prepare;
mod report;
mod task;

use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use aiofile::Context;

pub use report::{Action, SyncEvent, SyncReport};

use crate::steps::{context_or_default, usual_jobs};
use driver::Settings;
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
    compare: Compare,
    delete: bool,
    dry_run: bool,
    listener: Listener,
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
        self.compare = compare;
        self
    }

    /// Whether what the source does not have is deleted in the target. Where a directory of the
    /// source cannot be read, nothing is deleted in its counterpart.
    #[must_use]
    pub fn delete(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Whether the target stays as it is, and the report tells what would be done.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
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

    /// Makes the directory `to` like the directory `from`: files that differ are copied,
    /// directories made, symbolic links made as links, with the permissions and times of the
    /// source. Owners, hard links and extended attributes are not kept; sockets, FIFOs and devices
    /// are passed over.
    ///
    /// A file appears under its name when it is complete, with its times. So a run that was
    /// interrupted leaves no half file there, and the next one goes on behind it; what a killed
    /// one left under a temporary name is removed by the next. A file that changes while it is
    /// copied is an error. Where a file, a link or an empty directory stands in the way of
    /// something of another kind, it is replaced; a directory with contents only with
    /// [`delete`](Self::delete).
    ///
    /// Costs: one hop for each directory, and one for each file that is copied and each further
    /// 4 MiB of it; comparing contents reads both files.
    ///
    /// # Errors
    /// `from` that is no directory; `to` inside `from` or the other way round; where `to` cannot be
    /// made; what stopped the work. What happens to one path of many is in
    /// [`SyncReport::errors`], and the others are done.
    ///
    /// # Cancel safety
    /// What was done stays. A temporary file goes, on another thread, a moment later.
    #[doc(alias = "rsync")]
    pub async fn sync(
        &self,
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> io::Result<SyncReport> {
        let context = context_or_default(self.context.as_ref()).await?;
        let settings = Settings {
            from: from.as_ref().to_owned(),
            to: to.as_ref().to_owned(),
            compare: self.compare,
            delete: self.delete,
            dry_run: self.dry_run,
        };
        let jobs = self.jobs.map_or_else(usual_jobs, NonZeroUsize::get);
        Ok(driver::run(&context, settings, jobs, &self.listener).await?)
    }
}
