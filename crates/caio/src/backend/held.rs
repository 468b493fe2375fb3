//! How many requests a pool holds, and the door that shutdown closes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::sync::lock;

/// The count of requests that were taken and have not completed.
///
/// Who enters counts itself first and then looks at the door; who closes it shuts the door first
/// and then looks at the count. So none slips in unseen.
#[derive(Debug, Default)]
pub(crate) struct Held {
    count: AtomicUsize,
    closed: AtomicBool,
    turn: Mutex<()>,
    empty: Condvar,
}

impl Held {
    /// Counts `requests` in, before anybody can complete one of them.
    pub(crate) fn enter(&self, requests: usize) -> Result<()> {
        self.count.fetch_add(requests, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.leave(requests);
            return Err(Error::new(ErrorKind::Shutdown, "the pool of threads was shut down"));
        }
        Ok(())
    }

    /// Counts out requests that have completed, or that were not taken after all.
    pub(crate) fn leave(&self, requests: usize) {
        let before = self.count.fetch_sub(requests, Ordering::SeqCst);
        if before == requests && self.closed.load(Ordering::SeqCst) {
            // The turn makes sure that who waits is either before its look at the count or
            // asleep, never in between.
            drop(lock(&self.turn));
            self.empty.notify_all();
        }
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Waits until none is held or the deadline is there. Returns how many are held.
    pub(crate) fn wait(&self, deadline: Instant) -> usize {
        let mut turn = lock(&self.turn);
        loop {
            let held = self.count.load(Ordering::SeqCst);
            let left = deadline.saturating_duration_since(Instant::now());
            if held == 0 || left.is_zero() {
                return held;
            }
            turn = self.empty.wait_timeout(turn, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
