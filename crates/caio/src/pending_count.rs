//! How many requests were accepted and have not ended, and the end of accepting.

use std::sync::PoisonError;
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, lock, now, planted};

/// The count of requests that were accepted and have not ended, with the bit that ends accepting
/// in the same word: none slips in unseen.
#[derive(Debug, Default)]
pub(crate) struct PendingCount {
    word: AtomicUsize,
    turn: Mutex<()>,
    empty: Condvar,
}

const CLOSED: usize = 1 << (usize::BITS - 1);

impl PendingCount {
    /// Counts one request in.
    ///
    /// # Errors
    /// [`ErrorKind::Shutdown`] after [`close`](Self::close).
    pub(crate) fn enter(&self) -> Result<()> {
        let open = |word: usize| (word & CLOSED == 0).then_some(word + 1);
        match self.word.fetch_update(Ordering::SeqCst, Ordering::Acquire, open) {
            Ok(_) => Ok(()),
            Err(_) => Err(shut_down()),
        }
    }

    /// Counts one request out that has ended.
    pub(crate) fn leave(&self) {
        if self.word.fetch_sub(1, Ordering::AcqRel) == CLOSED + 1 {
            // The turn makes sure that a waiting thread is either before its look at the count or
            // asleep, never in between.
            if !planted("pending_count") {
                drop(lock(&self.turn));
            }
            self.empty.notify_all();
        }
    }

    /// Accepts nothing more.
    pub(crate) fn close(&self) {
        self.word.fetch_or(CLOSED, Ordering::AcqRel);
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// How many there are. Sequentially consistent, as [`enter`](Self::enter) is: of a thread that
    /// says it ends and then looks here, and one that enters and then looks for that thread, one
    /// sees the other.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.word.load(Ordering::SeqCst) & !CLOSED
    }

    /// Waits until the count is 0 after the close, or until the deadline. Returns the count.
    pub(crate) fn wait(&self, deadline: Instant) -> usize {
        let mut turn = lock(&self.turn);
        loop {
            let (count, now) = (self.count(), now());
            if count == 0 || now >= deadline {
                return count;
            }
            let wait = self.empty.wait_timeout(turn, deadline - now);
            turn = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The error of everything that comes after the end of accepting.
pub(crate) fn shut_down() -> Error {
    Error::new(ErrorKind::Shutdown, "the context was shut down")
        .hint("open the file with another context")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn after_the_close_none_gets_in_and_the_last_one_out_ends_the_wait() {
        let pending = PendingCount::default();
        pending.enter().unwrap();
        assert!(!pending.is_closed());
        pending.close();
        assert!(pending.is_closed());
        assert_eq!(pending.enter().unwrap_err().kind(), ErrorKind::Shutdown);
        assert_eq!(pending.wait(Instant::now()), 1);
        std::thread::scope(|scope| {
            let wait = scope.spawn(|| pending.wait(Instant::now() + Duration::from_secs(60)));
            pending.leave();
            assert_eq!(wait.join().unwrap(), 0);
        });
    }
}
