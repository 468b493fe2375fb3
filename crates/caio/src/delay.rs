//! A pause that needs no clock of a runtime, so that it works in any and in none, and that holds no
//! thread of a pool: one thread wakes all that wait, and ends when none does.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::per_process::PerProcess;
use crate::sync::{lock, wake};
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

/// A forked child has no thread that wakes, and what its parent waits for is the parent's.
static TIMER: PerProcess<Timer> = PerProcess::new();

/// Tells apart what is due at the same time, also what a parent and its child have begun.
static LAST: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
struct Timer {
    waiting: Mutex<Pending>,
    changed: Condvar,
}

/// What waits, by when it is due.
#[derive(Default)]
struct Pending {
    has_thread: bool,
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
        let waker = cx.waker().clone();
        let number = || LAST.fetch_add(1, Ordering::Relaxed);
        let key = *self.key.get_or_insert_with(|| (self.due, number()));
        let Timer { waiting, changed } = TIMER.get();
        let mut waiting = lock(waiting);
        if let Err(error) = waiting.start() {
            return Poll::Ready(Err(error));
        }
        let former = waiting.due.insert(key, waker);
        drop(waiting);
        changed.notify_one();
        // Outside of the lock, since a waker's drop may run anything.
        drop(former);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waker = self.key.and_then(|key| waiting().due.remove(&key));
        // Outside of the lock, as above.
        drop(waker);
    }
}

impl Pending {
    /// Has the thread run.
    fn start(&mut self) -> io::Result<()> {
        if !self.has_thread {
            thread::Builder::new().name("caio-timer".to_owned()).spawn(wake_what_is_due)?;
            self.has_thread = true;
        }
        Ok(())
    }
}

fn wake_what_is_due() {
    block_signals();
    let Timer { waiting, changed } = TIMER.get();
    let mut pending = lock(waiting);
    while let Some((&(due, _), _)) = pending.due.first_key_value() {
        let now = Instant::now();
        if due > now {
            let wait = changed.wait_timeout(pending, due - now);
            pending = wait.unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        let waker = pending.due.pop_first();
        drop(pending);
        if let Some((_, waker)) = waker {
            wake(waker);
        }
        pending = lock(waiting);
    }
    pending.has_thread = false;
}

fn waiting() -> MutexGuard<'static, Pending> {
    lock(&TIMER.get().waiting)
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
            super::waiting().due.keys().any(|(due, _)| *due > late)
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
    fn a_child_waits_by_itself_while_its_parent_holds_the_lock() {
        use crate::testing::{in_child, wait};
        let held = super::waiting();
        assert!(in_child(|| wait(delay(Duration::from_millis(1)), || {}).is_ok()));
        drop(held);
    }

    #[test]
    fn a_time_beyond_all_clocks_does_not_come() {
        let mut endless = pin!(delay(Duration::MAX));
        assert!(endless.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
    }
}
