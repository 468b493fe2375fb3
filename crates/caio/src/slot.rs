//! Where an answer waits for its future.
//!
//! One slot serves one operation: the [`Ticket`] inside the request delivers into it, the
//! [`Completion`] takes out of it. Whichever of the two goes last gives the slot back to its
//! [`SlotPool`], so that operations in steady state allocate nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use crate::counters::Counters;
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::limit::Permit;
use crate::op::{Op, Output};
use crate::request::Token;
use crate::sync::{lock, wake};

/// The end of an operation: its result, and the operation itself with the buffer in it.
#[derive(Debug)]
pub struct Outcome {
    /// What the operation gave, or why it failed.
    pub result: Result<Output>,
    /// The operation, with its buffer; `None` where the backend had to keep it.
    pub op: Option<Op>,
}

impl Outcome {
    pub(crate) fn failed(error: Error, op: Op) -> Self {
        Self { result: Err(error), op: Some(op) }
    }

    pub(crate) fn abandoned(op: Op) -> Self {
        Self::failed(abandoned(), op)
    }
}

fn abandoned() -> Error {
    Error::new(ErrorKind::Abandoned, "the backend dropped the operation without finishing it")
}

/// The slots of one context, for use again and for giving up on all of them at once.
#[derive(Debug, Default)]
pub(crate) struct SlotPool {
    free: Mutex<Vec<Arc<Slot>>>,
    all: Mutex<Vec<Weak<Slot>>>,
}

impl SlotPool {
    /// Both ends of a slot: one for the request, one for the future.
    pub(crate) fn pair(
        self: &Arc<Self>,
        permit: Permit,
        write_order: Option<u64>,
        counters: Arc<Counters>,
    ) -> (Ticket, Completion) {
        let slot = lock(&self.free).pop().unwrap_or_else(|| self.grow());
        *lock(&slot.state) = State::Pending(None);
        slot.cancelled.store(false, Ordering::Relaxed);
        slot.token.store(0, Ordering::Relaxed);
        slot.users.store(2, Ordering::Release);
        let ticket = Ticket {
            end: End { slot: Some(Arc::clone(&slot)), pool: Arc::clone(self) },
            permit,
            write_order,
            counters,
        };
        (ticket, Completion { end: End { slot: Some(slot), pool: Arc::clone(self) } })
    }

    /// Ends every wait with an error. The operations go on, and keep their buffers.
    pub(crate) fn abandon_all(&self, error: &Error) -> usize {
        let slots: Vec<_> = lock(&self.all).iter().filter_map(Weak::upgrade).collect();
        slots.iter().filter(|slot| slot.abandon(error.clone())).count()
    }

    fn grow(&self) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        lock(&self.all).push(Arc::downgrade(&slot));
        slot
    }

    fn put(&self, slot: Arc<Slot>) {
        // An answer that was never taken is dropped outside the lock: it may close a file.
        let unclaimed = std::mem::take(&mut *lock(&slot.state));
        drop(unclaimed);
        lock(&self.free).push(slot);
    }
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    cancelled: AtomicBool,
    token: AtomicU64,
    users: AtomicU8,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody uses the slot.
    #[default]
    Idle,
    /// The operation is under way, and this is who waits.
    Pending(Option<Waker>),
    /// The operation is under way, and nobody waits.
    Orphaned,
    /// The answer is here.
    Complete(Outcome),
    /// The answer was taken.
    Taken,
}

impl Slot {
    fn deliver(&self, outcome: Outcome) {
        let mut state = lock(&self.state);
        let unwanted = match &mut *state {
            State::Pending(waker) => {
                let waker = waker.take();
                *state = State::Complete(outcome);
                drop(state);
                if let Some(waker) = waker {
                    wake(waker);
                }
                return;
            }
            _ => outcome,
        };
        drop(state);
        // A descriptor or a buffer that nobody wants is freed here, outside the lock.
        drop(unwanted);
    }

    fn abandon(&self, error: Error) -> bool {
        let mut state = lock(&self.state);
        let State::Pending(waker) = &mut *state else { return false };
        let waker = waker.take();
        *state = State::Complete(Outcome { result: Err(error), op: None });
        drop(state);
        if let Some(waker) = waker {
            wake(waker);
        }
        true
    }
}

/// The request's end of a slot, with all that is given back when the operation ends.
pub(crate) struct Ticket {
    end: End,
    permit: Permit,
    write_order: Option<u64>,
    counters: Arc<Counters>,
}

impl Ticket {
    pub(crate) fn set_token(&self, token: Token) {
        self.end.slot().token.store(token.0, Ordering::Release);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.end.slot().cancelled.load(Ordering::Acquire)
    }

    /// The order matters: the file's books and the limit are settled before anybody is woken, so
    /// that who wakes finds them settled; the file itself is let go first of all, so that a
    /// `close` after the last operation really closes.
    pub(crate) fn deliver(self, outcome: Outcome, file: Option<SharedFile>) {
        let Self { end, permit, write_order, counters } = self;
        if let (Some(file), Some(order)) = (&file, write_order) {
            file.write_order().finish(order);
        }
        drop(file);
        counters.completed(&outcome);
        drop(permit);
        end.slot().deliver(outcome);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({:#x})", self.end.slot().token.load(Ordering::Relaxed))
    }
}

/// The future's end of a slot.
#[derive(Debug)]
pub(crate) struct Completion {
    end: End,
}

impl Completion {
    /// Gives up waiting. Returns the token to cancel where the operation is still under way.
    pub(crate) fn abandon(&self) -> Option<Token> {
        let slot = self.end.slot();
        let mut state = lock(&slot.state);
        if !matches!(*state, State::Pending(_)) {
            return None;
        }
        slot.cancelled.store(true, Ordering::Release);
        *state = State::Orphaned;
        Some(Token(slot.token.load(Ordering::Acquire)))
    }
}

impl Future for Completion {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = lock(&self.end.slot().state);
        match &mut *state {
            State::Pending(waker) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            _ => match std::mem::replace(&mut *state, State::Taken) {
                State::Complete(outcome) => Poll::Ready(outcome),
                _ => unreachable!("a completion is polled by its owner alone, until it is ready"),
            },
        }
    }
}

/// One of the two users of a slot.
#[derive(Debug)]
struct End {
    slot: Option<Arc<Slot>>,
    pool: Arc<SlotPool>,
}

impl End {
    fn slot(&self) -> &Slot {
        self.slot.as_ref().expect("an end has its slot until it is dropped")
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        if slot.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.pool.put(slot);
        }
    }
}
