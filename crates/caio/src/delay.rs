//! A pause that needs no clock of a runtime, so that it works in any and in none, and that holds no
//! thread of a pool: one thread wakes all that wait, and ends when none does.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use crate::per_process::PerProcess;
use crate::sync::{Condvar, Mutex, MutexGuard, lock, now, planted, thread, wake};
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
    delay_by(|| TIMER.get(), duration).await
}

/// The same with the timer that is found there.
pub(crate) async fn delay_by(timer: fn() -> &'static Timer, duration: Duration) -> io::Result<()> {
    let mut waiting = Waiting { timer, due: after(duration), key: None };
    poll_fn(|cx| waiting.poll(cx)).await
}

/// When so much time will have passed. What lies beyond all times of the system's clock is never.
pub(crate) fn after(duration: Duration) -> Instant {
    let now = now();
    now.checked_add(duration).unwrap_or_else(|| now + CENTURY)
}

/// Longer than anything waits.
pub(crate) const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// So soon the thread ends after the last pause has been given up, which wakes it for no reason
/// else: an operation with a timeout would cost a system call more.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// A forked child has no thread that wakes, and what its parent waits for is the parent's.
static TIMER: PerProcess<Timer> = PerProcess::new();

/// Tells apart what is due at the same time, also what a parent and its child have begun.
static LAST: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
pub(crate) struct Timer {
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
    timer: fn() -> &'static Timer,
    due: Instant,
    key: Option<Key>,
}

impl Waiting {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if now() >= self.due {
            return Poll::Ready(Ok(()));
        }
        let waker = cx.waker().clone();
        let number = || LAST.fetch_add(1, Ordering::Relaxed);
        let key = *self.key.get_or_insert_with(|| (self.due, number()));
        let timer = (self.timer)();
        let mut waiting = timer.waiting();
        if let Err(error) = waiting.start(timer) {
            return Poll::Ready(Err(error));
        }
        let former = waiting.due.insert(key, waker);
        let is_next = waiting.due.first_key_value().is_some_and(|(first, _)| *first == key);
        drop(waiting);
        if is_next {
            timer.changed.notify_one();
        }
        // Outside of the lock, since a waker's drop may run anything.
        drop(former);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waker = self.key.and_then(|key| (self.timer)().waiting().due.remove(&key));
        // Outside of the lock, as above.
        drop(waker);
    }
}

impl Pending {
    /// Has the thread run.
    fn start(&mut self, timer: &'static Timer) -> io::Result<()> {
        if !self.has_thread {
            let thread = thread::Builder::new().name("caio-timer".to_owned());
            thread.spawn(|| timer.wake_what_is_due())?;
            self.has_thread = true;
        }
        Ok(())
    }
}

impl Timer {
    fn wake_what_is_due(&self) {
        block_signals();
        let mut pending = self.waiting();
        while let Some((&(due, _), _)) = pending.due.first_key_value() {
            let now = now();
            if due > now {
                let wait = self.changed.wait_timeout(pending, LONGEST_SLEEP.min(due - now));
                pending = wait.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let waker = pending.due.pop_first();
            drop(pending);
            if let Some((_, waker)) = waker {
                wake(waker);
            }
            pending = self.waiting();
        }
        if planted("timer") {
            drop(pending);
            pending = self.waiting();
        }
        pending.has_thread = false;
    }

    fn waiting(&self) -> MutexGuard<'_, Pending> {
        lock(&self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{eventually, in_child, wait};
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_due_is_woken_alone_and_what_is_dropped_waits_no_longer() {
        /// No other test waits at it.
        fn timer() -> &'static Timer {
            static TIMER: PerProcess<Timer> = PerProcess::new();
            TIMER.get()
        }
        let pauses = [Duration::from_secs(3600), Duration::from_millis(20)];
        let [mut late, mut soon] = pauses.map(|pause| Box::pin(delay_by(timer, pause)));
        let [late_woken, soon_woken]: [Arc<Woken>; 2] = Default::default();
        let waker = Waker::from(Arc::clone(&late_woken));
        assert!(late.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
        let waker = Waker::from(Arc::clone(&soon_woken));
        let is_over = soon.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_ready();
        assert!(is_over || eventually(|| soon_woken.0.load(Ordering::Relaxed)));
        assert!(!late_woken.0.load(Ordering::Relaxed));
        assert_eq!(timer().waiting().due.len(), 1);
        drop(late);
        assert!(timer().waiting().due.is_empty());
    }

    #[test]
    fn a_child_waits_by_itself_while_its_parent_holds_the_lock() {
        let held = TIMER.get().waiting();
        assert!(in_child(|| wait(delay(Duration::from_millis(1)), || {}).is_ok()));
        drop(held);
    }

    #[test]
    fn a_time_beyond_all_clocks_does_not_come() {
        let years = Duration::from_secs(50 * 365 * 86_400);
        assert!(after(Duration::MAX) > now() + years);
        let mut endless = pin!(delay(Duration::MAX));
        assert!(endless.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
    }
}
