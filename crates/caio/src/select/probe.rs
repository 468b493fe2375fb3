//! One real read through a backend that has just opened.
//!
//! A sandbox may let a facility be set up and then refuse to use it, or take requests that never
//! complete. Only an operation that is done shows that operations get done.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::backend::Backend;
use crate::buffer::Buffer;
use crate::counters::Counters;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{FileClass, SharedFile};
use crate::limit::Limit;
use crate::op::{Op, Output};
use crate::request::Request;
use crate::slot::{Completion, Outcome, SlotPool};
use crate::sync::wait_until;

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
    let (file, expected) = known_byte()?;
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

/// A file in memory where that is permitted, else the program itself, and its first byte.
fn known_byte() -> Result<(SharedFile, u8)> {
    const BYTE: u8 = 0xa5;
    const ELF: u8 = 0x7f;
    if let Ok(memory) = memfd_create(c"caio-probe", MFdFlags::MFD_CLOEXEC) {
        let mut memory = File::from(memory);
        if memory.write_all(&[BYTE]).is_ok() {
            return Ok((SharedFile::new(memory, PathBuf::from("/memfd:caio-probe"))?, BYTE));
        }
    }
    let program = PathBuf::from("/proc/self/exe");
    Ok((SharedFile::new(File::open(&program)?, program)?, ELF))
}

fn request(op: Op, file: SharedFile) -> (Request, Completion) {
    let permit = Limit::new(1, usize::MAX).try_acquire(1).expect("the limit is fresh");
    let (ticket, completion) =
        Arc::new(SlotPool::default()).pair(permit, None, Arc::new(Counters::default()));
    (Request::new(op, Some(file), ticket), completion)
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Backend, message)
        .hint("it is imitated or broken here: choose another backend, such as thread or rust")
}
