//! Backends whose threads are those that call them.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::backend::{Backend, BackendKind, QueueId};
use crate::capability::Capability;
use crate::op::{Op, Output};
use crate::request::{Request, Token};
use crate::sync::{Mutex, lock};

/// Has nothing to do for a request, which completes once it is committed; a change of the length,
/// when it is reaped.
#[derive(Debug)]
pub(crate) struct Null {
    capability: Capability,
    queued: Mutex<Vec<Request>>,
    done: Mutex<Vec<Request>>,
}

impl Null {
    pub(crate) fn new() -> Self {
        let (queued, done) = Default::default();
        Self { capability: Capability::all(8), queued, done }
    }
}

impl Backend for Null {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("model")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        lock(&self.queued).push(request);
        QueueId(0)
    }

    fn commit(&self, _queue: QueueId) {
        let queued = std::mem::take(&mut *lock(&self.queued));
        for request in queued {
            match request.op() {
                Op::SetLength { .. } => lock(&self.done).push(request),
                _ => request.complete(Ok(Output::Done)),
            }
        }
    }

    fn reap(&self, _queue: QueueId) -> usize {
        let done = std::mem::take(&mut *lock(&self.done));
        done.into_iter().map(|request| request.complete(Ok(Output::Done))).count()
    }

    fn cancel(&self, _token: Token) {}

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, _deadline: Instant) -> usize {
        self.commit(QueueId(0));
        self.reap(QueueId(0));
        0
    }
}
