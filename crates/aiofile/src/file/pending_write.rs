//! Changes to the file: writes and truncations, one after the other.
//!
//! A change that has begun belongs to the handle. Dropping the future that waits for it leaves it
//! under way, and the next operation waits for it first: otherwise the kernel could carry it out
//! after a later write to the same place, and destroy what was accepted by then.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::Bytes;
use caio::{Buffer, Error, FileClass, Result};

use super::File;
use crate::aio_file::AioFile;
use crate::boxed::BoxedFuture;

/// Which half of a handle waits: the reading and the writing one may do so in two tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Read,
    Write,
}

#[derive(Debug, Default)]
pub(super) struct PendingWrite {
    running: Option<RunningWrite>,
    /// What `poll_write` had offered and a reading half saw the end of.
    finished: Option<WriteOutcome>,
    /// The error of a change whose future was dropped.
    failed: Option<Error>,
    waiting: [Option<Waker>; 2],
}

#[derive(Debug)]
struct RunningWrite {
    work: BoxedFuture<WriteOutcome>,
    /// What `poll_write` was offered, to know the offer again.
    offered: Option<Bytes>,
    /// The shared position meanwhile, unless others move it; `None` where a write has reserved no
    /// place.
    reserved: Option<u64>,
}

/// What a change came to.
#[derive(Debug, Default)]
pub(super) struct WriteOutcome {
    /// Bytes that the kernel has accepted.
    pub(super) bytes: usize,
    /// Where the cursor goes, where it does not simply advance by the bytes.
    cursor: Option<u64>,
    pub(super) error: Option<Error>,
    /// What `poll_write` had offered.
    pub(super) offered: Option<Bytes>,
}

impl WriteOutcome {
    /// A write's answer: progress counts for more than a later error, which the rest will meet.
    pub(super) fn written(self) -> Result<usize> {
        match self.error {
            Some(error) if self.bytes == 0 => Err(error),
            _ => Ok(self.bytes),
        }
    }

    /// The answer of a change that is done as a whole or not at all.
    pub(super) fn complete(self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}

impl File {
    /// Waits until no change is under way. A reading half leaves the outcome to the writing half,
    /// which may offer the same bytes again to get it; any other operation means that it will not,
    /// and keeps the error.
    pub(super) fn poll_no_write(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<()> {
        if let Some(outcome) = ready!(self.poll_running(cx, half)) {
            self.pending_write.finished = Some(outcome);
        }
        let for_writer = half == Half::Read
            && self
                .pending_write
                .finished
                .as_ref()
                .is_some_and(|outcome| outcome.offered.is_some());
        if !for_writer && let Some(outcome) = self.pending_write.finished.take() {
            self.keep_error(outcome);
        }
        Poll::Ready(())
    }

    /// Keeps the error of a change whose future was dropped.
    pub(super) fn keep_error(&mut self, outcome: WriteOutcome) {
        if outcome.error.is_some() {
            self.pending_write.failed = outcome.error;
        }
    }

    /// As [`poll_no_write`](Self::poll_no_write), and reports the error that was kept: once, to the
    /// next change, flush, sync or close.
    pub(super) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_no_write(cx, Half::Write));
        Poll::Ready(self.pending_write.failed.take().map_or(Ok(()), Err))
    }

    /// Waits for the change that was begun last, if its outcome is not taken yet.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Option<WriteOutcome>> {
        match self.pending_write.finished.take() {
            None => self.poll_running(cx, Half::Write),
            finished => Poll::Ready(finished),
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<Option<WriteOutcome>> {
        let PendingWrite { running, waiting, .. } = &mut self.pending_write;
        let Some(RunningWrite { work, .. }) = running else { return Poll::Ready(None) };
        let waker = wake_both(waiting, half, cx.waker());
        let mut outcome = ready!(work.poll(&mut Context::from_waker(&waker)));
        // The other half's task may wait for what is now done.
        waiting.iter_mut().filter_map(Option::take).for_each(|waiting| {
            if !waiting.will_wake(cx.waker()) {
                waiting.wake();
            }
        });
        let RunningWrite { offered, reserved, .. } = running.take().expect("it was just polled");
        outcome.offered = offered;
        self.generation.fetch_add(1, Ordering::AcqRel);
        if self.is_seekable() {
            self.invalidate_fill();
            self.set_position(outcome.cursor.unwrap_or(self.position + outcome.bytes as u64));
            self.release_place(reserved);
        } else {
            self.position += outcome.bytes as u64;
        }
        Poll::Ready(Some(outcome))
    }

    /// Begins to write a buffer at the cursor, or at the end of a file opened to append: once,
    /// which may be short where an error comes in between, or until `all` of it is written. The
    /// handle must be idle.
    pub(super) fn start_write(&mut self, buffer: Buffer, all: bool, offered: Option<Bytes>) {
        self.seeking = None;
        let reserved = self.reserve_place(buffer.len());
        let work = BoxedFuture::new(write(self.file.clone(), buffer, self.position, all));
        self.pending_write.running = Some(RunningWrite { work, offered, reserved });
    }

    /// Begins to cut or extend the file. The handle must be idle.
    pub(super) fn start_truncate(&mut self, length: u64) {
        let (file, cursor) = (self.file.clone(), Some(self.position));
        let work = BoxedFuture::new(async move {
            let error = file.set_len(length).await.err().map(Error::from);
            WriteOutcome { cursor, error, ..WriteOutcome::default() }
        });
        self.pending_write.running = Some(RunningWrite { work, offered: None, reserved: cursor });
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending_write.running.is_none()
    }

    /// Gets back the memory of an offer for the next one.
    pub(super) fn recycle(&mut self, offered: Option<Bytes>) {
        if let Some(Ok(memory)) = offered.map(Bytes::try_into_mut) {
            self.spare = memory;
        }
    }

    /// A copy of the first bytes offered, at most `bytes_max`, in memory of the handle's.
    pub(super) fn copy_of(&mut self, offer: &[IoSlice<'_>], bytes_max: usize) -> Bytes {
        let mut copy = std::mem::take(&mut self.spare);
        copy.clear();
        for part in offer {
            let room = bytes_max - copy.len();
            copy.extend_from_slice(&part[..part.len().min(room)]);
        }
        copy.freeze()
    }
}

async fn write(file: AioFile, buffer: Buffer, position: u64, all: bool) -> WriteOutcome {
    let (bytes, result) = if all {
        file.write_all(buffer, position).await
    } else {
        let range = 0..buffer.len();
        match file.write_buffer(buffer, range, position).await.0 {
            Ok(bytes) => (bytes, Ok(())),
            Err(error) => (0, Err(error)),
        }
    };
    let mut outcome = WriteOutcome { bytes, error: result.err(), ..WriteOutcome::default() };
    if outcome.bytes > 0
        && let Ok(shared) = file.file()
        && shared.is_append()
        && shared.class() == FileClass::Regular
    {
        outcome.cursor = file.len().await.ok();
    }
    outcome
}

/// Keeps the waker of this half, and returns one that wakes both.
fn wake_both(waiting: &mut [Option<Waker>; 2], half: Half, own: &Waker) -> Waker {
    let other = &waiting[usize::from(half == Half::Read)];
    let waker = match other {
        Some(other) if !other.will_wake(own) => {
            Waker::from(Arc::new(Both(own.clone(), other.clone())))
        }
        _ => own.clone(),
    };
    waiting[usize::from(half == Half::Write)] = Some(own.clone());
    waker
}

/// Wakes two tasks for one.
struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}
