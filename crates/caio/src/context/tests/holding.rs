//! When requests are held back.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::{begin, block_on, pipe, read};
use crate::backend::{Backend, BackendKind, Lanes};
use crate::capability::{Capability, ClassSet, OpSet};
use crate::context::Context;
use crate::error::Result;
use crate::request::{Request, Token};
use crate::runtime::Source;

/// Says that so many requests have completed, each time it is asked.
#[derive(Debug)]
struct Told(Capability, AtomicUsize);

impl Backend for Told {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("told")
    }

    fn capability(&self) -> &Capability {
        &self.0
    }

    fn submit(&self, _batch: &mut [Option<Request>]) -> Result<Lanes> {
        Ok(Lanes::NONE)
    }

    fn cancel(&self, _token: Token) {}

    fn reap(&self, _lane: usize) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    fn descriptor(&self, _lane: usize) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, _deadline: Instant) -> usize {
        0
    }
}

#[test]
fn nothing_is_held_where_little_completes_or_is_in_flight() {
    let capability = Capability {
        operations: OpSet::all(),
        classes: ClassSet::all(),
        requests_max: 1,
        cancels_running: false,
        writes_buffered_slowly: false,
        features: Vec::new(),
    };
    let told = Arc::new(Told(capability, AtomicUsize::new(0)));
    let backend: Arc<dyn Backend> = told.clone();
    let context = Context::builder().backend(BackendKind::Rust).build().unwrap();
    let (reader, writer) = pipe();
    let (backend, inner) = (Arc::downgrade(&backend), Arc::downgrade(&context.inner));
    let descriptor = reader.as_fd().try_clone_to_owned().unwrap();
    let source = Source::new(descriptor, 0, backend, inner);
    let mut operations = Vec::new();
    for (in_flight, completed, holds) in
        [(0, 5, false), (1, 5, false), (2, 0, false), (2, 1, false), (2, 2, true), (8, 1, true)]
    {
        while operations.len() < in_flight {
            let mut operation = read(&context, &reader, 1);
            begin(&mut operation);
            operations.push(operation);
        }
        told.1.store(completed, Ordering::SeqCst);
        let hold = source.reap_and_hold();
        assert_eq!(hold.is_some(), holds, "{completed} completed, {in_flight} in flight");
    }
    drop(writer);
    for operation in operations {
        assert!(block_on(operation).result.is_ok());
    }
}
