//! Where the threads of a pool sleep.

use std::sync::PoisonError;
use std::time::Duration;

use crate::sync::{Condvar, Mutex, lock, now};

/// Each [`unpark`](Self::unpark) is a token that lets one [`park`](Self::park) return, whichever
/// comes first.
#[derive(Debug, Default)]
pub(super) struct Parker {
    tokens: Mutex<usize>,
    unparked: Condvar,
}

impl Parker {
    /// Sleeps until there is a token and takes it; false where the time was over before.
    pub(super) fn park(&self, timeout: Option<Duration>) -> bool {
        // A time beyond what the clock can say never comes.
        let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
        let mut tokens = lock(&self.tokens);
        while *tokens == 0 {
            tokens = match deadline.map(|deadline| deadline.saturating_duration_since(now())) {
                None => self.unparked.wait(tokens).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    let wait = self.unparked.wait_timeout(tokens, left);
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *tokens -= 1;
        true
    }

    /// Leaves a token, without waiting.
    pub(super) fn unpark(&self) {
        *lock(&self.tokens) += 1;
        self.unparked.notify_one();
    }
}
