//! A write that is complete at its end.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use super::{Progress, Transfer, count};
use crate::buffer::{Buffer, IntoBuffer};
use crate::context::Context;
use crate::context::operation::Borrowed;
use crate::error::{Error, ErrorKind, Result};
use crate::in_place;
use crate::op::{self, Op, OpKind, TRANSFER_BYTES_MAX};

/// A write of bytes that may be borrowed. By hand for the reason why [`Reading`](super::Reading)
/// is.
pub(super) struct Writing<'a, B> {
    context: &'a Context,
    progress: Progress<'a>,
    /// What comes back of bytes that were written in place.
    back: fn(B) -> Buffer,
    step: Step<'a, B>,
}

/// Where the bytes are.
enum Step<'a, B> {
    New(B),
    InPlace(B),
    Backend(Buffer),
    /// The engine has them.
    Waiting(Borrowed<'a>),
    Done,
}

impl<'a, B> Writing<'a, B> {
    pub(super) fn new(
        context: &'a Context,
        progress: Progress<'a>,
        bytes: B,
        back: fn(B) -> Buffer,
    ) -> Self {
        Self { context, progress, back, step: Step::New(bytes) }
    }
}

/// No reference to the bytes is kept from one poll to the next.
impl<B> Unpin for Writing<'_, B> {}

impl<B: IntoBuffer> Future for Writing<'_, B> {
    type Output = Transfer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Transfer> {
        let Self { context, progress, back, step } = &mut *self;
        loop {
            if let Step::InPlace(bytes) = step {
                let is_written = ready!(progress.poll_write(context, cx, bytes.as_slice()));
                let Step::InPlace(bytes) = mem::replace(step, Step::Done) else { unreachable!() };
                if is_written {
                    return Poll::Ready((Ok(progress.done), back(bytes)));
                }
                *step = Step::Backend(bytes.into_owned_buffer());
            }
            if let Step::Waiting(operation) = step {
                let outcome = ready!(Pin::new(operation).poll(cx));
                *step = Step::Done;
                let mut buffer = Buffer::default();
                let result = count(outcome, &mut buffer).and_then(|bytes| progress.accept(bytes));
                if result.is_err() || progress.is_done() {
                    return Poll::Ready((progress.settle(result), buffer));
                }
                *step = Step::Backend(buffer);
            }
            *step = match mem::replace(step, Step::Done) {
                Step::New(bytes) => {
                    let (range, offset) = (&progress.range, progress.offset);
                    if let Err(error) = op::check_write(range, bytes.as_slice().len(), offset) {
                        let error = error.on(progress.file.path());
                        return Poll::Ready((Err(error), bytes.into_owned_buffer()));
                    }
                    Step::InPlace(bytes)
                }
                Step::Backend(buffer) => {
                    let (range, offset) = (progress.rest(TRANSFER_BYTES_MAX), progress.position());
                    let op = Op::Write { buffer, range, offset };
                    Step::Waiting(match progress.done {
                        0 => context.submit_borrowed(Some(progress.file), op),
                        _ => Borrowed::going_on(context, progress.file, op),
                    })
                }
                _ => unreachable!("a write is not polled after it is ready"),
            };
        }
    }
}

impl Progress<'_> {
    /// Writes in place: whether all is written then, or the rest has to go another way. So does
    /// what is left where others have to have their turn first: what has been begun must not
    /// depend on a future being polled, since syncs and changes of the length come after it.
    fn poll_write(
        &mut self,
        context: &Context,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<bool> {
        if self.is_done() {
            return Poll::Ready(true);
        }
        let inner = &context.inner;
        let (length, bytes_max) = (self.rest(usize::MAX).len(), inner.config.in_place_bytes_max);
        let may_wait = inner.writes_may_wait(self.file);
        if !inner.in_place || !in_place::can_write(self.file, length, bytes_max, may_wait) {
            return Poll::Ready(false);
        }
        while !self.is_done() {
            let piece = self.rest(bytes_max);
            match context.poll_proceed(cx, piece.len()) {
                Poll::Ready(()) => {}
                Poll::Pending if self.done == 0 => return Poll::Pending,
                Poll::Pending => return Poll::Ready(false),
            }
            if context.is_shut_down() {
                return Poll::Ready(false);
            }
            let (piece, offset) = (&bytes[piece], self.position());
            let Some(written) = in_place::write(self.file, piece, offset, may_wait) else {
                return Poll::Ready(false);
            };
            inner.metrics.in_place(OpKind::Write, written, piece.len());
            self.done += written;
        }
        Poll::Ready(true)
    }

    /// Counts what the system has accepted, which may be nothing only where nothing is left.
    fn accept(&mut self, bytes: usize) -> Result<()> {
        let offset = self.position();
        self.done += bytes;
        if bytes > 0 || self.is_done() {
            return Ok(());
        }
        let error = Error::new(ErrorKind::WriteZero, "the system accepted no byte");
        Err(error.during(OpKind::Write).on(self.file.path()).at(offset))
    }
}
