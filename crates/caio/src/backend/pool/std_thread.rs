//! The threads of the pool `rust`: std's, which sleep at a channel of tokens.
#![forbid(unsafe_code)]

use std::io;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Parker, STACK_BYTES};
use crate::backend::BackendKind;

/// Threads made with std, and the tokens for those that sleep.
#[derive(Debug)]
pub struct StdThreads {
    unpark: Sender<()>,
    park: Receiver<()>,
}

impl Parker for StdThreads {
    const KIND: BackendKind = BackendKind::Rust;

    fn new(threads_max: usize) -> io::Result<Self> {
        let (unpark, park) = bounded(threads_max);
        Ok(Self { unpark, park })
    }

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let builder = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
        builder.spawn(body).map(drop)
    }

    fn park(&self, timeout: Option<Duration>) -> bool {
        match timeout {
            Some(timeout) => self.park.recv_timeout(timeout).is_ok(),
            None => self.park.recv().is_ok(),
        }
    }

    fn unpark(&self) {
        // There is room: never are there more tokens than threads.
        let _ = self.unpark.try_send(());
    }
}
