//! How much a task does in place before it lets others run.
//!
//! A turn is short as long as others use the thread: with 64 tasks that read cached data on two
//! workers, each waits some milliseconds at most, and the reactor is looked at in time. Where
//! nobody else uses it, a yield serves nobody, and costs tens of microseconds on tokio's
//! multi-thread scheduler, which wakes another worker for it. So turns of a task that finds itself
//! alone grow, up to about a millisecond.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task;

/// Cost of a turn in bytes: some 40 microseconds of copying from the page cache.
const TURN: usize = 256 * 1024;

/// Cost of the longest turn: about a millisecond.
const TURN_MAX: usize = 32 * TURN;

/// What is done in one piece even where less is left of the turn: the system call no longer counts.
const PIECE: usize = TURN / 2;

/// What one operation costs beside its bytes, expressed in bytes.
const OPERATION: usize = 4096;

/// Who comes back within this time after a yield has had the thread to itself.
const ALONE: Duration = Duration::from_micros(100);

/// The turn of whoever runs on this thread.
struct Turn {
    spent: usize,
    length: usize,
    /// Who yielded last, and when.
    yielded: Option<(WakerId, Instant)>,
}

thread_local! {
    static TURN_HERE: RefCell<Turn> =
        const { RefCell::new(Turn { spent: 0, length: TURN, yielded: None }) };
}

/// How many of `bytes` fit into the turn on this thread, which is charged for them; `Pending` where
/// it is over, with the waker arranged for.
pub(super) fn poll(cx: &mut Context<'_>, bytes: usize) -> Poll<usize> {
    match TURN_HERE.with_borrow_mut(|turn| turn.charge(cx.waker(), bytes)) {
        Some(granted) => Poll::Ready(granted),
        None => yield_now(cx).map(|()| bytes),
    }
}

impl Turn {
    /// How many of the bytes fit, which are charged; `None` where the turn is over.
    fn charge(&mut self, waker: &Waker, bytes: usize) -> Option<usize> {
        if let Some((who, when)) = self.yielded.take() {
            let alone =
                who == WakerId::of(waker) && when.elapsed() < ALONE && has_several_workers();
            self.length = if alone { (2 * self.length).min(TURN_MAX) } else { TURN };
        }
        if self.spent >= self.length {
            self.spent = 0;
            self.yielded = Some((WakerId::of(waker), Instant::now()));
            return None;
        }
        let granted = bytes.min((self.length - self.spent).max(PIECE));
        self.spent += granted + OPERATION;
        Some(granted)
    }
}

/// Whether other tasks can run elsewhere while one stays. With a single thread a yield is cheap,
/// and all others depend on it.
pub(super) fn has_several_workers() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// tokio's own way to yield: it lets the reactor run, and all that is due.
fn yield_now(cx: &mut Context<'_>) -> Poll<()> {
    pin!(task::yield_now()).poll(cx)
}

/// Which task a waker wakes, without keeping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WakerId(usize, usize);

impl WakerId {
    fn of(waker: &Waker) -> Self {
        Self(waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn() -> Turn {
        Turn { spent: 0, length: TURN, yielded: None }
    }

    fn operations_until_over(turn: &mut Turn, waker: &Waker) -> usize {
        (0..).find(|_| turn.charge(waker, 4096).is_none()).unwrap()
    }

    #[test]
    fn a_turn_ends_and_the_next_one_begins() {
        let mut turn = turn();
        assert_eq!(operations_until_over(&mut turn, Waker::noop()), 32);
        assert_eq!(operations_until_over(&mut turn, Waker::noop()), 32);
    }

    #[test]
    fn one_large_piece_is_a_turn_and_never_refused_for_good() {
        let mut turn = turn();
        let grants: Vec<_> = (0..4).map(|_| turn.charge(Waker::noop(), 100 * TURN)).collect();
        assert_eq!(grants, [Some(TURN), None, Some(TURN), None]);
    }

    #[test]
    fn a_small_operation_is_never_divided() {
        let mut turn = turn();
        assert_eq!(turn.charge(Waker::noop(), TURN - 2 * OPERATION), Some(TURN - 2 * OPERATION));
        assert_eq!(turn.charge(Waker::noop(), PIECE), Some(PIECE), "less than that is left");
        assert_eq!(turn.charge(Waker::noop(), 1), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn turns_grow_for_who_is_alone_and_shrink_when_another_comes() {
        let mut turn = turn();
        let first = operations_until_over(&mut turn, Waker::noop());
        // A pause by the system could make one of them look as if others had run.
        let longest = (0..50).map(|_| operations_until_over(&mut turn, Waker::noop())).max();
        assert!(longest.unwrap() > 8 * first);
        std::future::poll_fn(|cx| {
            turn.charge(cx.waker(), 4096);
            Poll::Ready(())
        })
        .await;
        operations_until_over(&mut turn, Waker::noop());
        turn.yielded = Some((WakerId(1, 1), Instant::now()));
        assert_eq!(operations_until_over(&mut turn, Waker::noop()), first);
    }

    #[tokio::test]
    async fn a_single_thread_gets_short_turns() {
        let mut turn = turn();
        for _ in 0..10 {
            assert_eq!(operations_until_over(&mut turn, Waker::noop()), 32);
        }
    }
}
