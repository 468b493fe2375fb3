//! One real read through a backend that has just opened.
//!
//! A sandbox may let a facility be set up and then refuse to use it, or take requests that never
//! complete. Only an operation that is done shows that operations get done.

use std::pin::pin;
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::buffer::Buffer;
use crate::completion::Outcome;
use crate::detached;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{FileClass, SharedFile};
use crate::op::{Op, Output};
use crate::sync::wait_until;
use crate::sys::known;

/// How long the read of one byte from memory may take. On a busy machine it is longer: this thread
/// then has its turns as late as those have that do the read.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// How long a turn of waiting takes where the machine is not busy.
const TURN: Duration = Duration::from_millis(10);

/// Reads one known byte.
///
/// # Errors
/// The backend refuses the read, fails it, brings something else, or has not answered within
/// `timeout`, counted in turns of this thread.
pub(super) fn probe(backend: &dyn Backend, timeout: Duration) -> Result<()> {
    let capability = backend.capability();
    if !capability.classes.contains(FileClass::Regular) || capability.direct_only {
        return Ok(());
    }
    let (file, path, expected) = known::file()?;
    let file = SharedFile::new(file, path)?;
    let op = Op::read(Buffer::from(vec![!expected]), 0..1, 0)?;
    let (request, answer) = detached::request(op, Some(&file));
    let queue = backend.queue(request);
    backend.commit(queue);
    // Where the answer is late, the request stays with the backend, which keeps its buffer and its
    // file for as long as they are in use.
    let mut answer = pin!(answer);
    let mut turn =
        |_| wait_until(Instant::now() + TURN, answer.as_mut(), || _ = backend.reap(queue));
    let Some(outcome) = (0..timeout.as_millis() / TURN.as_millis()).find_map(&mut turn) else {
        return Err(broken("its first read did not complete"));
    };
    match outcome {
        Outcome { result: Ok(Output::Bytes(1)), op: Some(Op::Read { buffer, .. }) }
            if buffer.as_slice() == [expected] =>
        {
            Ok(())
        }
        Outcome { result: Err(error), .. } => Err(error.within("its first read failed")),
        Outcome { .. } => Err(broken("its first read gave something else than the file has")),
    }
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Backend, message)
        .hint("it is imitated or broken here: choose another backend, such as thread or rust")
}
