//! One operation on its way: what to do, on which file, and where the answer goes.

use std::io;

use crate::file::SharedFile;
use crate::op::{Op, Output};
use crate::slot::{Outcome, Ticket};

/// An operation that a backend was asked to do.
///
/// It owns the buffer and a counted reference to the open file until it completes. Completing
/// consumes it, so it happens once; dropping it instead completes it with
/// [`ErrorKind::Abandoned`](crate::ErrorKind::Abandoned), so it happens at all.
#[derive(Debug)]
pub struct Request {
    body: Option<Body>,
}

#[derive(Debug)]
struct Body {
    op: Op,
    file: Option<SharedFile>,
    ticket: Ticket,
}

/// The backend's own name for an accepted request: an index with a generation, never a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

const HELD: &str = "a request has its body until it completes, which consumes it";

impl Request {
    pub(crate) fn new(op: Op, file: Option<SharedFile>, ticket: Ticket) -> Self {
        Self { body: Some(Body { op, file, ticket }) }
    }

    /// What to do.
    #[must_use]
    pub fn op(&self) -> &Op {
        &self.body.as_ref().expect(HELD).op
    }

    /// What to do, with the buffer to do it in.
    #[must_use]
    pub fn op_mut(&mut self) -> &mut Op {
        &mut self.body.as_mut().expect(HELD).op
    }

    /// The open file; `None` for [`Op::Open`] and [`Op::Close`].
    #[must_use]
    pub fn file(&self) -> Option<&SharedFile> {
        self.body.as_ref().expect(HELD).file.as_ref()
    }

    /// Both at once, for a backend that does the operation itself.
    #[must_use]
    pub fn parts_mut(&mut self) -> (&mut Op, Option<&SharedFile>) {
        let body = self.body.as_mut().expect(HELD);
        (&mut body.op, body.file.as_ref())
    }

    /// Notes the token by which [`Backend::cancel`](crate::Backend::cancel) will name this
    /// request. Call it before the kernel or another thread can see the request.
    pub fn set_token(&self, token: Token) {
        self.body.as_ref().expect(HELD).ticket.set_token(token);
    }

    /// Whether nobody waits for it any more, so that it need not be begun.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.body.as_ref().expect(HELD).ticket.is_cancelled()
    }

    /// Delivers the answer and wakes whoever waits for it. Never panics and runs no code of the
    /// user but the waker.
    pub fn complete(mut self, result: io::Result<Output>) {
        let Body { op, file, ticket } = self.body.take().expect(HELD);
        ticket.deliver(Outcome { result: result.map_err(Into::into), op: Some(op) }, file);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(Body { op, file, ticket }) = self.body.take() {
            ticket.deliver(Outcome::abandoned(op), file);
        }
    }
}
