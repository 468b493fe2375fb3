//! A pause that needs no clock of a runtime, so that it works in any and in none, and that holds no
//! thread of a pool: one thread wakes all that wait, and ends when none does.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::sync::{lock, wake};
use crate::sys::process::Process;
use crate::worker_thread::block_signals;

/// Waits so long, by the system's clock: in any runtime and in none, also where the runtime's clock
/// is paused.
///
/// # Errors
/// What the system answers where there is no thread to be had.
///
/// # Cancel safety
/// Dropping the future leaves nothing behind.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// use std::time::{Duration, Instant};
///
/// let begun = Instant::now();
/// caio::delay(Duration::from_millis(5)).await?;
/// assert!(begun.elapsed() >= Duration::from_millis(5));
/// # Ok(())
/// # });
/// ```
pub async fn delay(duration: Duration) -> io::Result<()> {
    let mut waiting = Waiting { due: after(duration), key: None };
    poll_fn(|cx| waiting.poll(cx)).await
}

/// When so much time will have passed. What lies beyond all times of the system's clock is never.
pub(crate) fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or_else(|| now + CENTURY)
}

/// Longer than anything waits.
pub(crate) const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What waits, by when it is due.
static TIMER: Mutex<Timer> = Mutex::new(Timer { thread_of: None, last: 0, due: BTreeMap::new() });
static CHANGED: Condvar = Condvar::new();

struct Timer {
    /// In which process the thread is; a forked child has none.
    thread_of: Option<Process>,
    last: u64,
    due: BTreeMap<Key, Waker>,
}

type Key = (Instant, u64);

struct Waiting {
    due: Instant,
    key: Option<Key>,
}

impl Waiting {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if Instant::now() >= self.due {
            return Poll::Ready(Ok(()));
        }
        let mut timer = timer();
        if let Err(error) = timer.start() {
            return Poll::Ready(Err(error));
        }
        let key = *self.key.get_or_insert_with(|| {
            timer.last += 1;
            (self.due, timer.last)
        });
        timer.due.insert(key, cx.waker().clone());
        drop(timer);
        CHANGED.notify_one();
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waker = self.key.and_then(|key| timer().due.remove(&key));
        // Outside of the lock, since a waker's drop may run anything.
        drop(waker);
    }
}

impl Timer {
    /// Has the thread run.
    fn start(&mut self) -> io::Result<()> {
        match self.thread_of {
            Some(process) if process.is_current() => return Ok(()),
            // What a parent waits for is the parent's, and a waker of it may not even be dropped.
            Some(_) => std::mem::forget(std::mem::take(&mut self.due)),
            None => {}
        }
        thread::Builder::new().name("caio-timer".to_owned()).spawn(wake_what_is_due)?;
        self.thread_of = Some(Process::current());
        Ok(())
    }
}

fn wake_what_is_due() {
    block_signals();
    let mut timer = timer();
    while let Some((&(due, _), _)) = timer.due.first_key_value() {
        let now = Instant::now();
        if due > now {
            let wait = CHANGED.wait_timeout(timer, due - now);
            timer = wait.unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        let waker = timer.due.pop_first();
        drop(timer);
        if let Some((_, waker)) = waker {
            wake(waker);
        }
        timer = self::timer();
    }
    timer.thread_of = None;
}

fn timer() -> MutexGuard<'static, Timer> {
    lock(&TIMER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[test]
    fn what_is_dropped_waits_no_longer() {
        let far = Duration::from_secs(3600);
        let is_waiting = || {
            let late = Instant::now() + far / 2;
            timer().due.keys().any(|(due, _)| *due > late)
        };
        {
            let mut dropped = pin!(delay(far));
            let mut cx = TaskContext::from_waker(Waker::noop());
            assert!(dropped.as_mut().poll(&mut cx).is_pending());
            assert!(is_waiting());
        }
        assert!(!is_waiting());
    }

    #[test]
    fn a_time_beyond_all_clocks_does_not_come() {
        let mut endless = pin!(delay(Duration::MAX));
        assert!(endless.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
    }
}
