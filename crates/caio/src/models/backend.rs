//! A backend whose threads are those that call it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crate::backend::{Backend, BackendKind, QueueId};
use crate::capability::Capability;
use crate::op::{Op, Output};
use crate::request::{Request, Token};
use crate::sync::{Mutex, lock};
use crate::sys::notifier::Notifier;

/// Has nothing to do for a request, which completes once it is committed or when it is reaped.
#[derive(Debug)]
pub(crate) struct Null {
    capability: Capability,
    queued: Mutex<Vec<Request>>,
    done: Mutex<Vec<Request>>,
    /// Says that something waits to be reaped, where all does.
    readable: Option<Notifier>,
}

impl Null {
    /// Completes a change of the length when it is reaped, and all else at once.
    pub(crate) fn new() -> Self {
        let (queued, done) = Default::default();
        Self { capability: Capability::all(8), queued, done, readable: None }
    }

    /// Completes all when it is reaped, which its descriptor asks for.
    #[cfg(caio_shuttle)]
    pub(crate) fn reaped() -> Self {
        let capability = Capability { completes_by_itself: false, ..Capability::all(8) };
        let readable = Some(Notifier::new().expect("there are descriptors"));
        Self { capability, readable, ..Self::new() }
    }

    fn waits(&self, request: &Request) -> bool {
        self.readable.is_some() || matches!(request.op(), Op::SetLength { .. })
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
            if self.waits(&request) {
                lock(&self.done).push(request);
                self.readable.as_ref().map(Notifier::notify);
            } else {
                request.complete(Ok(Output::Done));
            }
        }
    }

    fn reap(&self, _queue: QueueId) -> usize {
        self.readable.as_ref().map(Notifier::clear);
        let done = std::mem::take(&mut *lock(&self.done));
        done.into_iter().map(|request| request.complete(Ok(Output::Done))).count()
    }

    fn cancel(&self, _token: Token) {}

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        self.readable.as_ref().map(AsFd::as_fd)
    }

    fn shutdown(&self, _deadline: Instant) -> usize {
        self.commit(QueueId(0));
        self.reap(QueueId(0));
        0
    }
}
