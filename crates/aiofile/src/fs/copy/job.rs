//! One file to copy, from its first hop to its last.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use caio::{Context, Result, SharedFile};

use super::begin::{self, Begun, Opened, Work};
use super::meter::{Meter, Waiting};
use super::outcome::{Copied, CopyMethod};
use super::settings::Settings;
use super::settle::{self, Filled};
use super::within::Within;
use super::{blocks, sequential, special, verify};

/// What is to be done.
pub(super) struct Job {
    pub(super) settings: Arc<Settings>,
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    pub(super) meter: Meter,
    /// The file system was asked to share blocks, and does not.
    pub(super) shares_nothing: Arc<AtomicBool>,
    /// The directories in which alone the last names of both paths are looked up.
    pub(super) within: Option<Within>,
}

impl Job {
    pub(super) fn new(
        settings: Arc<Settings>,
        from: PathBuf,
        to: PathBuf,
        waiting: &Waiting,
        shares_nothing: Arc<AtomicBool>,
    ) -> Self {
        let meter = Meter::new(from.clone(), settings.progress.clone(), waiting);
        Self { settings, from, to, meter, shares_nothing, within: None }
    }
}

/// Copies one file. What a thread can do at once is one hop; blocks and streams are operations of
/// their own, between one that opens and one that closes.
pub(super) async fn copy(
    context: &Context,
    settings: Arc<Settings>,
    from: &Path,
    to: &Path,
) -> Result<Copied> {
    copy_within(context, settings, from, to, None).await
}

/// The same, with directories in which both files are looked up.
pub(super) async fn copy_within(
    context: &Context,
    settings: Arc<Settings>,
    from: &Path,
    to: &Path,
    within: Option<Within>,
) -> Result<Copied> {
    let waiting = Waiting::default();
    let job = Job::new(settings, from.to_owned(), to.to_owned(), &waiting, Arc::default());
    let job = Arc::new(Job { within, ..job });
    let begun = {
        let job = Arc::clone(&job);
        context.run_on("copy", from, move || begin::begin(&job)).await?
    };
    let (opened, work) = match begun {
        Begun::Done(copied) => return Ok(copied),
        Begun::Opened(opened, work) => (opened, work),
        Begun::Special { source, spot } => special::open(context, &job, &source, spot).await?,
    };
    let filled = fill(context, &job, &opened, work).await?;
    if job.settings.verify {
        verify::compare(context, &job, &opened).await?;
    }
    let Opened { source, metadata, target, landing, is_special } = *opened;
    let Some(target) = target.released().await else { unreachable!("nobody else released it") };
    let settle = move || {
        settle::settle(&job, source.file(), &metadata, target.into(), landing, filled, is_special)
    };
    context.run_on("copy", to, settle).await
}

/// Gives the target its contents.
async fn fill(context: &Context, job: &Job, opened: &Opened, work: Work) -> Result<Filled> {
    match work {
        Work::Nothing(filled) => Ok(filled),
        Work::Blocks { rest, bytes, len } => {
            blocks::copy(context, job, opened, rest, len).await?;
            Ok(Filled { method: CopyMethod::Blocks, bytes, len })
        }
        Work::Stream => {
            let files = (&opened.source, &opened.target);
            let len = sequential::copy(context, job, files).await?;
            Ok(Filled { method: CopyMethod::Sequential, bytes: len, len })
        }
    }
}

/// Shares a file under the path that was typed.
pub(super) fn shared(file: std::fs::File, path: &Path) -> Result<SharedFile> {
    SharedFile::new(file, path)
}
