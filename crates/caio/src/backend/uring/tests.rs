//! The ring against real files and pipes, and against a kernel that refuses for a while.

mod ends;
mod files;
mod many;
mod operations;
mod polled;

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::ring::LEAKED;
use super::{Options, Uring};
use crate::backend::Backend;
use crate::buffer::{Buffer, BufferPool, OwnedBuffer};
use crate::error::ErrorKind;
use crate::file::SharedFile;
use crate::op::{Op, OpKind, Output};
use crate::request::{Request, Token};
use crate::slot::{Completion, Outcome};
use crate::testing::{file_with, request, run, wait};

/// A backend with these options, or `None` and a line that says why.
#[allow(clippy::print_stderr)]
fn open(options: &Options) -> Option<Uring> {
    Uring::open(options).inspect_err(|error| eprintln!("skipped: {error}")).ok()
}

fn small(requests_max: usize, rings: usize) -> Options {
    Options { requests_max, rings, entries: 2, ..Options::default() }
}

fn read(length: usize, offset: u64) -> Op {
    Op::read(Buffer::from(Vec::with_capacity(length)), 0..length, offset).unwrap()
}

fn write(bytes: &'static [u8], offset: u64) -> Op {
    Op::write(Buffer::from(bytes), 0..bytes.len(), offset).unwrap()
}

fn bytes(outcome: &Outcome) -> usize {
    match outcome.result {
        Ok(Output::Bytes(bytes)) => bytes,
        ref other => panic!("{other:?}"),
    }
}

/// What was read, with a length as the layer above would set it.
fn contents(outcome: Outcome) -> Vec<u8> {
    let length = bytes(&outcome);
    let Some(Op::Read { mut buffer, .. }) = outcome.op else { panic!("no read: {outcome:?}") };
    buffer.set_len(length);
    Vec::from_buffer(buffer)
}

fn reap_all(backend: &Uring) {
    for ring in backend.existing() {
        backend.reap(ring.lane());
    }
}

/// Submits one operation and leaves it in flight.
fn begin(backend: &Uring, op: Op, file: &SharedFile) -> Completion {
    let (request, completion) = request(op, Some(file));
    let mut batch = [Some(request)];
    backend.submit(&mut batch).unwrap();
    assert!(batch[0].is_none());
    completion
}

/// A pipe's two ends; reading from it waits until something is written or the writer is closed.
fn pipe() -> (SharedFile, OwnedFd) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    (SharedFile::from_std(File::from(reader)).unwrap(), writer)
}
