//! Which writes a sync has to wait for.
//!
//! A backend may run a sync beside a write that was submitted before it, and the sync then does
//! not cover the write. So a sync first waits for the writes of its file that were under way when
//! it was asked for; later ones do not hold it up.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use crate::sync::{lock, wake};

#[derive(Debug, Default)]
pub(crate) struct WriteOrder {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the oldest write that may be unfinished.
    oldest: u64,
    /// For each write from `oldest` on, whether it has finished.
    finished: VecDeque<bool>,
    waiting: Vec<(u64, Waker)>,
}

impl WriteOrder {
    /// Notes that a write starts, and returns its number.
    pub(crate) fn start(&self) -> u64 {
        let mut state = lock(&self.state);
        state.finished.push_back(false);
        state.oldest + state.finished.len() as u64 - 1
    }

    /// Notes that the write of that number is done, in whatever way.
    pub(crate) fn finish(&self, number: u64) {
        let mut state = lock(&self.state);
        let index = usize::try_from(number - state.oldest).expect("writes in flight fit in memory");
        state.finished[index] = true;
        while state.finished.front() == Some(&true) {
            state.finished.pop_front();
            state.oldest += 1;
        }
        if state.waiting.is_empty() {
            return;
        }
        let oldest = state.oldest;
        let ready: Vec<_> = state.waiting.extract_if(.., |(until, _)| *until <= oldest).collect();
        drop(state);
        ready.into_iter().for_each(|(_, waker)| wake(waker));
    }

    /// Whether no write is under way, so that there is nothing to wait for.
    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.state).finished.is_empty()
    }

    /// Waits for all writes that have started by now.
    pub(crate) fn settled(&self) -> Settled<'_> {
        let state = lock(&self.state);
        Settled { order: self, until: state.oldest + state.finished.len() as u64 }
    }
}

#[derive(Debug)]
pub(crate) struct Settled<'a> {
    order: &'a WriteOrder,
    until: u64,
}

impl Future for Settled<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.order.state);
        if state.oldest >= self.until {
            return Poll::Ready(());
        }
        state.waiting.push((self.until, cx.waker().clone()));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_waits_for_earlier_writes_and_not_for_later_ones() {
        let order = WriteOrder::default();
        let mut cx = Context::from_waker(Waker::noop());
        let (first, second) = (order.start(), order.start());
        let mut settled = order.settled();
        let later = order.start();
        order.finish(second);
        assert!(Pin::new(&mut settled).poll(&mut cx).is_pending());
        order.finish(first);
        assert!(Pin::new(&mut settled).poll(&mut cx).is_ready());
        order.finish(later);
    }
}
