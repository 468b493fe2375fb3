//! Counting what is done, for whoever wants to be told, and noticing that nobody waits any more.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use caio::{Error, ErrorKind, Result};

use super::outcome::{CopyPhase, CopyProgress};

/// What is told how far a copy is.
pub(super) type Callback = dyn Fn(CopyProgress<'_>) + Send + Sync;

/// The total of a copy whose end is not known.
const UNKNOWN: u64 = u64::MAX;

pub(super) struct Meter {
    source: PathBuf,
    callback: Option<Arc<Callback>>,
    verifying: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    is_abandoned: Arc<AtomicBool>,
}

impl Meter {
    pub(super) fn new(source: PathBuf, callback: Option<Arc<Callback>>, waiting: &Waiting) -> Self {
        Self {
            source,
            callback,
            verifying: AtomicBool::new(false),
            done: AtomicU64::new(0),
            total: AtomicU64::new(UNKNOWN),
            is_abandoned: Arc::clone(&waiting.0),
        }
    }

    /// Tells this one.
    pub(super) fn tell(&mut self, callback: Arc<Callback>) {
        self.callback = Some(callback);
    }

    /// A phase begins, with so many bytes ahead.
    pub(super) fn begin(&self, phase: CopyPhase, total: u64) {
        self.verifying.store(phase == CopyPhase::Verifying, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.add(0);
    }

    pub(super) fn add(&self, bytes: u64) {
        let Some(callback) = &self.callback else { return };
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let total = self.total.load(Ordering::Relaxed);
        let is_verifying = self.verifying.load(Ordering::Relaxed);
        callback(CopyProgress {
            source: &self.source,
            phase: if is_verifying { CopyPhase::Verifying } else { CopyPhase::Copying },
            bytes: done,
            total: Some(total).filter(|total| *total != UNKNOWN),
        });
    }

    /// Ends the work of a thread for a copy that nobody waits for any more.
    pub(super) fn check(&self) -> Result<()> {
        check(&self.is_abandoned)
    }
}

/// Tells the threads, when it is dropped, that their results are not waited for any more.
#[derive(Default)]
pub(super) struct Waiting(Arc<AtomicBool>);

fn check(is_abandoned: &AtomicBool) -> Result<()> {
    if is_abandoned.load(Ordering::Relaxed) {
        return Err(Error::new(ErrorKind::Cancelled, "nobody waits for the copy any more"));
    }
    Ok(())
}

impl Waiting {
    /// As [`Meter::check`].
    pub(super) fn check(&self) -> Result<()> {
        check(&self.0)
    }

    /// Tells them now.
    pub(super) fn abandon(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.abandon();
    }
}
