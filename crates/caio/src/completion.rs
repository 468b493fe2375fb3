//! A oneshot channel for the outcome of an operation, from a pool of them.
//!
//! The [`Sender`] lies in the request, the [`Receiver`] in the future. Whichever goes last gives
//! the channel back to the [`Channels`], so that operations in steady state allocate nothing.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, ErrorKind, Result};
use crate::op::{Op, Output};
use crate::request::Token;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, lock, planted, thread_index, wake};

/// The end of an operation: its result, and the operation itself with the buffer in it.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let context = caio::Context::builder().build()?;
/// # let file = doc::file_with(b"some text")?;
/// use caio::{Buffer, Op, Outcome, Output};
///
/// let op = Op::read(Buffer::from(Vec::with_capacity(4)), 0..4, 5)?;
/// let Outcome { result, op } = context.submit(Some(&file), op).await;
/// assert!(matches!(result?, Output::Bytes(4)));
/// assert!(matches!(op, Some(Op::Read { .. })), "with the buffer in it");
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
        let message = "the backend dropped the operation without finishing it";
        Self::failed(Error::new(ErrorKind::Abandoned, message), op)
    }
}

/// The channels of one context, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    free: [Free; SHARDS],
    /// For ending all waits at once.
    all: Mutex<Vec<Weak<Channel>>>,
}

/// Threads with different numbers look for free channels in different places first.
const SHARDS: usize = 16;

/// Channels that are not in use, alone on their cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Free(Mutex<Vec<Arc<Channel>>>);

impl Channels {
    /// Both ends of a channel.
    pub(crate) fn open(&self) -> (Sender, Receiver) {
        let channel = self.take();
        *lock(&channel.state) = State::Pending(None);
        channel.cancelled.store(false, Ordering::Relaxed);
        channel.token.store(0, Ordering::Relaxed);
        channel.shared.store(true, Ordering::Release);
        let receiver = Receiver { channel: Arc::clone(&channel) };
        (Sender { channel }, receiver)
    }

    /// Ends every wait with an error, and returns how many there were. The operations go on, and
    /// keep their buffers.
    pub(crate) fn fail_all(&self, error: &Error) -> usize {
        let channels: Vec<_> = lock(&self.all).iter().filter_map(Weak::upgrade).collect();
        channels.iter().filter(|channel| channel.fail(error.clone())).count()
    }

    /// Channels that are not in use.
    #[cfg(all(test, caio_loom))]
    pub(crate) fn idle(&self) -> usize {
        self.free.iter().map(|free| lock(&free.0).len()).sum()
    }

    fn take(&self) -> Arc<Channel> {
        let here = thread_index() % SHARDS;
        (here..SHARDS)
            .chain(0..here)
            .find_map(|shard| lock(&self.free[shard].0).pop())
            .unwrap_or_else(|| self.grow())
    }

    fn grow(&self) -> Arc<Channel> {
        let channel = Arc::new(Channel::default());
        let mut all = lock(&self.all);
        if all.len() == all.capacity() {
            all.retain(|channel| channel.strong_count() > 0);
        }
        all.push(Arc::downgrade(&channel));
        channel
    }

    /// Takes a channel back from one of its two ends, and keeps it when that is the last one.
    fn put(&self, channel: Arc<Channel>) {
        if channel.shared.swap(false, Ordering::AcqRel) && !planted("completion_put") {
            return;
        }
        // An outcome that was never taken is dropped outside the lock: it may close a file.
        let unclaimed = std::mem::take(&mut *lock(&channel.state));
        drop(unclaimed);
        lock(&self.free[thread_index() % SHARDS].0).push(channel);
    }
}

#[derive(Debug, Default)]
struct Channel {
    state: Mutex<State>,
    cancelled: AtomicBool,
    token: AtomicU64,
    /// Whether both ends are still there.
    shared: AtomicBool,
}

#[derive(Debug, Default)]
enum State {
    /// The channel is not in use.
    #[default]
    Idle,
    /// The operation is under way, and this is who waits.
    Pending(Option<Waker>),
    /// The operation is under way, and its future has gone.
    Cancelled,
    /// The outcome is here.
    Completed(Outcome),
    /// The outcome was taken.
    Taken,
}

impl Channel {
    /// Returns the outcome where it is not wanted.
    fn send(&self, outcome: Outcome) -> Option<Outcome> {
        let mut state = lock(&self.state);
        let State::Pending(waker) = &mut *state else { return Some(outcome) };
        let waker = waker.take();
        *state = State::Completed(outcome);
        drop(state);
        waker.into_iter().for_each(wake);
        None
    }

    fn fail(&self, error: Error) -> bool {
        self.send(Outcome { result: Err(error), op: None }).is_none()
    }
}

