//! Writes that run one after the other, whichever of their futures is polled.
//!
//! Where a file has no offsets, the order of the calls has to be the order in which the writes run.
//! So the writes stand in a queue that the clones of a writer share, and whichever future is polled
//! carries out the writes before its own, too: none depends on another one being polled.
//!
//! The end of a write wakes every future that waits, since any of them may be one that is no longer
//! polled. So that this does not happen for each of many small writes, those that wait are written
//! as one, where that makes no difference to the file.

use std::collections::VecDeque;
use std::fmt;
use std::os::unix::fs::FileTypeExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};

use caio::{Buffer, Error, ErrorKind, FileClass, OpKind, Result, WakerSet, WakerSlot};
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::aio_file::AioFile;
use crate::boxed::BoxedFuture;
use crate::handover::send;

/// What is written as one to the end of a file.
const COALESCED_BYTES_MAX: usize = 64 * 1024;

/// The same for a pipe: what Linux writes without mixing it with what others write (`PIPE_BUF`).
const PIPE_BYTES_MAX: usize = 4096;

/// How many bytes were accepted, and the error that came then.
type Outcome = (usize, Result<()>);

pub(super) struct Sequence {
    file: AioFile,
    /// As many bytes of several writes may be written as one.
    coalesced_bytes_max: usize,
    state: Mutex<State>,
    /// The futures that wait. The running write wakes all of them: any may be one that is no longer
    /// polled.
    waiting: WakerSet,
}

struct State {
    /// Bytes that were accepted by the writes which have ended.
    accepted: u64,
    /// The number of the first write in the queue.
    first: u64,
    /// Those that have not begun; `None` for one whose future was dropped.
    queue: VecDeque<Option<QueuedWrite>>,
    running: Running,
}

struct QueuedWrite {
    buffer: Buffer,
    length: usize,
    answer: Sender<Outcome>,
}

/// The write that has begun.
enum Running {
    Nothing,
    Idle(RunningWrite),
    /// A thread polls it, and is to do so `again`, since another one came meanwhile.
    Polled {
        again: bool,
    },
}

/// Writes from the head of the queue that are done as one.
struct RunningWrite {
    write: BoxedFuture<Outcome>,
    parts: Vec<Option<QueuedWrite>>,
}

impl Sequence {
    pub(super) fn new(file: AioFile) -> Self {
        let state =
            State { accepted: 0, first: 0, queue: VecDeque::new(), running: Running::Nothing };
        let coalesced_bytes_max = coalesced_bytes_max(&file);
        Self { file, coalesced_bytes_max, state: Mutex::new(state), waiting: WakerSet::default() }
    }

    /// Bytes that were accepted by the writes which have ended.
    pub(super) fn accepted(&self) -> u64 {
        self.state().accepted
    }

    /// Puts a write behind all others.
    pub(super) fn push(self: &Arc<Self>, buffer: Buffer) -> SequencedWrite {
        let (sender, answer) = channel();
        let mut state = self.state();
        let number = state.first + state.queue.len() as u64;
        let length = buffer.len();
        state.queue.push_back(Some(QueuedWrite { buffer, length, answer: sender }));
        SequencedWrite { sequence: Arc::clone(self), number, slot: self.waiting.slot(), answer }
    }

    /// Carries out the writes, from the first on, until one has to wait. Those that wait are woken
    /// when that one can go on.
    fn drive(&self) {
        let shared = self.waiting.waker();
        let mut cx = TaskContext::from_waker(&shared);
        while let Some(mut polled) = self.take_running() {
            match polled.poll(&mut cx) {
                Poll::Ready(outcome) => polled.end(outcome),
                Poll::Pending if polled.put_back() => {}
                Poll::Pending => return,
            }
        }
    }

