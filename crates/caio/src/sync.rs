//! Small tools of synchronisation that every part uses.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Locks, also after a panic: what our locks protect is right before anything can panic.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes. A waker is the user's code: its panic must end neither a thread that serves other
/// requests nor what its caller has yet to do.
pub(crate) fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
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
            place.0 = Some(value);
            place.1.take()
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
