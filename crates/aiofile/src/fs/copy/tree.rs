//! Copying a directory with all that is in it.

mod directory;
mod entries;
mod file;
mod links;
mod open;
mod options;
mod others;
mod progress;
mod steps;
mod tally;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use caio::{Context, Result};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::job;
use super::meter::Waiting;
use super::settings::Settings;
use links::Links;
use open::{LastUsed, Open};
pub use progress::CopyDirProgress;
pub(super) use progress::DirCallback;
use progress::Progress;
use steps::{Step, Steps, Whole};
pub use tally::CopiedDir;

/// What all jobs of one tree share.
pub(super) struct Tree {
    settings: Arc<Settings>,
    waiting: Waiting,
    shares_nothing: Arc<AtomicBool>,
    /// What the process takes away of the mode of a new file, where that is known.
    umask: Option<u32>,
    tally: Mutex<CopiedDir>,
    progress: Option<Arc<Progress>>,
    /// Where names of one file stay names of one file.
    links: Option<Links>,
    /// The path of the copy, as it was typed.
    to: PathBuf,
    /// The device and the inode of the copy, which is not copied into itself.
    target: (u64, u64),
    /// The directory itself, which stays open, and others that are open.
    top: Arc<Open>,
    last_used: LastUsed,
}

/// Copies the tree. The steps that were found last come first, so that as few as possible wait.
///
/// # Errors
/// Where it cannot begin: what is there to be read is no directory, or the copy would lie in it.
pub(super) async fn copy(
    context: &Context,
    settings: Arc<Settings>,
    from: &Path,
    to: &Path,
) -> Result<CopiedDir> {
    let owned = (from.to_owned(), to.to_owned());
    let at_once = settings.in_flight;
    let begin = move || directory::begin(settings, owned.0, owned.1);
    let (tree, top) = context.run_on("copy", from, begin).await?;
    // Also when this future is dropped, the threads are told.
    let _waiting = Abandon(Arc::clone(&tree));
    let mut steps = Steps::new(Step::List(top, 0));
    let mut running = FuturesUnordered::new();
    loop {
        while let Some(step) = steps.next(at_once - running.len()) {
            running.push(run(context, Arc::clone(&tree), from, step));
        }
        match running.next().await {
            Some(more) => steps.extend(more?),
            None if steps.again() => {}
            None => break,
        }
    }
    let mut tally = tree.tally.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *tally))
}

/// A step of the copy of the tree at `top`.
async fn run(context: &Context, tree: Arc<Tree>, top: &Path, step: Step) -> Result<Vec<Step>> {
    let Whole { directory, from, to, claim } = match step {
        Step::Whole(whole) => *whole,
        step => return context.run_part("copy", top, move || entries::run(&tree, step)).await,
    };
    let part = tree.part();
    let mut settings = Arc::clone(&tree.settings);
    if let Some(part) = &part {
        let progress = Some(part.callback(settings.progress.clone()));
        settings = Arc::new(Settings { progress, ..Settings::clone(&settings) });
    }
    match job::copy(context, settings, &from, &to).await {
        Ok(copied) => {
            claim.into_iter().for_each(links::Claim::made);
            tree.copied(part, copied.len, copied.unkept);
        }
        Err(error) => tree.not_copied(part, error),
    }
    // What is to be done then takes a thread, as everything else.
    Ok(Arc::into_inner(directory).map(|last| Step::Finish(Arc::new(last))).into_iter().collect())
}

impl Tree {
    fn count(&self, add: impl FnOnce(&mut CopiedDir)) {
        add(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends the work of a thread for a tree that nobody waits for any more.
    fn check(&self) -> Result<()> {
        self.waiting.check()
    }

    fn failed(&self, error: caio::Error) {
        self.count(|tally| tally.fail(error));
    }

    /// A file is begun, for whoever wants to be told how far the tree is.
    fn part(&self) -> Option<Arc<progress::Part>> {
        self.progress.as_ref().map(|progress| progress.part())
    }

    fn copied(&self, part: Option<Arc<progress::Part>>, len: u64, unkept: Vec<caio::Error>) {
        self.count(|tally| tally.add_file(len, unkept));
        part.inspect(|part| part.end(len));
    }

    fn not_copied(&self, part: Option<Arc<progress::Part>>, error: caio::Error) {
        self.failed(error);
        part.inspect(|part| part.end(0));
    }
}

struct Abandon(Arc<Tree>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.waiting.abandon();
    }
}
