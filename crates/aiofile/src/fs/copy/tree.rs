//! Copying a directory with all that is in it.

mod directory;
mod entries;
mod open;
mod others;
mod tally;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use caio::{Context, Result};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::job;
use super::meter::Waiting;
use super::settings::Settings;
use directory::Directory;
use open::{LastUsed, Open};
pub use tally::CopiedDir;

/// What all jobs of one tree share.
pub(super) struct Tree {
    settings: Arc<Settings>,
    waiting: Waiting,
    shares_nothing: Arc<AtomicBool>,
    /// What the process takes away of the mode of a new file, where that is known.
    umask: Option<u32>,
    tally: Mutex<CopiedDir>,
    /// The device and the inode of the copy, which is not copied into itself.
    target: (u64, u64),
    /// The directory itself, which stays open, and others that are open.
    top: Arc<Open>,
    last_used: LastUsed,
}

/// What is left to do, in pieces that one thread does at once.
enum Step {
    /// To open a directory of this one, and to begin to list it.
    Enter(Arc<Directory>, OsString),
    /// To list a directory, from this position on.
    List(Arc<Directory>, u64),
    /// To copy files of a directory.
    Files(Arc<Directory>, Vec<OsString>),
    /// To copy a file with options, or over something, that take more than one thread.
    Whole(PathBuf, PathBuf),
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
    let mut steps = vec![Step::List(top, 0)];
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < at_once
            && let Some(step) = steps.pop()
        {
            running.push(run(context, Arc::clone(&tree), step));
        }
        match running.next().await {
            Some(more) => steps.extend(more.map_err(|error| error.on(from))?),
            None => break,
        }
    }
    let mut tally = tree.tally.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *tally))
}

async fn run(context: &Context, tree: Arc<Tree>, step: Step) -> Result<Vec<Step>> {
    match step {
        Step::Whole(from, to) => {
            match job::copy(context, Arc::clone(&tree.settings), &from, &to).await {
                Ok(copied) => tree.count(|tally| tally.add_file(copied.len, copied.unkept)),
                Err(error) => tree.failed(error),
            }
            Ok(Vec::new())
        }
        step => context.run("copy", move || entries::run(&tree, step)).await,
    }
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
}

struct Abandon(Arc<Tree>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.waiting.abandon();
    }
}
