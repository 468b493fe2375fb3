//! Where an answer waits for its future.
//!
//! One slot serves one operation: the [`Ticket`] inside the request delivers into it, the
//! [`Completion`] takes out of it. Whichever of the two goes last gives the slot back to the
//! [`Ledger`], so that operations in steady state allocate nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use crate::counters::{Counters, thread_index};
use crate::courier::Courier;
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::limit::Permit;
use crate::op::{Op, Output};
use crate::relay::Relay;
use crate::request::Token;
use crate::sync::{lock, wake};

/// The end of an operation: its result, and the operation itself with the buffer in it.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let context = caio::Context::builder().build()?;
/// # let file = doc::file_with(b"")?;
/// use caio::{Buffer, Op, Outcome, Output};
///
/// let op = Op::write(Buffer::from(&b"data"[..]), 0..4, 0)?;
/// let Outcome { result, op } = context.submit(Some(&file), op).await;
/// assert!(matches!(result?, Output::Bytes(4)));
/// assert!(matches!(op, Some(Op::Write { buffer, .. }) if buffer.as_slice() == b"data"));
/// # Ok(())
/// # });
/// ```
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

/// What the requests of one context share: counters, and slots to use again.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) counters: Counters,
    pub(crate) courier: Arc<Courier>,
    pub(crate) relay: Relay,
    free: [FreeSlots; SHARDS],
    /// For giving up on all of them at once.
    all: Mutex<Vec<Weak<Slot>>>,
}

/// Threads with different numbers look for slots in different places first.
const SHARDS: usize = 16;

/// Slots without a user, alone on their cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct FreeSlots(Mutex<Vec<Arc<Slot>>>);

impl Ledger {
    /// Both ends of a slot: one for the request, one for the future.
    pub(crate) fn pair(permit: Permit<Self>, write_order: Option<u64>) -> (Ticket, Completion) {
        let slot = permit.shared().take();
        *lock(&slot.state) = State::Pending(None);
        slot.cancelled.store(false, Ordering::Relaxed);
        slot.token.store(0, Ordering::Relaxed);
        slot.shared.store(true, Ordering::Release);
        let completion = Completion { slot: Arc::clone(&slot) };
        (Ticket { slot, permit, write_order }, completion)
    }

    /// Ends every wait with an error. The operations go on, and keep their buffers.
    pub(crate) fn abandon_all(&self, error: &Error) -> usize {
        let slots: Vec<_> = lock(&self.all).iter().filter_map(Weak::upgrade).collect();
        slots.iter().filter(|slot| slot.abandon(error.clone())).count()
    }

    fn take(&self) -> Arc<Slot> {
        let here = thread_index() % SHARDS;
        (here..SHARDS)
            .chain(0..here)
            .find_map(|place| lock(&self.free[place].0).pop())
            .unwrap_or_else(|| self.grow())
    }

    fn grow(&self) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        let mut all = lock(&self.all);
        if all.len() == all.capacity() {
            all.retain(|slot| slot.strong_count() > 0);
        }
        all.push(Arc::downgrade(&slot));
        slot
    }

    /// Takes a slot back from one of its two users, and keeps it when that is the last one.
    fn put(&self, slot: Arc<Slot>) {
        if slot.shared.swap(false, Ordering::AcqRel) {
            return;
        }
        // An answer that was never taken is dropped outside the lock: it may close a file.
        let unclaimed = std::mem::take(&mut *lock(&slot.state));
        drop(unclaimed);
        lock(&self.free[thread_index() % SHARDS].0).push(slot);
    }
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    cancelled: AtomicBool,
    token: AtomicU64,
    /// Whether both ends are still there.
    shared: AtomicBool,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody uses the slot.
    #[default]
    Idle,
    /// The operation is under way, and this is who waits.
    Pending(Option<Waiter>),
    /// The operation is under way, and nobody waits.
    Orphaned,
    /// The answer is here.
    Complete(Outcome),
    /// The answer was taken.
    Taken,
}

#[derive(Debug)]
struct Waiter {
    waker: Waker,
    /// Whether a courier is the better way to wake it.
    by_courier: bool,
}

impl Slot {
    fn deliver(&self, outcome: Outcome, ledger: &Ledger) {
        let mut state = lock(&self.state);
        let unwanted = match &mut *state {
            State::Pending(waiter) => {
                let waiter = waiter.take();
                *state = State::Complete(outcome);
                drop(state);
                match waiter {
                    Some(Waiter { waker, by_courier: true }) => ledger.courier.wake(waker),
                    Some(Waiter { waker, by_courier: false }) => ledger.relay.wake(waker),
                    None => {}
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
        let State::Pending(waiter) = &mut *state else { return false };
        let waiter = waiter.take();
        *state = State::Complete(Outcome { result: Err(error), op: None });
        drop(state);
        if let Some(waiter) = waiter {
            wake(waiter.waker);
        }
        true
    }
}

/// The request's end of a slot, with all that is given back when the operation ends.
pub(crate) struct Ticket {
    slot: Arc<Slot>,
    permit: Permit<Ledger>,
    write_order: Option<u64>,
}

impl Ticket {
    pub(crate) fn set_token(&self, token: Token) {
        self.slot.token.store(token.0, Ordering::Release);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.slot.cancelled.load(Ordering::Acquire)
    }

    /// The order matters: the file's books and the limit are settled before anybody is woken, so
    /// that who wakes finds them settled; the file itself is let go first of all, so that a
    /// `close` after the last operation really closes.
    pub(crate) fn deliver(self, outcome: Outcome, file: Option<SharedFile>) {
        let Self { slot, permit, write_order } = self;
        if let (Some(file), Some(order)) = (&file, write_order) {
            file.write_order().finish(order);
        }
        drop(file);
        permit.shared().counters.completed(&outcome);
        let limit = permit.release();
        slot.deliver(outcome, &limit.shared);
        limit.shared.put(slot);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({:#x})", self.slot.token.load(Ordering::Relaxed))
    }
}

/// The future's end of a slot.
#[derive(Debug)]
pub(crate) struct Completion {
    slot: Arc<Slot>,
}

impl Completion {
    /// Gives up waiting. Returns the token to cancel where the operation is still under way.
    pub(crate) fn abandon(&self) -> Option<Token> {
        let mut state = lock(&self.slot.state);
        if !matches!(*state, State::Pending(_)) {
            return None;
        }
        self.slot.cancelled.store(true, Ordering::Release);
        *state = State::Orphaned;
        Some(Token(self.slot.token.load(Ordering::Acquire)))
    }

    /// Takes the answer, or leaves the waker for it, to be woken by courier where that is better.
    pub(crate) fn poll_answer(&self, cx: &mut Context<'_>, by_courier: bool) -> Poll<Outcome> {
        let mut state = lock(&self.slot.state);
        match &mut *state {
            State::Pending(waiter) => {
                match waiter {
                    Some(waiter) => {
                        waiter.waker.clone_from(cx.waker());
                        waiter.by_courier = by_courier;
                    }
                    None => *waiter = Some(Waiter { waker: cx.waker().clone(), by_courier }),
                }
                Poll::Pending
            }
            _ => match std::mem::replace(&mut *state, State::Taken) {
                State::Complete(outcome) => Poll::Ready(outcome),
                _ => unreachable!("a completion is polled by its owner alone, until it is ready"),
            },
        }
    }

    /// Gives the slot back for use again, which merely dropping this does not.
    pub(crate) fn put_back(self, ledger: &Ledger) {
        ledger.put(self.slot);
    }
}

impl Future for Completion {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.poll_answer(cx, false)
    }
}
