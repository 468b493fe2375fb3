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
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let file = doc::file_with(b"")?;
/// use caio::{ErrorKind, Request};
///
/// // Even a backend that forgets its requests leaves nobody waiting.
/// fn forget(request: Request) {
///     drop(request);
/// }
/// # let context = doc::served_by(forget)?;
/// let error = context.sync(&file, false).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Abandoned);
/// # Ok(())
/// # });
/// ```
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
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # use doc::{cancelled, keep, poll_once};
/// # let file = doc::file_with(b"")?;
/// use caio::{Op, Request, Token};
///
/// fn serve(request: Request) {
///     request.set_token(Token(7));
///     keep(request);
/// }
/// # let context = doc::served_by(serve)?;
/// # let mut operation = context.submit(Some(&file), Op::Fsync);
/// # assert!(poll_once(&mut operation).is_none());
/// drop(operation);
/// assert_eq!(cancelled(), [Token(7)]);
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

const HELD: &str = "a request has its body until it completes, which consumes it";

impl Request {
    pub(crate) fn new(op: Op, file: Option<SharedFile>, ticket: Ticket) -> Self {
        Self { body: Some(Body { op, file, ticket, hook: None }) }
    }

    /// What to do.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let file = doc::file_with(b"")?;
    /// use caio::{Buffer, Output, Request};
    ///
    /// fn pretend(request: Request) {
    ///     let length = request.op().length();
    ///     request.complete(Ok(Output::Bytes(length)));
    /// }
    /// # let context = doc::served_by(pretend)?;
    /// let (written, _) = context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0).await;
    /// assert_eq!(written?, 4);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn op(&self) -> &Op {
        &self.body.as_ref().expect(HELD).op
    }

    /// What to do, with the buffer to do it in.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let file = doc::file_with(b"")?;
    /// use caio::{Buffer, Op, Output, Request};
    ///
    /// fn read_sevens(mut request: Request) {
    ///     let Op::Read { buffer, range, .. } = request.op_mut() else { return };
    ///     buffer.writable(range.clone()).fill(7);
    ///     let bytes = range.len();
    ///     request.complete(Ok(Output::Bytes(bytes)));
    /// }
    /// # let context = doc::served_by(read_sevens)?;
    /// # let buffer = Buffer::from(Vec::with_capacity(4));
    /// # let (read, buffer) = context.read(&file, buffer, 0..4, 0).await;
    /// # assert_eq!((read?, buffer.as_slice()), (4, &[7; 4][..]));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn op_mut(&mut self) -> &mut Op {
        &mut self.body.as_mut().expect(HELD).op
    }

    /// The open file; `None` for [`Op::Open`] and [`Op::Close`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let shared = doc::file_with(b"")?;
    /// use std::io;
    /// use caio::{Output, Request};
    ///
    /// fn sync(request: Request) {
    ///     let result = match request.file() {
    ///         Some(file) => file.file().sync_all().map(|()| Output::Done),
    ///         None => Err(io::ErrorKind::Unsupported.into()),
    ///     };
    ///     request.complete(result);
    /// }
    /// # let context = doc::served_by(sync)?;
    /// # context.sync(&shared, false).await?;
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn file(&self) -> Option<&SharedFile> {
        self.body.as_ref().expect(HELD).file.as_ref()
    }

    /// Both at once, for a backend that does the operation itself.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let file_with_text = doc::file_with(b"some text")?;
    /// use std::{io, os::unix::fs::FileExt};
    /// # use caio::Buffer;
    /// use caio::{Op, Output, Request};
    ///
    /// fn read(mut request: Request) {
    ///     let result = match request.parts_mut() {
    ///         (Op::Read { buffer, range, offset }, Some(file)) => {
    ///             file.file().read_at(buffer.writable(range.clone()), *offset).map(Output::Bytes)
    ///         }
    ///         _ => Err(io::ErrorKind::Unsupported.into()),
    ///     };
    ///     request.complete(result);
    /// }
    /// # let context = doc::served_by(read)?;
    /// # let buffer = Buffer::from(Vec::with_capacity(4));
    /// # let (read, buffer) = context.read(&file_with_text, buffer, 0..4, 5).await;
    /// # assert_eq!((read?, buffer.as_slice()), (4, &b"text"[..]));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn parts_mut(&mut self) -> (&mut Op, Option<&SharedFile>) {
        let body = self.body.as_mut().expect(HELD);
        (&mut body.op, body.file.as_ref())
    }

    /// Notes the token by which [`Backend::cancel`](crate::Backend::cancel) will name this
    /// request. Call it before the kernel or another thread can see the request.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # use doc::{cancelled, keep, poll_once};
    /// # let file = doc::file_with(b"")?;
    /// use caio::{Op, Request, Token};
    ///
    /// fn serve(request: Request) {
    ///     // First the token, then into the queue.
    ///     request.set_token(Token(1 << 32 | 5));
    ///     keep(request);
    /// }
    /// # let context = doc::served_by(serve)?;
    /// # let mut operation = context.submit(Some(&file), Op::Fsync);
    /// # assert!(poll_once(&mut operation).is_none());
    /// # drop(operation);
    /// # assert_eq!(cancelled(), [Token(1 << 32 | 5)]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn set_token(&self, token: Token) {
        self.body.as_ref().expect(HELD).ticket.set_token(token);
    }

    /// Whether nobody waits for it any more, so that it need not be begun.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # use doc::{keep, kept, poll_once};
    /// # let file = doc::file_with(b"")?;
    /// # let context = doc::served_by(keep)?;
    /// # let mut operation = context.submit(Some(&file), caio::Op::Fsync);
    /// # assert!(poll_once(&mut operation).is_none());
    /// # let request = kept().expect("the backend has kept it");
    /// assert!(!request.is_cancelled());
    /// drop(operation);
    /// assert!(request.is_cancelled());
    /// # Ok(())
    /// # });
    /// ```
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
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let file = doc::file_with(b"")?;
    /// use caio::{Buffer, Op, Output, Request};
    ///
    /// fn half(mut request: Request) {
    ///     request.on_complete(|request, result| match result {
    ///         Ok(Output::Bytes(bytes)) => request.complete(Ok(Output::Bytes(bytes / 2))),
    ///         other => request.complete(other),
    ///     });
    ///     pass_on(request);
    /// }
    /// # fn pass_on(request: Request) {
    /// #     let bytes = request.op().length();
    /// #     request.complete(Ok(Output::Bytes(bytes)));
    /// # }
    /// # let context = doc::served_by(half)?;
    /// # let op = Op::write(Buffer::from(&b"data"[..]), 0..4, 0)?;
    /// # let outcome = context.submit(Some(&file), op).await;
    /// # assert!(matches!(outcome.result?, Output::Bytes(2)));
    /// # Ok(())
    /// # });
    /// ```
    pub fn on_complete(&mut self, hook: impl FnOnce(Request, io::Result<Output>) + Send + 'static) {
        let place = &mut self.body.as_mut().expect(HELD).hook;
        let earlier = place.take();
        *place = Some(Box::new(Hook { call: Box::new(hook), earlier }));
    }

    /// Delivers the answer and wakes whoever waits for it. Never panics and runs no code of the
    /// user but the waker and, where a wrapping backend has set one, its hook.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let file = doc::file_with(b"")?;
    /// use std::io;
    /// use caio::Request;
    ///
    /// fn refuse(request: Request) {
    ///     request.complete(Err(io::Error::from_raw_os_error(28)));
    /// }
    /// # let context = doc::served_by(refuse)?;
    /// let error = context.sync(&file, false).await.unwrap_err();
    /// assert_eq!(error.io_kind(), io::ErrorKind::StorageFull);
    /// # Ok(())
    /// # });
    /// ```
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
