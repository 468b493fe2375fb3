//! What a context promises about the ends of operations that went another way than planned.

mod borrowed;
mod budget;
mod cancelled;
mod forked;
mod path_calls;

use std::fs::File;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::task::{Context as TaskContext, Waker};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::{Context, Operation};
use crate::backend::BackendKind;
use crate::buffer::Buffer;
use crate::file::SharedFile;
use crate::op::Op;
use crate::testing::{eventually, wait};

/// A context of each backend that works here.
#[allow(clippy::print_stderr)]
fn each(mut test: impl FnMut(Context)) {
    for kind in BackendKind::ALL {
        match Context::builder().backend(kind).in_place(false).build() {
            Ok(context) => test(context),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
}

/// Waits in reason.
fn block_on<F: Future>(future: F) -> F::Output {
    wait(future, || {})
}

/// A pipe's two ends; reading from it waits until something is written.
fn pipe() -> (SharedFile, OwnedFd) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    (SharedFile::from_std(File::from(reader)).unwrap(), writer)
}

fn read(context: &Context, file: &SharedFile, length: usize) -> Operation {
    let buffer = Buffer::from(Vec::with_capacity(length));
    context.submit(Some(file), Op::read(buffer, 0..length, 0).unwrap())
}

/// Has an operation begun.
fn begin(operation: &mut Operation) {
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(std::pin::Pin::new(operation).poll(&mut cx).is_pending());
}