/// The request's end of a channel.
pub(crate) struct Sender {
    channel: Arc<Channel>,
}

impl Sender {
    /// Notes the token. Together with [`is_cancelled`](Self::is_cancelled) after it, a
    /// cancellation is either seen there or finds the token.
    pub(crate) fn set_token(&self, token: Token) {
        self.channel.token.store(token.0, Ordering::SeqCst);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        let order = if planted("completion_token") { Ordering::Relaxed } else { Ordering::SeqCst };
        self.channel.cancelled.load(order)
    }

    /// Sends the outcome and wakes the task that waits for it. An outcome that is not wanted is
    /// dropped here, outside of the lock: it may close a file or free a buffer.
    pub(crate) fn send(self, outcome: Outcome, channels: &Channels) {
        drop(self.channel.send(outcome));
        channels.put(self.channel);
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({:#x})", self.channel.token.load(Ordering::Relaxed))
    }
}

/// The future's end of a channel.
#[derive(Debug)]
pub(crate) struct Receiver {
    channel: Arc<Channel>,
}

impl Receiver {
    /// Takes the outcome, or leaves the waker for it.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = lock(&self.channel.state);
        match &mut *state {
            State::Pending(Some(waker)) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            State::Pending(place) => {
                *place = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => match std::mem::replace(&mut *state, State::Taken) {
                State::Completed(outcome) => Poll::Ready(outcome),
                _ => unreachable!("a receiver is polled by its owner alone, until it is ready"),
            },
        }
    }

    /// Whether the outcome is here.
    pub(crate) fn is_ready(&self) -> bool {
        !matches!(*lock(&self.channel.state), State::Pending(_))
    }

    /// Gives up the wait. Returns the token by which the backend knows the operation where it is
    /// still under way, 0 where no backend has it yet.
    pub(crate) fn cancel(&self) -> Option<Token> {
        let mut state = lock(&self.channel.state);
        if !matches!(*state, State::Pending(_)) {
            return None;
        }
        self.channel.cancelled.store(true, Ordering::SeqCst);
        let waker = std::mem::replace(&mut *state, State::Cancelled);
        drop(state);
        drop(waker);
        Some(Token(self.channel.token.load(Ordering::SeqCst)))
    }

    /// Gives the channel back for use again, which merely dropping this does not.
    pub(crate) fn close(self, channels: &Channels) {
        channels.put(self.channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pending_count::shut_down;
    use std::thread;

    fn done() -> Outcome {
        Outcome { result: Ok(Output::Done), op: None }
    }

    fn poll(receiver: &Receiver) -> Poll<Outcome> {
        receiver.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// How many channels are known.
    fn known(channels: &Channels) -> usize {
        lock(&channels.all).len()
    }

    #[test]
    fn a_channel_is_used_again_by_any_thread_once_both_ends_are_back() {
        let channels = Channels::default();
        let use_one = || {
            let (sender, receiver) = channels.open();
            assert!(!receiver.is_ready() && poll(&receiver).is_pending());
            sender.send(done(), &channels);
            assert!(receiver.is_ready() && poll(&receiver).is_ready());
            receiver.close(&channels);
            let (sender, receiver) = channels.open();
            assert!(receiver.cancel().is_some());
            receiver.close(&channels);
            sender.send(done(), &channels);
        };
        // Of numbers beyond those of the shards, too.
        for _ in 0..=SHARDS * SHARDS {
            thread::scope(|scope| drop(scope.spawn(use_one)));
        }
        assert_eq!(known(&channels), 1);
        let _both = [channels.open(), channels.open()];
        assert_eq!(known(&channels), 2);
    }

    #[test]
    fn the_end_of_all_waits_reaches_each_that_waits_once() {
        let channels = Channels::default();
        let waiting: Vec<_> = (0..100).map(|_| channels.open()).collect();
        let (sender, answered) = channels.open();
        sender.send(done(), &channels);
        assert_eq!(channels.fail_all(&shut_down()), 100);
        assert_eq!(channels.fail_all(&shut_down()), 0);
        for (_, receiver) in &waiting {
            let Poll::Ready(Outcome { result: Err(error), .. }) = poll(receiver) else {
                panic!("it has failed");
            };
            assert_eq!(error.kind(), ErrorKind::Shutdown);
        }
        assert!(matches!(poll(&answered), Poll::Ready(Outcome { result: Ok(_), .. })));
    }

    #[test]
    fn channels_that_do_not_come_back_are_forgotten() {
        let channels = Channels::default();
        for _ in 0..1000 {
            drop(channels.open());
        }
        assert!(known(&channels) < 10);
    }
}
