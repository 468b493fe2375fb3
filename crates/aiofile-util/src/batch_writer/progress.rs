//! The tasks that wait for something to become of what is queued.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// All of them look again each time. None holds anything that another one waits for, so that one
/// which is not polled any more holds up nobody.
#[derive(Default)]
pub(super) struct Progress(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    last: u64,
    wakers: HashMap<u64, Waker>,
}

/// The place of one that waits, which it gives up when it is dropped.
pub(super) struct Waiter<'a> {
    progress: &'a Progress,
    number: Option<u64>,
}

impl Progress {
    pub(super) fn waiter(&self) -> Waiter<'_> {
        Waiter { progress: self, number: None }
    }

    /// Wakes them, outside of the lock: a waker is the user's code and may poll at once.
    pub(super) fn wake_all(&self) {
        let wakers = std::mem::take(&mut self.lock().wakers);
        caio::wake_all(wakers.into_values());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter<'_> {
    /// This is to be woken next time. What is looked at after that is not missed.
    pub(super) fn register(&mut self, waker: &Waker) {
        let waker = waker.clone();
        let mut waiting = self.progress.lock();
        let number = *self.number.get_or_insert_with(|| {
            waiting.last += 1;
            waiting.last
        });
        let former = waiting.wakers.insert(number, waker);
        drop(waiting);
        drop(former);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let former = self.number.and_then(|number| self.progress.lock().wakers.remove(&number));
        drop(former);
    }
}
