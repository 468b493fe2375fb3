//! How many requests a backend holds, and the waiting for none.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Locks, also after a panic: what these locks protect is right before anything can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The count of requests that were taken and have not completed, and whether more are taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    closed: bool,
}

impl Held {
    /// Counts one request in, unless the backend is shut down.
    pub(crate) fn enter(&self) -> bool {
        let mut state = lock(&self.shared.0);
        if !state.closed {
            state.count += 1;
        }
        !state.closed
    }

    /// Counts one request out.
    pub(crate) fn leave(&self) {
        let mut state = lock(&self.shared.0);
        state.count -= 1;
        if state.count == 0 {
            self.shared.1.notify_all();
        }
    }

    /// Takes nothing in any more.
    pub(crate) fn close(&self) {
        lock(&self.shared.0).closed = true;
    }

    /// Waits until none is held or the deadline is there. Returns how many are held.
    pub(crate) fn wait(&self, deadline: Instant) -> usize {
        let (mutex, emptied) = &*self.shared;
        let mut state = lock(mutex);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if state.count == 0 || left.is_zero() {
                return state.count;
            }
            state = emptied.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
