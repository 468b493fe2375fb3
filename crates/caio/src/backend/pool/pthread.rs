//! The threads of the pool `thread`: detached pthreads, which sleep at a condition variable.

use std::ffi::CString;
use std::io;
use std::time::{Duration, Instant};

use super::{Parker, STACK_BYTES};
use crate::backend::BackendKind;
use crate::sys::pthread::{Monitor, spawn};

/// Threads made with pthread_create(3), and the number of tokens for those that sleep.
#[derive(Debug)]
pub struct Pthreads(Monitor<usize>);

/// A longer name is refused (pthread_setname_np(3)).
const NAME_BYTES_MAX: usize = 15;

impl Parker for Pthreads {
    const KIND: BackendKind = BackendKind::Thread;

    fn new(_threads_max: usize) -> io::Result<Self> {
        Ok(Self(Monitor::new(0)?))
    }

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let seen = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
        spawn(&CString::new(seen)?, STACK_BYTES, body)
    }

    fn park(&self, timeout: Option<Duration>) -> bool {
        // A time beyond what the clock can say never comes.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut tokens = self.0.lock();
        while *tokens == 0 {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => tokens.wait(),
                Some(Duration::ZERO) => return false,
                Some(left) => tokens.wait_for(left),
            }
        }
        *tokens -= 1;
        true
    }

    fn unpark(&self) {
        *self.0.lock() += 1;
        self.0.signal();
    }
}
