//! One real read through a backend that has just opened.
//!
//! A sandbox may let a facility be set up and then refuse to use it, or take requests that never
//! complete. Only an operation that is done shows that operations get done.

use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{FileClass, SharedFile};
use crate::limit::Limit;
use crate::op::{Op, Output};
use crate::request::Request;
use crate::slot::{Completion, Ledger, Outcome};
use crate::sync::wait_until;
use crate::sys::known;

/// How long the read of one byte from memory may take, on however busy a machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Reads one known byte.
///
/// # Errors
/// The backend refuses the read, fails it, brings something else, or has not answered within
/// `patience`.
pub(super) fn probe(backend: &dyn Backend, patience: Duration) -> Result<()> {
    if !backend.capability().classes.contains(FileClass::Regular) {
        return Ok(());
    }
    let (file, path, expected) = known::file()?;
    let file = SharedFile::new(file, path)?;
    let op = Op::read(Buffer::from(vec![!expected]), 0..1, 0)?;
    let (request, completion) = request(op, file);
    let mut batch = [Some(request)];
    let lanes = backend.submit(&mut batch)?;
    if batch[0].is_some() {
        return Err(broken("it takes no request"));
    }
    // Where the answer is late, the request stays with the backend, which keeps its buffer and its
    // file for as long as they are in use.
    let reap = || lanes.iter().for_each(|lane| _ = backend.reap(lane));
    let Some(outcome) = wait_until(Instant::now() + patience, completion, reap) else {
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

fn request(op: Op, file: SharedFile) -> (Request, Completion) {
    let limit = Limit::new(1, usize::MAX, Ledger::default());
    let permit = limit.try_acquire(1).expect("the limit is fresh");
    let (ticket, completion) = Ledger::pair(permit, None);
    (Request::new(op, Some(file), ticket), completion)
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Backend, message)
        .hint("it is imitated or broken here: choose another backend, such as thread or rust")
}
