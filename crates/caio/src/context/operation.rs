//! One operation as a future: accepted at its first poll, and then waited for.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use super::Context;
use super::layered::Layered;
use super::submit::Batch;
use crate::completion::{Outcome, Receiver};
use crate::error::Error;
use crate::file::SharedFile;
use crate::layer::Attempt;
use crate::op::{Op, OpKind};
use crate::request::Token;
use crate::route::Route;
use crate::runtime::Watch;

/// An operation on its way. Made by [`Context::submit`].
///
/// At its first poll it becomes the engine's: it waits for its turn where the context is at a
/// limit, goes to the backend or to the pool, and is submitted again after EINTR or EAGAIN, without
/// being polled for any of that. A result may still be short: the loops that complete transfers are
/// [`Context::read`] and [`Context::write`].
///
/// # Cancel safety
/// Dropping it cancels the operation as far as possible. One that the kernel has begun may still
/// take effect; its buffer and its file stay alive until then.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let context = caio::Context::builder().build()?;
/// # let file = doc::file_with(b"some text")?;
/// use caio::{Buffer, Op, Operation, Output};
///
/// let op = Op::read(Buffer::from(Vec::with_capacity(4)), 0..4, 5)?;
/// let operation: Operation = context.submit(Some(&file), op);
/// assert!(matches!(operation.await.result?, Output::Bytes(4)));
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[must_use = "an operation does nothing unless it is awaited"]
pub struct Operation {
    context: Context,
    file: Option<SharedFile>,
    progress: Progress,
}

/// The same for whoever keeps the context and the file meanwhile: that spares counting their
/// users, on cache lines which all threads share.
#[derive(Debug)]
pub(super) struct Borrowed<'a> {
    context: &'a Context,
    file: Option<&'a SharedFile>,
    progress: Progress,
}

/// How far an operation has come.
enum Progress {
    New(Op),
    /// A part of what it belongs to is done, so that it waits for no turn of its task: syncs and
    /// changes of the length come after it.
    GoingOn(Op),
    /// Layers have let it in.
    Admitted(Op, Arc<Attempt>),
    /// Layers are around it.
    Layered(Layered),
    Accepted(Accepted),
    Done,
}

/// What is known of an operation while the engine has it.
struct Accepted {
    receiver: Receiver,
    kind: OpKind,
    /// The path of an operation that has no file.
    path: Option<PathBuf>,
    route: Route,
    /// What the runtime wants to have kept while it waits, once it was asked.
    waits: Option<Option<Watch>>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(op) | Self::GoingOn(op) | Self::Admitted(op, _) => {
                f.debug_tuple("New").field(op).finish()
            }
            Self::Layered(_) => f.write_str("Layered"),
            Self::Accepted(accepted) => f.debug_tuple("Accepted").field(&accepted.kind).finish(),
            Self::Done => f.write_str("Done"),
        }
    }
}

impl Operation {
    pub(super) fn new(context: &Context, file: Option<&SharedFile>, op: Op) -> Self {
        let progress = Progress::New(op);
        Self { context: context.clone(), file: file.cloned(), progress }
    }

    /// An operation that the engine has been asked for already.
    pub(super) fn accepted(
        context: &Context,
        file: &SharedFile,
        receiver: Receiver,
        kind: OpKind,
        route: Route,
    ) -> Self {
        let progress =
            Progress::Accepted(Accepted { receiver, kind, path: None, route, waits: None });
        Self { context: context.clone(), file: Some(file.clone()), progress }
    }

    /// The same, which layers have let in.
    pub(super) fn layered(self, attempt: Arc<Attempt>) -> Self {
        let (context, file) = (self.context.clone(), self.file.clone());
        let progress = Progress::Layered(Layered::begun(&context, self, attempt));
        Self { context, file, progress }
    }

    pub(super) fn file(&self) -> Option<&SharedFile> {
        self.file.as_ref()
    }
}

impl<'a> Borrowed<'a> {
    pub(super) fn new(context: &'a Context, file: Option<&'a SharedFile>, op: Op) -> Self {
        Self { context, file, progress: Progress::New(op) }
    }

    /// What is left of an operation.
    pub(super) fn going_on(context: &'a Context, file: &'a SharedFile, op: Op) -> Self {
        Self { context, file: Some(file), progress: Progress::GoingOn(op) }
    }

    /// An operation that layers have let in.
    pub(super) fn admitted(
        context: &'a Context,
        file: Option<&'a SharedFile>,
        op: Op,
        attempt: Arc<Attempt>,
    ) -> Self {
        Self { context, file, progress: Progress::Admitted(op, attempt) }
    }
}

impl Future for Operation {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let Self { context, file, progress } = &mut *self;
        progress.poll(context, file.as_ref(), cx)
    }
}

impl Future for Borrowed<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let (context, file) = (self.context, self.file);
        self.progress.poll(context, file, cx)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.progress.cancel(&self.context);
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.progress.cancel(self.context);
    }
}

