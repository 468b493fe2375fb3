//! Who waits for the change under way: the reading and the writing half of a file may do so in two
//! tasks, and any number of tasks that share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use caio::wake_all;

/// Wakes all of them, since any may be one that is no longer polled.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<Waker>>);

impl Waiting {
    pub(super) fn add(&self, waker: &Waker) {
        let mut wakers = lock(&self.0);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// Wakes those that are not this one, which knows already.
    pub(super) fn wake_others(&self, own: &Waker) {
        let woken = std::mem::take(&mut *lock(&self.0));
        wake_all(woken.into_iter().filter(|waker| !waker.will_wake(own)));
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = std::mem::take(&mut *lock(&self.0));
        wake_all(woken);
    }
}

/// The contents, also after a panic of somebody else's.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
