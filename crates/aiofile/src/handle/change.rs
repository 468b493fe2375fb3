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

use super::FileHandle;
use crate::boxed::BoxedFuture;
use crate::file::AioFile;

/// Who waits: a reading and a writing half of one handle may do so in two tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Read,
    Write,
}

#[derive(Debug, Default)]
pub(super) struct Change {
    under_way: Option<UnderWay>,
    /// What `poll_write` had offered and a reading half saw the end of.
    finished: Option<Changed>,
    /// The error of a change that nobody waited for.
    failed: Option<Error>,
    waiting: [Option<Waker>; 2],
}

#[derive(Debug)]
struct UnderWay {
    work: BoxedFuture<Changed>,
    /// What `poll_write` was offered, to know the offer again.
    offered: Option<Bytes>,
    /// Where a position that others share stands meanwhile, unless they move it; `None` where a
    /// write has no place of its own.
    reserved: Option<u64>,
}

/// What a change came to.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Bytes that the kernel has accepted.
    pub(super) bytes: usize,
    /// Where the cursor goes, where it does not simply advance by the bytes.
    cursor: Option<u64>,
    pub(super) error: Option<Error>,
    /// What `poll_write` had offered.
    pub(super) offered: Option<Bytes>,
}

impl Changed {
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

impl FileHandle {
    /// Waits until nothing is under way. A reading half leaves the outcome to the writing half,
    /// which may offer the same bytes again to hear it; any other operation means that nobody
    /// will, and notes its error.
    pub(super) fn poll_settled(&mut self, cx: &mut Context<'_>, side: Side) -> Poll<()> {
        if let Some(changed) = ready!(self.poll_under_way(cx, side)) {
            self.change.finished = Some(changed);
        }
        let for_writer = side == Side::Read
            && self.change.finished.as_ref().is_some_and(|changed| changed.offered.is_some());
        if !for_writer && let Some(changed) = self.change.finished.take() {
            self.note(changed);
        }
        Poll::Ready(())
    }

    /// Keeps the error of a change that nobody waited for.
    pub(super) fn note(&mut self, changed: Changed) {
        if changed.error.is_some() {
            self.change.failed = changed.error;
        }
    }

    /// As [`poll_settled`](Self::poll_settled), and reports that error: once, to whoever changes,
    /// flushes, syncs or closes next.
    pub(super) fn poll_accounted(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_settled(cx, Side::Write));
        Poll::Ready(self.change.failed.take().map_or(Ok(()), Err))
    }

    /// Waits for the change that was begun last, if its outcome is not taken yet.
    pub(super) fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<Changed>> {
        match self.change.finished.take() {
            None => self.poll_under_way(cx, Side::Write),
            finished => Poll::Ready(finished),
        }
    }

    fn poll_under_way(&mut self, cx: &mut Context<'_>, side: Side) -> Poll<Option<Changed>> {
        let Change { under_way, waiting, .. } = &mut self.change;
        let Some(UnderWay { work, .. }) = under_way else { return Poll::Ready(None) };
        let waker = wake_both(waiting, side, cx.waker());
        let mut changed = ready!(work.poll(&mut Context::from_waker(&waker)));
        // The other half's task may have been promised a wake-up by what is now done.
        waiting.iter_mut().filter_map(Option::take).for_each(|waiting| {
            if !waiting.will_wake(cx.waker()) {
                waiting.wake();
            }
        });
        let UnderWay { offered, reserved, .. } = under_way.take().expect("it was just polled");
        changed.offered = offered;
        self.edition.fetch_add(1, Ordering::AcqRel);
        if self.is_seekable() {
            self.distrust_fill();
            self.set_position(changed.cursor.unwrap_or(self.position + changed.bytes as u64));
            self.settle_place(reserved);
        } else {
            self.position += changed.bytes as u64;
        }
        Poll::Ready(Some(changed))
    }

    /// Begins to write a buffer at the cursor, or at the end of a file opened to append: once,
    /// which may be short where an error comes in between, or until `all` of it is written. The
    /// handle must be settled.
    pub(super) fn start_write(&mut self, buffer: Buffer, all: bool, offered: Option<Bytes>) {
        self.seeking = None;
        let reserved = self.reserve_place(buffer.len());
        let work = BoxedFuture::new(write(self.file.clone(), buffer, self.position, all));
        self.change.under_way = Some(UnderWay { work, offered, reserved });
    }

    /// Begins to cut or extend the file. The handle must be settled.
    pub(super) fn start_truncate(&mut self, length: u64) {
        let (file, cursor) = (self.file.clone(), Some(self.position));
        let work = BoxedFuture::new(async move {
            let error = file.set_len(length).await.err();
            Changed { cursor, error, ..Changed::default() }
        });
        self.change.under_way = Some(UnderWay { work, offered: None, reserved: cursor });
    }

    pub(super) fn is_settled(&self) -> bool {
        self.change.under_way.is_none()
    }

    /// Gets back the memory of an offer for the next one.
    pub(super) fn recycle(&mut self, offered: Option<Bytes>) {
        if let Some(Ok(memory)) = offered.map(Bytes::try_into_mut) {
            self.spare = memory;
        }
    }

    /// A copy of the first bytes offered, at most `bytes_max`, in memory of our own.
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

async fn write(file: AioFile, buffer: Buffer, position: u64, all: bool) -> Changed {
    let (bytes, result) = if all {
        file.write_all(buffer, position).await
    } else {
        let range = 0..buffer.len();
        match file.write_buffer(buffer, range, position).await.0 {
            Ok(bytes) => (bytes, Ok(())),
            Err(error) => (0, Err(error)),
        }
    };
    let mut changed = Changed { bytes, error: result.err(), ..Changed::default() };
    if changed.bytes > 0
        && let Ok(shared) = file.file()
        && shared.is_append()
        && shared.class() == FileClass::Regular
    {
        changed.cursor = file.len().await.ok();
    }
    changed
}

/// Notes who waits, and returns what wakes everybody who does.
fn wake_both(waiting: &mut [Option<Waker>; 2], side: Side, own: &Waker) -> Waker {
    let other = &waiting[usize::from(side == Side::Read)];
    let waker = match other {
        Some(other) if !other.will_wake(own) => {
            Waker::from(Arc::new(Both(own.clone(), other.clone())))
        }
        _ => own.clone(),
    };
    waiting[usize::from(side == Side::Write)] = Some(own.clone());
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
