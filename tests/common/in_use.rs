//! What the process uses, where other tests of its harness run beside the one that counts.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use caio_testkit::Usage;

/// Descriptors are counted for the whole process, so who counts them runs by itself.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The descriptors of the process, and the threads of the engine; the harness has others.
pub(crate) fn now() -> (usize, usize) {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    let engine = names.filter(|name| name.starts_with("caio"));
    (Usage::now().unwrap().descriptors, engine.count())
}

/// Waits until there are no more of them than before.
///
/// # Errors
/// How many there are when the patience is over.
pub(crate) fn given_back(before: (usize, usize), patience: Duration) -> Result<(), String> {
    eventually(patience, || {
        let now = now();
        match now.0 <= before.0 && now.1 <= before.1 {
            true => Ok(()),
            false => Err(format!("{now:?} descriptors and threads, {before:?} before")),
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
