//! One operation on its way: what to do, on which file, and where the answer goes.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, ErrorKind};
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
    hook: Option<Box<Hook>>,
}

/// What a wrapping backend does with the answer, and the hook that was set before it.
struct Hook {
    call: Box<dyn FnOnce(Request, io::Result<Output>) + Send>,
    earlier: Option<Box<Hook>>,
}

/// The backend's own name for an accepted request: an index with a generation, never a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

const HELD: &str = "a request has its body until it completes, which consumes it";

impl Request {
    pub(crate) fn new(op: Op, file: Option<SharedFile>, ticket: Ticket) -> Self {
        Self { body: Some(Body { op, file, ticket, hook: None }) }
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

    /// Has `hook` called with the answer before it is delivered, for a backend that wraps another
    /// one and looks at, changes or holds back what the inner one says. The hook gets the request
    /// back and is bound by the same contract: it completes it, now or later, exactly once.
    ///
    /// Of several hooks the one set last is called first. None is called for a request that is
    /// dropped.
    ///
    /// ```
    /// use caio::{Output, Request};
    ///
    /// fn let_one_byte_count(mut request: Request) -> Request {
    ///     request.on_complete(|request, result| match result {
    ///         Ok(Output::Bytes(bytes)) => request.complete(Ok(Output::Bytes(bytes.min(1)))),
    ///         other => request.complete(other),
    ///     });
    ///     request
    /// }
    /// ```
    pub fn on_complete(&mut self, hook: impl FnOnce(Request, io::Result<Output>) + Send + 'static) {
        let place = &mut self.body.as_mut().expect(HELD).hook;
        let earlier = place.take();
        *place = Some(Box::new(Hook { call: Box::new(hook), earlier }));
    }

    /// Delivers the answer and wakes whoever waits for it. Never panics and runs no code of the
    /// user but the waker and, where a wrapping backend has set one, its hook.
    pub fn complete(mut self, result: io::Result<Output>) {
        let body = self.body.as_mut().expect(HELD);
        if let Some(hook) = body.hook.take() {
            let Hook { call, earlier } = *hook;
            body.hook = earlier;
            // A hook that panics drops the request, which answers it.
            let _ = catch_unwind(AssertUnwindSafe(|| call(self, result)));
            return;
        }
        let Body { op, file, ticket, .. } = self.body.take().expect(HELD);
        let wanted = !ticket.is_cancelled();
        let result = result.map_err(|error| if wanted { error.into() } else { unwanted(error) });
        ticket.deliver(Outcome { result, op: Some(op) }, file);
    }
}

/// The answer for nobody. What ended because it was cancelled has not failed; a real error that
/// came before that remains one. An errno of ours is left out: one of an operation that somebody
/// waits for means that the kernel cancelled it unasked.
fn unwanted(error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::ECANCELED | libc::EINTR) => {
            Error::new(ErrorKind::Cancelled, "it was cancelled, since nobody waited for it")
        }
        _ => error.into(),
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(Body { op, file, ticket, .. }) = self.body.take() {
            ticket.deliver(Outcome::abandoned(op), file);
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{request, wait};

    #[test]
    fn the_hook_set_last_sees_the_answer_first() {
        let (mut request, completion) = request(Op::Fsync, None);
        request.on_complete(|request, result| {
            assert!(matches!(result, Ok(Output::Bytes(2))));
            request.complete(Ok(Output::Bytes(1)));
        });
        request.on_complete(|request, result| {
            assert!(matches!(result, Ok(Output::Done)));
            request.complete(Ok(Output::Bytes(2)));
        });
        request.complete(Ok(Output::Done));
        assert!(matches!(wait(completion, || {}).result, Ok(Output::Bytes(1))));
    }

    #[test]
    fn a_hook_that_panics_leaves_nobody_waiting() {
        let (mut request, completion) = request(Op::Fsync, None);
        request.on_complete(|_request, _result| panic!("the hook panics on purpose"));
        request.complete(Ok(Output::Done));
        let error = wait(completion, || {}).result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Abandoned);
    }
}
