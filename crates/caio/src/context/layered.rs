//! Operations with layers around them: each attempt is admitted, made and told of; what failed may
//! be made again after a pause; a deadline ends the wait for all of it.

use std::ffi::{CStr, OsStr};
use std::future::{Future, poll_fn};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use super::Context;
use super::operation::{Borrowed, Operation};
use crate::completion::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::in_place;
use crate::layer::{Attempt, Chain, OpInfo, Sleep};
use crate::op::{Op, OpKind, Output};
use crate::pending_count::shut_down;
use crate::sync::Exclusive;

/// An operation with layers around it, as a future that can be moved.
pub(super) struct Layered(Exclusive<Pin<Box<dyn Future<Output = Outcome> + Send>>>);

impl Layered {
    /// An operation that is to begin.
    pub(super) fn new(context: &Context, file: Option<&SharedFile>, op: Op) -> Self {
        let info = context.inner.layers.describe(&*context.inner.runtime, file, &op);
        Self::of(context.clone(), file.cloned(), info, Next::Admission(op))
    }

    /// An operation whose first attempt the engine has already.
    pub(super) fn begun(context: &Context, begun: Operation, attempt: Arc<Attempt>) -> Self {
        let (file, info) = (begun.file().cloned(), attempt.info().clone());
        Self::of(context.clone(), file, info, Next::Answer(begun, attempt))
    }

    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0).poll(cx)
    }

    fn of(context: Context, file: Option<SharedFile>, info: OpInfo, next: Next) -> Self {
        let future = async move {
            let attempts = make_attempts(&context, file.as_ref(), &info, next);
            let ended = within_deadline(&context.inner.layers, &info, attempts).await;
            ended.unwrap_or_else(|error| Outcome { result: Err(error), op: None })
        };
        Self(Exclusive::new(Box::pin(future)))
    }
}

/// Waits for a future, as long as the layers allow it.
///
/// # Errors
/// [`ErrorKind::TimedOut`] after that; then the future has been dropped.
pub(super) async fn within_deadline<F: Future>(
    chain: &Chain,
    info: &OpInfo,
    future: F,
) -> Result<F::Output> {
    let Some(deadline) = chain.deadline(info) else { return Ok(future.await) };
    let mut future = pin!(future);
    let mut sleep: Option<Exclusive<Sleep>> = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // Most operations are ready before there is anything to wait for.
        let begin = || Exclusive::new(info.clock().sleep(deadline));
        Pin::new(sleep.get_or_insert_with(begin)).poll(cx).map(|slept| {
            let error = slept.err().map_or_else(|| timed_out(deadline), Error::system);
            Err(info.describe(error))
        })
    })
    .await
}

/// What comes next of an operation.
enum Next {
    Admission(Op),
    Answer(Operation, Arc<Attempt>),
}

async fn make_attempts(
    context: &Context,
    file: Option<&SharedFile>,
    info: &OpInfo,
    mut next: Next,
) -> Outcome {
    let (mut number, mut failure) = (0, None);
    loop {
        number += 1;
        let (pause, outcome) = match next {
            Next::Answer(begun, attempt) => {
                let outcome = begun.await;
                (attempt.retry_after(), outcome)
            }
            Next::Admission(op) => {
                // Others have their turn before it is let in: from then on it holds what layers
                // gave it, and begins at once, since it may never be polled again.
                let bytes = if op.kind() == OpKind::ReadFile { 0 } else { op.length() };
                context.proceed(bytes).await;
                let admission = context.inner.layers.admit(info, number);
                let admitted = context.inner.closing.or(admission).await;
                match admitted.unwrap_or_else(|| Err((info.describe(shut_down()), None))) {
                    Ok(attempt) => {
                        let outcome = perform(context, file, op, &attempt).await;
                        (attempt.retry_after(), outcome)
                    }
                    // Why it had to be made again says more than why it was not.
                    Err((refusal, None)) => return Outcome::failed(failure.unwrap_or(refusal), op),
                    Err((refusal, pause)) => (pause, Outcome::failed(refusal, op)),
                }
            }
        };
        let (pause, error, op) = match (pause, outcome) {
            (Some(pause), Outcome { result: Err(error), op: Some(op) }) => (pause, error, op),
            (_, outcome) => return outcome,
        };
        if !matches!(context.inner.closing.or(info.clock().sleep(pause)).await, Some(Ok(()))) {
            return Outcome::failed(error, op);
        }
        (failure, next) = (Some(error), Next::Admission(op));
    }
}

async fn perform(
    context: &Context,
    file: Option<&SharedFile>,
    mut op: Op,
    attempt: &Arc<Attempt>,
) -> Outcome {
    if let Some(output) = context.try_in_place(file, &mut op) {
        let result: Result<Output> = Ok(output);
        attempt.end_in_place(&result);
        return Outcome { result, op: Some(op) };
    }
    Borrowed::admitted(context, file, op, Arc::clone(attempt)).await
}

fn timed_out(deadline: std::time::Duration) -> Error {
    let message = format!("it did not end within {deadline:?}");
    let cure = "raise its deadline; what has begun may still take effect";
    Error::new(ErrorKind::TimedOut, message).hint(cure)
}

impl Context {
    /// Does an operation that layers have let in on the calling thread, where that needs no
    /// waiting. `None` where nothing was done and it has to go another way.
    fn try_in_place(&self, file: Option<&SharedFile>, op: &mut Op) -> Option<Output> {
        let inner = &self.inner;
        let config = &inner.config;
        if !config.in_place || self.is_shut_down() || op.check().is_err() {
            return None;
        }
        self.check_fork().ok()?;
        let bytes_max = config.in_place_bytes_max;
        let (kind, length) = (op.kind(), op.length());
        let output = match (op, file) {
            (Op::Read { buffer, range, offset }, Some(file))
                if length > 0 && in_place::can_read(file) =>
            {
                let length = length.min(bytes_max);
                let range = range.start..range.start + length;
                let bytes = in_place::read(file, buffer, range, *offset)?;
                self.inner.metrics.in_place(kind, bytes, length);
                Output::Bytes(bytes)
            }
            (Op::Write { buffer, range, offset }, Some(file))
                if length > 0
                    && in_place::can_write(
                        file,
                        length,
                        bytes_max,
                        inner.writes_may_wait(file),
                    ) =>
            {
                let length = length.min(bytes_max);
                let bytes = &buffer.as_slice()[range.start..range.start + length];
                let written = in_place::write(file, bytes, *offset, inner.writes_may_wait(file))?;
                self.inner.metrics.in_place(kind, written, length);
                Output::Bytes(written)
            }
            (Op::Metadata, Some(file)) if file.file_system().is_local() => {
                let metadata = file.file().metadata().ok()?;
                self.inner.metrics.in_place_other();
                Output::Metadata(Box::new(metadata))
            }
            (Op::Open { path, flags, .. }, None) => {
                Output::File(self.open_cached(as_path(path), *flags)?)
            }
            (Op::ReadFile { path }, None) => {
                Output::Contents(self.read_file_cached(as_path(path))?)
            }
            _ => return None,
        };
        Some(output)
    }
}

fn as_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}
