//! Changes to the file: writes and truncations, one after the other.
//!
//! A change that has begun belongs to the handle. Dropping the future that waits for it leaves it
//! under way, and the next operation waits for it first: otherwise the kernel could carry it out
//! after a later write to the same place, and destroy what was accepted by then.

use std::future::poll_fn;
use std::io::IoSlice;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use caio::{Buffer, Error, FileClass, Result, WakerSet, WakerSlot};

use super::File;
use crate::aio_file::AioFile;
use crate::boxed::BoxedFuture;

/// Which half of a file waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Read,
    Write,
}

#[derive(Debug)]
pub(super) struct PendingWrite {
    /// Locked for one poll at most: a sync and its like have `&self` and wait for it, too.
    running: Mutex<Option<RunningWrite>>,
    /// What `poll_write` had offered and a reading half saw the end of.
    finished: Option<WriteOutcome>,
    /// The error of a change that no call has returned.
    failed: Mutex<Option<Error>>,
    /// Who waits for the change under way: the two halves of a file may do so in two tasks, and any
    /// number of tasks that share it. All are woken, since any may be one that is no longer polled.
    waiting: WakerSet,
    reading: WakerSlot,
    writing: WakerSlot,
}

#[derive(Debug)]
struct RunningWrite {
    work: BoxedFuture<WriteOutcome>,
    /// What it came to, until the cursor is moved along.
    outcome: Option<WriteOutcome>,
    /// What `poll_write` was offered, to know the offer again.
    offered: Option<Bytes>,
    /// The shared position meanwhile, unless others move it; `None` where a write has reserved no
    /// place.
    reserved: Option<u64>,
}

impl PendingWrite {
    fn poll_ended(&mut self, half: Half, cx: &mut Context<'_>) -> Poll<()> {
        let slot = match half {
            Half::Read => &mut self.reading,
            Half::Write => &mut self.writing,
        };
        poll_ended(&self.running, &self.waiting, slot, cx)
    }
}

impl Default for PendingWrite {
    fn default() -> Self {
        let waiting = WakerSet::default();
        let (reading, writing) = (waiting.slot(), waiting.slot());
        let (running, failed) = (Mutex::default(), Mutex::default());
        Self { running, finished: None, failed, waiting, reading, writing }
    }
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
    /// The answer of a change that is done as a whole or not at all.
    pub(super) fn complete(self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    /// Where it leaves a cursor that was there.
    fn cursor_from(&self, position: u64) -> u64 {
        self.cursor.unwrap_or(position + self.bytes as u64)
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

    /// Keeps the error of a change, for the next call that can return it.
    pub(super) fn keep_error(&mut self, outcome: WriteOutcome) {
        if outcome.error.is_some() {
            *lock(&self.pending_write.failed) = outcome.error;
        }
    }

    /// The answer to tokio's `write`: progress comes before the error, which is kept.
    pub(super) fn answer(&mut self, mut outcome: WriteOutcome) -> Result<usize> {
        match outcome.error.take() {
            Some(error) if outcome.bytes == 0 => Err(error),
            error => {
                let bytes = outcome.bytes;
                self.keep_error(WriteOutcome { error, ..WriteOutcome::default() });
                Ok(bytes)
            }
        }
    }

    /// As [`poll_no_write`](Self::poll_no_write), and reports the error that was kept: once, to the
    /// next change, flush, sync or close.
    pub(super) fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_no_write(cx, Half::Write));
        Poll::Ready(lock(&self.pending_write.failed).take().map_or(Ok(()), Err))
    }

    /// Waits until no change is under way, and reports the error that was kept, for what has
    /// `&self` alone. The cursor is moved by the next operation that may move it.
    pub(super) async fn settled(&self) -> Result<()> {
        self.change_ended().await;
        if let Some(error) = lock(&self.pending_write.failed).take() {
            return Err(error);
        }
        let mut running = lock(&self.pending_write.running);
        let error = running.as_mut().and_then(|RunningWrite { outcome, offered, .. }| {
            let outcome = outcome.as_mut()?;
            // Whoever offers the same bytes again gets it, too.
            if offered.is_some() { outcome.error.clone() } else { outcome.error.take() }
        });
        error.map_or(Ok(()), Err)
    }

