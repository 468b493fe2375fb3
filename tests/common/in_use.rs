//! What the process uses, where other tests of its harness run beside the one that counts.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Descriptors are counted for the whole process, so who counts them runs by itself.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the process has open, and the threads of the engine; the harness has others.
#[derive(Debug)]
pub(crate) struct InUse {
    descriptors: Vec<PathBuf>,
    threads: Vec<String>,
}

pub(crate) fn now() -> InUse {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    InUse {
        descriptors: descriptors.filter_map(|one| fs::read_link(one.path()).ok()).collect(),
        threads: names.filter(|name| name.starts_with("caio")).collect(),
    }
}

/// Waits until there is no more of it than before.
///
/// # Errors
/// What there is when the patience is over.
pub(crate) fn given_back(before: &InUse, patience: Duration) -> Result<(), String> {
    eventually(patience, || {
        let now = now();
        let fewer = now.descriptors.len() <= before.descriptors.len();
        match fewer && now.threads.len() <= before.threads.len() {
            true => Ok(()),
            false => Err(format!("{now:?} where there was {before:?}")),
        }
    })
}

/// Waits until this holds.
///
/// # Errors
/// What does not hold when the patience is over.
pub(crate) fn eventually(
    patience: Duration,
    mut holds: impl FnMut() -> Result<(), String>,
) -> Result<(), String> {
    let deadline = Instant::now() + patience;
    loop {
        match holds() {
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_micros(200)),
            last => return last,
        }
    }
}
