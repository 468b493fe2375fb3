//! A read that is complete at its end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use super::{Progress, Transfer, count};
use crate::buffer::Buffer;
use crate::context::Context;
use crate::context::operation::Borrowed;
use crate::error::Result;
use crate::op::{self, Op, TRANSFER_BYTES_MAX};

/// A read that is complete at its end. By hand, since many wait at once, and an `async fn` keeps
/// twice what it is given.
pub(super) struct Reading<'a> {
    context: &'a Context,
    progress: Progress<'a>,
    step: Step<'a>,
}

/// Where the buffer is.
enum Step<'a> {
    New {
        buffer: Buffer,
        in_place: bool,
    },
    InPlace(Buffer),
    Backend(Buffer),
    /// The engine has it.
    Waiting(Borrowed<'a>),
    Done,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        context: &'a Context,
        progress: Progress<'a>,
        buffer: Buffer,
        in_place: bool,
    ) -> Self {
        Self { context, progress, step: Step::New { buffer, in_place } }
    }

    /// The next step that waits for nothing; the end where it is reached.
    fn begin(&mut self, buffer: Buffer, in_place: bool) -> Option<Transfer> {
        let Progress { file, range, offset, .. } = &self.progress;
        if let Err(error) = op::check_read(&buffer, range, *offset) {
            return Some((Err(error.on(file.path())), buffer));
        }
        // What is empty is done there without a call.
        self.step = match in_place || self.progress.is_done() {
            true => Step::InPlace(buffer),
            false => Step::Backend(buffer),
        };
        None
    }
}

impl Future for Reading<'_> {
    type Output = Transfer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Transfer> {
        loop {
            let Self { context, progress, step } = &mut *self;
            let (rest, offset) = (progress.rest(TRANSFER_BYTES_MAX), progress.position());
            match step {
                Step::New { buffer, in_place } => {
                    let (buffer, in_place) = (std::mem::take(buffer), *in_place);
                    if let Some(end) = self.begin(buffer, in_place) {
                        return Poll::Ready(end);
                    }
                }
                Step::InPlace(buffer) if progress.is_done() => {
                    return progress.finish(Ok(()), std::mem::take(buffer));
                }
                Step::InPlace(buffer) => {
                    let file = progress.file;
                    match ready!(context.poll_try_read(cx, file, buffer, rest, offset)) {
                        // Only nothing at all means the end: fewer bytes than asked for may also
                        // mean that the following ones are not cached.
                        Ok(Some(0)) => return progress.finish(Ok(()), std::mem::take(buffer)),
                        Ok(Some(bytes)) => progress.done += bytes,
                        Ok(None) => *step = Step::Backend(std::mem::take(buffer)),
                        Err(error) => {
                            return progress.finish(Err(error), std::mem::take(buffer));
                        }
                    }
                }
                Step::Backend(buffer) => {
                    let op = Op::Read { buffer: std::mem::take(buffer), range: rest, offset };
                    *step = Step::Waiting(context.submit_borrowed(Some(progress.file), op));
                }
                Step::Waiting(operation) => {
                    let outcome = ready!(Pin::new(operation).poll(cx));
                    *step = Step::Done;
                    let mut buffer = Buffer::default();
                    let bytes = match count(outcome, &mut buffer) {
                        Ok(bytes) => bytes,
                        Err(error) => return progress.finish(Err(error), buffer),
                    };
                    progress.done += bytes;
                    if bytes == 0 || progress.is_done() || progress.ends_short() {
                        return progress.finish(Ok(()), buffer);
                    }
                    *step = Step::Backend(buffer);
                }
                Step::Done => unreachable!("a read is not polled after it is ready"),
            }
        }
    }
}

impl Progress<'_> {
    fn finish(&self, result: Result<()>, mut buffer: Buffer) -> Poll<Transfer> {
        // It is missing where the operation was abandoned: the kernel has kept it, and with it
        // whatever was read before.
        if buffer.capacity() == 0 {
            return Poll::Ready((result.map(|()| self.done), buffer));
        }
        buffer.set_len(self.range.start + self.done);
        Poll::Ready((self.settle(result), buffer))
    }
}
