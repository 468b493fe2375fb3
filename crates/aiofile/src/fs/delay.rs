//! A pause that needs no clock of a runtime, so that it works in any and in none, and that holds no
//! thread of a pool: one thread wakes all that wait, and ends when none does.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use caio::Process;
use nix::sys::signal::{SigSet, Signal};

/// Waits so long, by the system's clock.
pub(super) async fn delay(duration: Duration) -> io::Result<()> {
    let mut waiting = Waiting { due: Instant::now() + duration, key: None };
    poll_fn(|cx| waiting.poll(cx)).await
}

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
        if self.thread_of.is_some_and(Process::is_current) {
            return Ok(());
        }
        // What a parent waits for is the parent's, and a waker of it may not even be dropped here.
        std::mem::forget(std::mem::take(&mut self.due));
        thread::Builder::new().name("aiofile-timer".to_owned()).spawn(wake_what_is_due)?;
        self.thread_of = Some(Process::current());
        Ok(())
    }
}

fn wake_what_is_due() {
    leave_signals_to_the_program();
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
            waker.wake();
        }
        timer = self::timer();
    }
    timer.thread_of = None;
}

/// Signals of the process are for its own threads, but for those that tell of a fault in this one.
fn leave_signals_to_the_program() {
    let mut signals = SigSet::all();
    let faults = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE, Signal::SIGABRT];
    faults.into_iter().for_each(|signal| signals.remove(signal));
    // It fails for invalid arguments only, and even then the thread works.
    let _ = signals.thread_block();
}

fn timer() -> MutexGuard<'static, Timer> {
    TIMER.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn it_waits_so_long_and_leaves_nothing_behind() {
        let begun = Instant::now();
        futures_executor::block_on(delay(Duration::from_millis(20))).unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(20));

        let mut dropped = Box::pin(delay(Duration::from_secs(3600)));
        assert!(dropped.as_mut().now_or_never().is_none());
        let is_far = |timer: &Timer| {
            timer.due.keys().any(|(due, _)| *due > Instant::now() + Duration::from_secs(1800))
        };
        assert!(is_far(&timer()));
        drop(dropped);
        assert!(!is_far(&timer()));
    }
}