impl Progress {
    fn poll(
        &mut self,
        context: &Context,
        file: Option<&SharedFile>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Outcome> {
        if let Err(error) = context.check_fork() {
            return Poll::Ready(self.strand(file, error));
        }
        if let (Some(file), Self::New(op) | Self::GoingOn(op)) = (file, &*self)
            && let Err(error) = file.check_atomic(op)
        {
            return Poll::Ready(self.strand(Some(file), error));
        }
        if !context.inner.layers.is_empty() {
            if let Self::New(op) | Self::GoingOn(op) = self {
                let op = std::mem::replace(op, Op::Metadata);
                *self = Self::Layered(Layered::new(context, file, op));
            }
            if let Self::Layered(layered) = self {
                let outcome = ready!(layered.poll(cx));
                *self = Self::Done;
                return Poll::Ready(outcome);
            }
        }
        let is_new = matches!(self, Self::New(_) | Self::GoingOn(_) | Self::Admitted(..));
        if let Self::New(op) = self {
            ready!(context.poll_proceed(cx, op.length()));
        }
        if is_new {
            let (op, attempt) = match std::mem::replace(self, Self::Done) {
                Self::New(op) | Self::GoingOn(op) => (op, None),
                Self::Admitted(op, attempt) => (op, Some(attempt)),
                _ => unreachable!("it is new"),
            };
            match accept(context, file, op, attempt) {
                Ok(accepted) => *self = Self::Accepted(accepted),
                Err((error, op)) => {
                    let error = describe(error, file, Some(&op), op.kind(), None);
                    return Poll::Ready(Outcome::failed(error, op));
                }
            }
        }
        let Self::Accepted(accepted) = self else {
            unreachable!("an operation is not polled after it is ready")
        };
        // Taking many answers is work for the task, too.
        if !is_new && accepted.receiver.is_ready() {
            ready!(context.poll_proceed(cx, 0));
        }
        let Poll::Ready(outcome) = accepted.receiver.poll(cx) else {
            if accepted.waits.is_none() {
                accepted.waits = Some(context.inner.runtime.waits());
            }
            if accepted.route == Route::Backend {
                context.inner.wait_for_completions();
            }
            return Poll::Pending;
        };
        let Self::Accepted(accepted) = std::mem::replace(self, Self::Done) else { unreachable!() };
        let Accepted { receiver, kind, path, .. } = accepted;
        receiver.close(&context.inner.channels);
        let Outcome { result, op } = outcome;
        let result = result.map_err(|error| describe(error, file, op.as_ref(), kind, path));
        Poll::Ready(Outcome { result, op })
    }

    /// Cancels what is under way; its answer is not wanted any more.
    fn cancel(&mut self, context: &Context) {
        let Self::Accepted(accepted) = std::mem::replace(self, Self::Done) else { return };
        if context.check_fork().is_err() {
            std::mem::forget(accepted);
            return;
        }
        let Accepted { receiver, route, .. } = accepted;
        match receiver.cancel() {
            None => {}
            Some(Token(0)) => {
                context.inner.metrics.cancelled();
                context.inner.drop_cancelled();
            }
            Some(token) => {
                context.inner.metrics.cancelled();
                context.inner.cancel(route, token);
            }
        }
        receiver.close(&context.inner.channels);
    }

    /// Ends before it was accepted, or in a forked child. What is shared with the backend is left
    /// alone then: its other side is in the parent.
    fn strand(&mut self, file: Option<&SharedFile>, error: Error) -> Outcome {
        match std::mem::replace(self, Self::Done) {
            Self::New(op) | Self::GoingOn(op) | Self::Admitted(op, _) => {
                Outcome::failed(describe(error, file, Some(&op), op.kind(), None), op)
            }
            other => {
                std::mem::forget(other);
                Outcome { result: Err(error), op: None }
            }
        }
    }
}

fn accept(
    context: &Context,
    file: Option<&SharedFile>,
    op: Op,
    attempt: Option<Arc<Attempt>>,
) -> Result<Accepted, (Error, Op)> {
    let (kind, path) = (op.kind(), op.path().map(Path::to_owned));
    let route = context.inner.route(file, &op);
    let mut batch = Batch::default();
    let receiver = context.inner.accept(file, op, attempt, &mut batch)?;
    context.inner.commit(batch);
    Ok(Accepted { receiver, kind, path, route, waits: None })
}

fn describe(
    error: Error,
    file: Option<&SharedFile>,
    op: Option<&Op>,
    kind: OpKind,
    path: Option<PathBuf>,
) -> Error {
    let seekable = file.is_none_or(SharedFile::is_seekable);
    let error = match op.and_then(Op::offset) {
        Some(offset) if seekable => error.during(kind).at(offset),
        _ => error.during(kind),
    };
    let path = file.map(SharedFile::path).or(path.as_deref()).or_else(|| op.and_then(Op::path));
    match path {
        Some(path) => error.on(path),
        None => error,
    }
}