    /// Waits for the change that was begun last, if its outcome is not taken yet.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Option<WriteOutcome>> {
        match self.pending_write.finished.take() {
            None => self.poll_running(cx, Half::Write),
            finished => Poll::Ready(finished),
        }
    }

    /// Waits until no change is under way, and leaves what it came to where it is.
    pub(super) async fn change_ended(&self) {
        let PendingWrite { running, waiting, .. } = &self.pending_write;
        let mut slot = waiting.slot();
        poll_fn(|cx| poll_ended(running, waiting, &mut slot, cx)).await;
    }

    fn poll_running(&mut self, cx: &mut Context<'_>, half: Half) -> Poll<Option<WriteOutcome>> {
        ready!(self.pending_write.poll_ended(half, cx));
        let running = self.pending_write.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(RunningWrite { outcome: Some(mut outcome), offered, reserved, .. }) =
            running.take()
        else {
            return Poll::Ready(None);
        };
        outcome.offered = offered;
        self.generation.fetch_add(1, Ordering::AcqRel);
        if self.is_seekable() {
            self.invalidate_fill();
            self.set_position(outcome.cursor_from(self.position));
            self.release_place(reserved);
        } else {
            self.position += outcome.bytes as u64;
        }
        Poll::Ready(Some(outcome))
    }

    /// Where the cursor is once the change that has ended is counted. `note` says so to the change,
    /// whose place is shared from now on.
    pub(super) fn settled_position(&self, note: bool) -> u64 {
        let mut running = lock(&self.pending_write.running);
        let Some(RunningWrite { outcome: Some(outcome), reserved, .. }) = running.as_mut() else {
            return self.position;
        };
        let position = outcome.cursor_from(self.position);
        if note {
            *reserved = Some(position);
        }
        position
    }

    /// Begins to write a buffer at the cursor, or at the end of a file opened to append. The file
    /// must be idle.
    pub(super) fn start_write(&mut self, buffer: Buffer, offered: Option<Bytes>) {
        self.seeking = None;
        let reserved = self.reserve_place(buffer.len());
        let work = BoxedFuture::new(write(self.file.clone(), buffer, self.position));
        self.run(work, offered, reserved);
    }

    /// Begins to cut or extend the file. The file must be idle.
    pub(super) fn start_truncate(&mut self, length: u64) {
        let (file, cursor) = (self.file.clone(), Some(self.position));
        let work = BoxedFuture::new(async move {
            let error = file.set_len(length).await.err().map(Error::from);
            WriteOutcome { cursor, error, ..WriteOutcome::default() }
        });
        self.run(work, None, cursor);
    }

    fn run(
        &mut self,
        work: BoxedFuture<WriteOutcome>,
        offered: Option<Bytes>,
        reserved: Option<u64>,
    ) {
        let running = RunningWrite { work, outcome: None, offered, reserved };
        *lock(&self.pending_write.running) = Some(running);
    }

    pub(super) fn is_idle(&self) -> bool {
        lock(&self.pending_write.running).is_none()
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

/// Carries on with the change under way, and wakes all that wait for it when it has ended: also
/// what waits in the task that polls here.
fn poll_ended(
    running: &Mutex<Option<RunningWrite>>,
    waiting: &WakerSet,
    slot: &mut WakerSlot,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let mut running = lock(running);
    let Some(RunningWrite { work, outcome: outcome @ None, .. }) = running.as_mut() else {
        return Poll::Ready(());
    };
    slot.register(cx.waker());
    *outcome = Some(ready!(work.poll(&mut Context::from_waker(&waiting.waker()))));
    drop(running);
    slot.clear();
    waiting.wake_all();
    Poll::Ready(())
}

/// The contents, also after a panic of somebody else's.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(file: AioFile, buffer: Buffer, position: u64) -> WriteOutcome {
    let (bytes, result) = file.write_all(buffer, position).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_one_half_ends_is_told_to_the_other_one_in_the_same_task() {
        let mut is_ready = false;
        let work =
            BoxedFuture::new(poll_fn(move |_| match std::mem::replace(&mut is_ready, true) {
                false => Poll::Pending,
                true => Poll::Ready(WriteOutcome::default()),
            }));
        let running = RunningWrite { work, outcome: None, offered: None, reserved: None };
        let mut pending = PendingWrite { running: Mutex::new(Some(running)), ..Default::default() };
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        assert!(pending.poll_ended(Half::Write, &mut cx).is_pending());
        assert!(pending.poll_ended(Half::Read, &mut cx).is_ready());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
}
