//! One operation on its way: what to do, on which file, and where the answer goes.
//!
//! A request is accepted, waits for room where there is none, is handed to a backend and completes.
//! It is the engine's from the moment it is accepted: no step of it depends on a future being
//! polled.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::completion::{Outcome, Sender};
use crate::error::{Error, ErrorKind, errno};
use crate::file::{FileClass, OpenPermit, SharedFile, SyncRun};
use crate::layer::Attempt;
use crate::op::{Op, OpKind, Output};
use crate::route::{self, Route};
use crate::semaphore::Waiter;

/// An operation that a backend was asked to do.
///
/// It owns the buffer and a counted reference to the open file until it completes. Completing
/// consumes it, so it happens once; dropping it instead completes it with
/// [`ErrorKind::Abandoned`](crate::ErrorKind::Abandoned), so it happens at all.
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
#[derive(Debug)]
pub struct Request {
    body: Option<Body>,
}

/// The backend's own name for an accepted request: an index with a generation, never a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

#[derive(Debug)]
struct Body {
    op: Op,
    kind: OpKind,
    file: Option<SharedFile>,
    owner: Arc<dyn Owner>,
    reply: Reply,
    route: Route,
    room: Room,
    has_room: bool,
    retries: u32,
    /// The number of a write among those of its file.
    write: Option<u64>,
    /// The place among the open files that it takes.
    place: Option<OpenPermit>,
    /// What layers are told when it ends.
    attempt: Option<Arc<Attempt>>,
    hook: Option<Box<Hook>>,
}

/// Who gets the answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A future.
    Future(Sender),
    /// All that wait for a sync of the file.
    Sync(Arc<SyncRun>),
}

/// What of the context's room a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// That for what moves bytes.
    Transfer(usize),
    /// That for what waits for a stream, of which there is always enough: it may wait for ever, and
    /// must keep no other from its answer.
    Stream,
    /// That for everything else, so that neither waits for the other.
    Other,
}

/// What takes care of a request beside its backend: the context that it belongs to.
pub(crate) trait Owner: fmt::Debug + Send + Sync {
    /// Takes a request back whose error is not its last word, to submit it again; gives it back
    /// where the error is final.
    fn retry(self: Arc<Self>, request: Request, errno: i32) -> Option<Request>;

    /// Settles all that concerns a request that has ended, and delivers its outcome.
    fn finish(self: Arc<Self>, finished: Finished);
}

/// A request that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) outcome: Outcome,
    pub(crate) kind: OpKind,
    pub(crate) file: Option<SharedFile>,
    pub(crate) reply: Reply,
    /// The room that it had; `None` where it never had any.
    pub(crate) room: Option<Room>,
    pub(crate) write: Option<u64>,
    pub(crate) place: Option<OpenPermit>,
    /// What layers are told, its route, and whether its answer is wanted.
    pub(crate) attempt: Option<(Arc<Attempt>, Route, bool)>,
}

/// What a wrapping backend does with the answer, and the hook that was set before it.
struct Hook {
    call: Box<dyn FnOnce(Request, io::Result<Output>) + Send>,
    earlier: Option<Box<Hook>>,
}

const HELD: &str = "a request has its body until it completes, which consumes it";

impl Request {
    /// A request that has no room yet.
    pub(crate) fn new(
        op: Op,
        file: Option<SharedFile>,
        owner: Arc<dyn Owner>,
        reply: Reply,
        route: Route,
    ) -> Self {
        let (kind, room) = (op.kind(), Room::of(&op, file.as_ref()));
        let write = file.as_ref().filter(|_| op.is_write()).map(|file| file.writes().start());
        Self {
            body: Some(Body {
                op,
                kind,
                file,
                owner,
                reply,
                route,
                room,
                has_room: false,
                retries: 0,
                write,
                place: None,
                attempt: None,
                hook: None,
            }),
        }
    }

    /// What to do.
    #[must_use]
    pub fn op(&self) -> &Op {
        &self.body().op
    }

    /// What to do, with the buffer to do it in.
    #[must_use]
    pub fn op_mut(&mut self) -> &mut Op {
        &mut self.body_mut().op
    }

    /// The open file; `None` for operations that need none, such as [`Op::Open`].
    #[must_use]
    pub fn file(&self) -> Option<&SharedFile> {
        self.body().file.as_ref()
    }

    /// Both at once, for a backend that does the operation itself.
    #[must_use]
    pub fn parts_mut(&mut self) -> (&mut Op, Option<&SharedFile>) {
        let body = self.body_mut();
        (&mut body.op, body.file.as_ref())
    }

    /// Notes the token by which [`Backend::cancel`](crate::Backend::cancel) will name this
    /// request, before the kernel or another thread can see it. A request that may wait for long
    /// is then asked whether it [is cancelled](Self::is_cancelled): a cancellation is either seen
    /// there, or finds the token.
    pub fn set_token(&self, token: Token) {
        if let Reply::Future(sender) = &self.body().reply {
            sender.set_token(token);
        }
    }