    /// The write that has begun, or the next one. `None` where there is neither, and where another
    /// thread polls it.
    fn take_running(&self) -> Option<Polled<'_>> {
        let mut state = self.state();
        let running = std::mem::replace(&mut state.running, Running::Polled { again: false });
        let running = match running {
            Running::Idle(running) => running,
            Running::Polled { .. } => {
                state.running = Running::Polled { again: true };
                return None;
            }
            Running::Nothing => {
                let parts = state.take_parts(self.coalesced_bytes_max);
                if parts.is_empty() {
                    state.running = Running::Nothing;
                    return None;
                }
                drop(state);
                self.begin(parts)
            }
        };
        Some(Polled { sequence: self, running: Some(running) })
    }

    fn begin(&self, mut parts: Vec<Option<QueuedWrite>>) -> RunningWrite {
        let mut writes = parts.iter_mut().flatten();
        let buffer = match (writes.next(), writes.next()) {
            (Some(only), None) => std::mem::take(&mut only.buffer),
            _ => {
                let buffers = parts.iter().flatten().map(|part| part.buffer.as_slice());
                buffers.collect::<Vec<_>>().concat().into()
            }
        };
        let file = self.file.clone();
        let write = BoxedFuture::new(async move { file.write_all(buffer, 0).await });
        RunningWrite { write, parts }
    }

    /// Ends the writes that were done as one: those before the error, that which met it, and none
    /// of those behind it, which are written by themselves.
    fn end(&self, parts: Vec<Option<QueuedWrite>>, (written, result): Outcome) {
        let mut left = written;
        let mut result = Some(result);
        let mut answers = Vec::new();
        let mut rest = parts.into_iter();
        for QueuedWrite { length, answer, .. } in rest.by_ref().flatten() {
            let bytes = length.min(left);
            left -= bytes;
            if bytes < length {
                answers.push((answer, (bytes, result.take().unwrap_or(Ok(())))));
                break;
            }
            answers.push((answer, (bytes, Ok(()))));
        }
        let rest: Vec<_> =
            rest.map(|part| part.filter(|part| !part.answer.is_closed())).rev().collect();
        let mut state = self.state();
        state.accepted += written as u64;
        state.running = Running::Nothing;
        for part in rest {
            state.first -= 1;
            state.queue.push_front(part);
        }
        drop(state);
        for (answer, outcome) in answers {
            send(answer, outcome);
        }
    }

    /// Takes a write whose future is dropped out of the queue. One that has begun goes on.
    fn give_up(&self, number: u64) {
        let mut state = self.state();
        let index = number.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        let write = index.and_then(|index| state.queue.get_mut(index)).and_then(Option::take);
        while matches!(state.queue.back(), Some(None)) {
            state.queue.pop_back();
        }
        while matches!(state.queue.front(), Some(None)) {
            state.queue.pop_front();
            state.first += 1;
        }
        // The memory's end may run code of the caller's.
        drop(state);
        drop(write);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next write, and those behind it that may be written with it. Begins with a write, if
    /// there is one.
    fn take_parts(&mut self, bytes_max: usize) -> Vec<Option<QueuedWrite>> {
        let (mut parts, mut bytes) = (Vec::new(), 0);
        while let Some(next) = self.queue.front() {
            let length = next.as_ref().map_or(0, |next| next.length);
            if bytes + length > bytes_max && parts.iter().any(Option::is_some) {
                break;
            }
            bytes += length;
            self.first += 1;
            match self.queue.pop_front() {
                Some(None) if parts.is_empty() => {}
                next => parts.extend(next),
            }
        }
        parts
    }
}

/// As many bytes of several writes may be written as one to this file. None where each write is a
/// message of its own, and where O_DIRECT makes demands.
fn coalesced_bytes_max(file: &AioFile) -> usize {
    let Ok(file) = file.file() else { return 0 };
    let is_pipe = || file.file().metadata().is_ok_and(|found| found.file_type().is_fifo());
    match file.class() {
        _ if file.is_direct() => 0,
        FileClass::Regular => COALESCED_BYTES_MAX,
        FileClass::Stream if is_pipe() => PIPE_BYTES_MAX,
        _ => 0,
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequence").field("accepted", &self.accepted()).finish_non_exhaustive()
    }
}

/// The running write while it is polled, outside the lock.
struct Polled<'a> {
    sequence: &'a Sequence,
    running: Option<RunningWrite>,
}

impl Polled<'_> {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        self.running.as_mut().expect("it is polled until it is put back").write.poll(cx)
    }

    fn end(mut self, outcome: Outcome) {
        if let Some(RunningWrite { parts, .. }) = self.running.take() {
            self.sequence.end(parts, outcome);
        }
    }

    /// Leaves it to the next poll; whether that is due.
    fn put_back(mut self) -> bool {
        let Some(running) = self.running.take() else { return false };
        let state = &mut self.sequence.state().running;
        matches!(std::mem::replace(state, Running::Idle(running)), Running::Polled { again: true })
    }
}

impl Drop for Polled<'_> {
    /// Lets the next write begin where the poll of this one has panicked.
    fn drop(&mut self) {
        if self.running.take().is_some() {
            self.sequence.state().running = Running::Nothing;
            self.sequence.waiting.wake_all();
        }
    }
}

/// The future of one write.
pub(super) struct SequencedWrite {
    sequence: Arc<Sequence>,
    number: u64,
    slot: WakerSlot,
    answer: Receiver<Outcome>,
}

impl SequencedWrite {
    fn poll_answer(&mut self, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(answer.unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::Abandoned, "the write was ended by a panic");
            (0, Err(error.during(OpKind::Write)))
        }))
    }
}

impl Future for SequencedWrite {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        if let Poll::Ready(outcome) = self.poll_answer(cx) {
            return Poll::Ready(outcome);
        }
        self.slot.register(cx.waker());
        self.sequence.drive();
        self.poll_answer(cx)
    }
}

impl Drop for SequencedWrite {
    fn drop(&mut self) {
        self.sequence.give_up(self.number);
    }
}
