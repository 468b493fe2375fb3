//! The threads of the pool `thread`: detached pthreads, which sleep at a condition variable.

use std::ffi::CString;
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Parker, STACK_BYTES};
use crate::backend::BackendKind;
use crate::sys::pthread::spawn;

/// Threads made with pthread_create(3), and the number of tokens for those that sleep.
#[derive(Debug, Default)]
pub struct Pthreads {
    tokens: Mutex<usize>,
    unparked: Condvar,
}

/// A longer name is refused (pthread_setname_np(3)).
const NAME_BYTES_MAX: usize = 15;

impl Parker for Pthreads {
    const KIND: BackendKind = BackendKind::Thread;

    fn new(_threads_max: usize) -> io::Result<Self> {
        Ok(Self::default())
    }

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let seen = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
        spawn(&CString::new(seen)?, STACK_BYTES, body)
    }

    fn park(&self, timeout: Option<Duration>) -> bool {
        let is_none = |tokens: &mut usize| *tokens == 0;
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tokens = match timeout {
            Some(timeout) => {
                let wait = self.unparked.wait_timeout_while(tokens, timeout, is_none);
                wait.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let wait = self.unparked.wait_while(tokens, is_none);
                wait.unwrap_or_else(PoisonError::into_inner)
            }
        };
        let is_there = *tokens > 0;
        *tokens -= usize::from(is_there);
        is_there
    }

    fn unpark(&self) {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.unparked.notify_one();
    }
}
