//! Threads for a pool in a model.

use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use crate::backend::BackendKind;
use crate::backend::pool::Parker;
use crate::sync::{Condvar, Mutex, lock, now, thread};

/// The model's threads, and the tokens for those that sleep.
#[derive(Debug, Default)]
pub(super) struct Threads {
    tokens: Mutex<usize>,
    unparked: Condvar,
}

impl Parker for Threads {
    const KIND: BackendKind = BackendKind::Other("model");

    fn new(_threads_max: usize) -> io::Result<Self> {
        Ok(Self::default())
    }

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
    }

    fn park(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.map(|timeout| now() + timeout);
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

    fn unpark(&self) {
        *lock(&self.tokens) += 1;
        self.unparked.notify_one();
    }
}
