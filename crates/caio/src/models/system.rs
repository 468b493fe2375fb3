//! What stands for the system in a model: locks, atomics and threads of loom or shuttle, and a
//! clock that the model moves.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, LockResult, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollTimeout};

#[cfg(caio_loom)]
use loom::{sync as tool, thread as tool_thread};
#[cfg(caio_shuttle)]
use shuttle::{sync as tool, thread as tool_thread};

pub(crate) use tool::{Mutex, MutexGuard};

std::thread_local! {
    /// How much time has passed. All threads of a model run on one thread of the system.
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// Until when threads wait for a time, and where.
    static TIMED: RefCell<Vec<(Instant, Arc<tool::Condvar>)>> = const { RefCell::new(Vec::new()) };
}

/// The time of the model, in which nothing passes by itself.
pub(crate) fn now() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now) + PASSED.get()
}

/// Lets time pass: what waits for a time that is over goes on.
pub(crate) fn advance(time: Duration) {
    PASSED.set(PASSED.get() + time);
    loop {
        let is_over = |(until, _): &&(Instant, _)| *until <= now();
        let over = TIMED.with_borrow(|timed| {
            timed.iter().find(is_over).map(|(_, condvar)| Arc::clone(condvar))
        });
        let Some(condvar) = over else { return };
        // Again and again, since a thread may be about to sleep.
        condvar.notify_all();
        drop(condvar);
        tool_thread::yield_now();
    }
}

/// poll(2). To wait there would hold up all threads of the model, so that the time is over once
/// others had their turn; without a time, they have it until something is ready.
pub(crate) fn poll(files: &mut [PollFd<'_>], timeout: PollTimeout) -> nix::Result<i32> {
    loop {
        thread::yield_now();
        let ready = nix::poll::poll(files, PollTimeout::ZERO)?;
        match i32::from(timeout) {
            _ if ready > 0 => return Ok(ready),
            ..0 => advance(Duration::from_millis(1)),
            millis => {
                advance(Duration::from_millis(millis.unsigned_abs().into()));
                return Ok(0);
            }
        }
    }
}

/// Begins another execution.
pub(super) fn reset() {
    PASSED.set(Duration::ZERO);
    TIMED.with_borrow_mut(Vec::clear);
}

/// Whether the model is to find this defect: the one that `CAIO_PLANTED` names.
pub(crate) fn planted(defect: &str) -> bool {
    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("CAIO_PLANTED").ok()).as_deref() == Some(defect)
}

/// A condition variable whose waits for a time end when the model lets time pass, and only then.
#[derive(Debug)]
pub(crate) struct Condvar(Arc<tool::Condvar>);

impl Default for Condvar {
    fn default() -> Self {
        Self(Arc::new(tool::Condvar::new()))
    }
}

impl Condvar {
    #[track_caller]
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    #[track_caller]
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let until = now() + timeout;
        TIMED.with_borrow_mut(|timed| timed.push((until, Arc::clone(&self.0))));
        let guard = self.0.wait(guard);
        TIMED.with_borrow_mut(|timed| {
            let own =
                |(other, condvar): &(Instant, _)| *other == until && Arc::ptr_eq(condvar, &self.0);
            timed.iter().position(own).map(|own| timed.swap_remove(own))
        });
        guard.map(|guard| (guard, ())).map_err(|error| PoisonError::new((error.into_inner(), ())))
    }

    #[track_caller]
    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    #[track_caller]
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Threads.
pub(crate) mod thread {
    use std::time::Duration;

    use super::tool_thread as tool;

    pub(crate) use tool::{Builder, spawn};

    /// Lets time pass.
    pub(crate) fn sleep(time: Duration) {
        super::advance(time);
        tool::yield_now();
    }

    /// Lets others run. Some time passes, so that what spins comes to an end.
    pub(crate) fn yield_now() {
        super::PASSED.set(super::PASSED.get() + Duration::from_millis(1));
        tool::yield_now();
    }
}

#[cfg(caio_shuttle)]
pub(crate) use tool::atomic;

/// Atomics of loom. It treats an access that is sequentially consistent as one that acquires and
/// releases; a fence before each of them makes up for that, so that of two threads that each write
/// and then look at what the other writes, one sees the other.
#[cfg(caio_loom)]
pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::Ordering;

    use loom::sync::atomic::fence;

    fn strict(order: Ordering) {
        if order == Ordering::SeqCst {
            fence(Ordering::SeqCst);
        }
    }

    macro_rules! atomic {
        ($name:ident, $value:ty, $($change:ident),*) => {
            #[derive(Debug)]
            pub(crate) struct $name(loom::sync::atomic::$name);

            #[allow(dead_code, reason = "not each of them is used")]
            impl $name {
                pub(crate) fn new(value: $value) -> Self {
                    Self(loom::sync::atomic::$name::new(value))
                }

                #[track_caller]
                pub(crate) fn load(&self, order: Ordering) -> $value {
                    strict(order);
                    self.0.load(order)
                }

                #[track_caller]
                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    strict(order);
                    self.0.store(value, order);
                }

                #[track_caller]
                pub(crate) fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    strict(success);
                    self.0.compare_exchange(current, new, success, failure)
                }

                #[track_caller]
                pub(crate) fn fetch_update(
                    &self,
                    set: Ordering,
                    fetch: Ordering,
                    update: impl FnMut($value) -> Option<$value>,
                ) -> Result<$value, $value> {
                    strict(set);
                    self.0.fetch_update(set, fetch, update)
                }

                $(#[track_caller]
                pub(crate) fn $change(&self, value: $value, order: Ordering) -> $value {
                    strict(order);
                    self.0.$change(value, order)
                })*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self::new(Default::default())
                }
            }
        };
    }

    atomic!(AtomicBool, bool, swap, fetch_and, fetch_or);
    atomic!(AtomicI32, i32, swap, fetch_add, fetch_sub);
    atomic!(AtomicU32, u32, swap, fetch_add, fetch_sub);
    atomic!(AtomicU64, u64, swap, fetch_add, fetch_sub, fetch_and, fetch_or);
    atomic!(AtomicUsize, usize, swap, fetch_add, fetch_sub, fetch_and, fetch_or);
}
