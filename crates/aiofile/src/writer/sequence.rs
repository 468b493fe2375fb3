//! Writes that run one after the other, whichever of their futures is polled.
//!
//! Where a file has no offsets, the order of the calls has to be the order in which the writes run.
//! So the writes stand in a queue that the clones of a writer share, and whichever future is polled
//! carries out the writes before its own, too: none depends on another one being polled.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Wake, Waker, ready};

use caio::{Buffer, Error, ErrorKind, OpKind, Result};
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::boxed::BoxedFuture;
use crate::file::AioFile;

/// How many bytes were accepted, and the error that came then.
type Outcome = (usize, Result<()>);

pub(super) struct Sequence {
    file: AioFile,
    state: Mutex<State>,
    /// Apart from the writes, since the waker that the running write keeps holds them.
    wakers: Arc<Wakers>,
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

struct RunningWrite {
    write: BoxedFuture<Outcome>,
    answer: Sender<Outcome>,
}

impl Sequence {
    pub(super) fn new(file: AioFile) -> Self {
        let state =
            State { accepted: 0, first: 0, queue: VecDeque::new(), running: Running::Nothing };
        Self { file, state: Mutex::new(state), wakers: Arc::default() }
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
        state.queue.push_back(Some(QueuedWrite { buffer, answer: sender }));
        SequencedWrite { sequence: Arc::clone(self), number, answer }
    }

    /// Carries out the writes, from the first on, until one has to wait. The waker is called when
    /// that one can go on.
    fn drive(&self, number: u64, waker: &Waker) {
        self.wakers.register(number, waker);
        let shared = Waker::from(Arc::clone(&self.wakers));
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
        let running = match std::mem::replace(&mut state.running, Running::Nothing) {
            Running::Idle(running) => running,
            Running::Polled { .. } => {
                state.running = Running::Polled { again: true };
                return None;
            }
            Running::Nothing => loop {
                let next = state.queue.pop_front()?;
                state.first += 1;
                if let Some(QueuedWrite { buffer, answer }) = next {
                    let file = self.file.clone();
                    let write = BoxedFuture::new(async move { file.write_all(buffer, 0).await });
                    break RunningWrite { write, answer };
                }
            },
        };
        state.running = Running::Polled { again: false };
        Some(Polled { sequence: self, running: Some(running) })
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
        let running = self.running.take();
        let mut state = self.sequence.state();
        state.accepted += outcome.0 as u64;
        state.running = Running::Nothing;
        drop(state);
        if let Some(RunningWrite { answer, .. }) = running {
            // Its future may have been dropped.
            let _ = answer.send(outcome);
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
            self.sequence.wakers.wake_by_ref();
        }
    }
}

/// The future of one write.
pub(super) struct SequencedWrite {
    sequence: Arc<Sequence>,
    number: u64,
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
        self.sequence.drive(self.number, cx.waker());
        self.poll_answer(cx)
    }
}

impl Drop for SequencedWrite {
    fn drop(&mut self) {
        self.sequence.wakers.remove(self.number);
        self.sequence.give_up(self.number);
    }
}

/// The wakers of the futures that wait, by the numbers of their writes. All of them are called when
/// the running write can go on: any of these futures may be one that is no longer polled.
#[derive(Default)]
struct Wakers(Mutex<HashMap<u64, Waker>>);

impl Wakers {
    fn register(&self, number: u64, waker: &Waker) {
        if self.lock().get(&number).is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        let waker = waker.clone();
        let former = self.lock().insert(number, waker);
        drop(former);
    }

    fn remove(&self, number: u64) {
        let former = self.lock().remove(&number);
        drop(former);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = std::mem::take(&mut *self.lock());
        woken.into_values().for_each(Waker::wake);
    }
}
