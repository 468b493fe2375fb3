//! Small tools of synchronisation that every part uses.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

#[cfg(all(test, any(caio_loom, caio_shuttle)))]
use crate::models::system;
pub(crate) use system::{Condvar, Mutex, MutexGuard, atomic, now, planted, poll, thread};

/// Locks, atomics, threads and the time. In the models those of loom or shuttle stand here.
#[cfg(not(all(test, any(caio_loom, caio_shuttle))))]
mod system {
    use std::time::Instant;

    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};
    pub(crate) use std::thread;

    pub(crate) use nix::poll::poll;

    /// The time.
    #[inline]
    pub(crate) fn now() -> Instant {
        Instant::now()
    }

    /// Whether a model is to find this defect, planted for it. Never outside of the models.
    #[inline(always)]
    pub(crate) const fn planted(_defect: &str) -> bool {
        false
    }
}

/// Locks, also after a panic: what our locks protect is right before anything can panic.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes. A waker is the user's code: its panic must end neither a thread that serves other
/// requests nor what its caller has yet to do.
pub(crate) fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

/// Wakes each task: a waker is the user's code, and one that panics is to take their wakes from no
/// other. Tasks that all wait for the same are kept in a [`WakerSet`](crate::WakerSet).
///
/// ```
/// use std::sync::Arc;
/// use std::task::{Wake, Waker};
///
/// struct Panics;
/// impl Wake for Panics {
///     fn wake(self: Arc<Self>) {
///         panic!("a waker of the user's");
///     }
/// }
///
/// # std::panic::set_hook(Box::new(|_| {}));
/// caio::wake_all([Waker::from(Arc::new(Panics)), Waker::noop().clone()]);
/// ```
pub fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(wake);
}

/// A number of the calling thread, by which threads are spread over shards and queues.
#[inline]
pub(crate) fn thread_index() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    INDEX.with(|index| {
        if index.get() == usize::MAX {
            index.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        index.get()
    })
}

/// Waits for a future on this thread until the deadline, and calls `between` before each look at
/// it: at least once in a millisecond. `None` where the deadline came first; the future is dropped.
pub(crate) fn wait_until<F: Future>(
    deadline: Instant,
    future: F,
    mut between: impl FnMut(),
) -> Option<F::Output> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        between();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// A value that its owner alone reaches, through `&mut`. The mutex is never locked: it makes a
/// future that keeps the value `Sync`, which the value need not be.
#[derive(Debug)]
pub(crate) struct Exclusive<T>(std::sync::Mutex<T>);

impl<T> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future + Unpin> Future for Exclusive<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let exclusive = self.get_mut();
        Pin::new(exclusive.get_mut()).poll(cx)
    }
}

/// Hands one value from a thread to a future.
#[derive(Debug)]
pub(crate) struct Handoff<T> {
    place: Arc<Mutex<(Option<T>, Option<Waker>)>>,
}

impl<T> Handoff<T> {
    pub(crate) fn give(&self, value: T) {
        let waker = {
            let mut place = lock(&self.place);
            let waker = place.1.take();
            if planted("handoff") {
                drop(place);
                place = lock(&self.place);
            }
            place.0 = Some(value);
            waker
        };
        if let Some(waker) = waker {
            wake(waker);
        }
    }
}

impl<T> Clone for Handoff<T> {
    fn clone(&self) -> Self {
        Self { place: Arc::clone(&self.place) }
    }
}

impl<T> Default for Handoff<T> {
    fn default() -> Self {
        Self { place: Arc::default() }
    }
}

impl<T> Future for Handoff<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut place = lock(&self.place);
        match place.0.take() {
            Some(value) => Poll::Ready(value),
            None => {
                place.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