    /// Whether its answer is not wanted any more, so that it need not be begun.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match &self.body().reply {
            Reply::Future(sender) => sender.is_cancelled(),
            Reply::Sync(_) => false,
        }
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
        let place = &mut self.body_mut().hook;
        let earlier = place.take();
        *place = Some(Box::new(Hook { call: Box::new(hook), earlier }));
    }

    /// Delivers the answer and wakes the task that waits for it, or has the request submitted
    /// again after an errno that is not its last word. Never panics: a waker, a hook or the
    /// destructor of a buffer that does is caught.
    pub fn complete(mut self, result: io::Result<Output>) {
        let body = self.body_mut();
        if let Some(hook) = body.hook.take() {
            let Hook { call, earlier } = *hook;
            body.hook = earlier;
            // A hook that panics drops the request, which answers it.
            let _ = catch_unwind(AssertUnwindSafe(|| call(self, result)));
            return;
        }
        let mut request = self;
        if let Err(error) = &result
            && let Some(errno) = errno(error)
            && !request.is_cancelled()
        {
            let owner = Arc::clone(&request.body().owner);
            match owner.retry(request, errno) {
                Some(back) => request = back,
                None => return,
            }
        }
        let wanted = !request.is_cancelled();
        let result =
            result.map_err(|error| if wanted { error.into() } else { request.unwanted(error) });
        request.finish(|op| Outcome { result, op: Some(op) });
    }

    /// Ends it before a backend has had it.
    pub(crate) fn refuse(mut self, error: Error) {
        self.finish(|op| Outcome::failed(error, op));
    }

    /// Delivers an error, and leaves the operation's memory and its file to the kernel for ever: it
    /// may still use them.
    pub(crate) fn leak(mut self, error: Error) {
        if let Some(file) = self.file() {
            std::mem::forget(file.clone());
        }
        self.finish(|op| {
            std::mem::forget(op);
            Outcome { result: Err(error), op: None }
        });
    }

    pub(crate) fn kind(&self) -> OpKind {
        self.body().kind
    }

    pub(crate) fn route(&self) -> Route {
        self.body().route
    }

    pub(crate) fn room(&self) -> Room {
        self.body().room
    }

    /// It has room from now on.
    pub(crate) fn admitted(&mut self) {
        self.body_mut().has_room = true;
    }

    /// Whether it has been submitted fewer than `max` times; counts another one.
    pub(crate) fn count_retry(&mut self, max: u32, route: Route) -> bool {
        let body = self.body_mut();
        let again = body.retries < max;
        if again {
            body.retries += 1;
            body.route = route;
        }
        again
    }

    /// Gives it a place among the open files.
    pub(crate) fn set_place(&mut self, place: OpenPermit) {
        self.body_mut().place = Some(place);
    }

    /// Has layers told how it ends.
    pub(crate) fn set_attempt(&mut self, attempt: Option<Arc<Attempt>>) {
        self.body_mut().attempt = attempt;
    }

    /// The answer that is not wanted. What ended because it was cancelled has not failed, nor has
    /// what would be submitted again if it were wanted; a real error that came before that remains
    /// one.
    fn unwanted(&self, error: io::Error) -> Error {
        let is_last_word = match errno(&error) {
            Some(libc::ECANCELED | libc::EINTR) => false,
            Some(errno) => route::after(self.route(), self.kind(), errno).is_none(),
            None => true,
        };
        match is_last_word {
            true => error.into(),
            false => {
                Error::new(ErrorKind::Cancelled, "it was cancelled, since its future was dropped")
            }
        }
    }

    fn finish(&mut self, outcome: impl FnOnce(Op) -> Outcome) {
        let is_wanted = self.body.is_some() && !self.is_cancelled();
        let Some(body) = self.body.take() else { return };
        let Body { op, kind, file, owner, reply, route, room, has_room, write, place, .. } = body;
        let room = has_room.then_some(room);
        let attempt = body.attempt.map(|attempt| (attempt, route, is_wanted));
        let outcome = outcome(op);
        let finished = Finished { outcome, kind, file, reply, room, write, place, attempt };
        owner.finish(finished);
    }

    fn body(&self) -> &Body {
        self.body.as_ref().expect(HELD)
    }

    fn body_mut(&mut self) -> &mut Body {
        self.body.as_mut().expect(HELD)
    }
}

impl Room {
    /// What an operation on such a file takes.
    fn of(op: &Op, file: Option<&SharedFile>) -> Self {
        match op.kind() {
            OpKind::Read | OpKind::Write | OpKind::ReadVectored | OpKind::WriteVectored => {
                match file.map(SharedFile::class) {
                    Some(FileClass::Stream) => Self::Stream,
                    _ => Self::Transfer(op.length()),
                }
            }
            OpKind::ReadFile => Self::Transfer(op.length()),
            _ => Self::Other,
        }
    }

    /// The bytes that it takes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Transfer(bytes) => bytes,
            Self::Stream | Self::Other => 0,
        }
    }
}

impl Waiter for Request {
    fn bytes(&self) -> usize {
        self.room().bytes()
    }

    fn is_cancelled(&self) -> bool {
        Request::is_cancelled(self)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.finish(Outcome::abandoned);
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
    use crate::buffer::Buffer;
    use crate::detached;

    #[test]
    fn what_would_be_tried_again_if_it_were_wanted_has_not_failed() {
        let op = Op::read(Buffer::from(Vec::with_capacity(1)), 0..1, 0).unwrap();
        let (request, _answer) = detached::request(op, None);
        let kind = |errno| request.unwanted(io::Error::from_raw_os_error(errno)).kind();
        for errno in [libc::ECANCELED, libc::EINTR, libc::EAGAIN, libc::EOPNOTSUPP] {
            assert_eq!(kind(errno), ErrorKind::Cancelled, "{errno}");
        }
        assert_ne!(kind(libc::EIO), ErrorKind::Cancelled);
    }
}
