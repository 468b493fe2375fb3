//! How much may be in flight at once: requests and bytes. Who finds no room waits in line.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::sync::{lock, wake};

/// The two limits, and the line before them.
#[derive(Debug)]
pub(crate) struct Limit {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    room: Room,
    line: VecDeque<Arc<Waiter>>,
    /// Who wants to know of the next release, whatever it frees.
    on_release: Vec<Waker>,
    closed: bool,
}

#[derive(Debug)]
struct Room {
    requests: usize,
    requests_max: usize,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Waiter {
    bytes: usize,
    turn: Mutex<Turn>,
}

#[derive(Debug)]
enum Turn {
    Waiting(Waker),
    Granted,
    Left,
}

impl Limit {
    pub(crate) fn new(requests_max: usize, bytes_max: usize) -> Arc<Self> {
        let room = Room { requests: 0, requests_max, bytes: 0, bytes_max };
        Arc::new(Self {
            state: Mutex::new(State {
                room,
                line: VecDeque::new(),
                on_release: Vec::new(),
                closed: false,
            }),
        })
    }

    /// Requests and bytes in flight now.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.room.requests, state.room.bytes)
    }

    /// Room for one request of `bytes`, if there is some and nobody waits in line for it.
    pub(crate) fn try_acquire(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let mut state = lock(&self.state);
        (!state.closed && state.line.is_empty() && state.room.take(bytes))
            .then(|| self.permit(bytes))
    }

    /// Room for one request of `bytes`, in the order of asking.
    pub(crate) fn acquire(self: &Arc<Self>, bytes: usize) -> Acquire {
        Acquire { limit: Arc::clone(self), bytes, waiter: None }
    }

    /// Wakes `waker` at the next release. False when nothing else is in flight, so that no
    /// release will come.
    pub(crate) fn wake_on_release(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        state.on_release.push(waker.clone());
        state.room.requests > 1
    }

    /// Admits nobody any more and ends every wait in line.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let line = std::mem::take(&mut state.line);
        drop(state);
        for waiter in line {
            let turn = std::mem::replace(&mut *lock(&waiter.turn), Turn::Left);
            if let Turn::Waiting(waker) = turn {
                wake(waker);
            }
        }
    }

    fn permit(self: &Arc<Self>, bytes: usize) -> Permit {
        Permit { limit: Arc::clone(self), bytes }
    }

    fn release(&self, bytes: usize) {
        let mut state = lock(&self.state);
        state.room.give(bytes);
        let on_release = std::mem::take(&mut state.on_release);
        admit(state);
        on_release.into_iter().for_each(wake);
    }
}

impl Room {
    fn take(&mut self, bytes: usize) -> bool {
        let bytes = self.clamp(bytes);
        let fits = self.requests < self.requests_max && self.bytes + bytes <= self.bytes_max;
        if fits {
            self.requests += 1;
            self.bytes += bytes;
        }
        fits
    }

    fn give(&mut self, bytes: usize) {
        self.requests -= 1;
        self.bytes -= self.clamp(bytes);
    }

    /// A request larger than the whole limit counts as the limit: it goes alone.
    fn clamp(&self, bytes: usize) -> usize {
        bytes.min(self.bytes_max)
    }
}

/// Lets in from the head of the line what fits. Waking is the user's code, so it comes after the
/// lock is gone.
fn admit(mut state: MutexGuard<'_, State>) {
    let mut admitted = Vec::new();
    while let Some(first) = state.line.front().cloned() {
        let mut turn = lock(&first.turn);
        if let Turn::Waiting(waker) = &*turn {
            if !state.room.take(first.bytes) {
                break;
            }
            admitted.push(waker.clone());
            *turn = Turn::Granted;
        }
        state.line.pop_front();
    }
    drop(state);
    admitted.into_iter().for_each(wake);
}

/// Room for one request, given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    limit: Arc<Limit>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limit.release(self.bytes);
    }
}

/// Waits for room; `None` when the limit was closed. Dropping it leaves the line.
#[derive(Debug)]
pub(crate) struct Acquire {
    limit: Arc<Limit>,
    bytes: usize,
    waiter: Option<Arc<Waiter>>,
}

impl Future for Acquire {
    type Output = Option<Permit>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Permit>> {
        let bytes = self.bytes;
        let limit = Arc::clone(&self.limit);
        let mut state = lock(&limit.state);
        let Some(waiter) = &self.waiter else {
            if state.closed {
                return Poll::Ready(None);
            }
            if state.line.is_empty() && state.room.take(bytes) {
                drop(state);
                return Poll::Ready(Some(limit.permit(bytes)));
            }
            let turn = Mutex::new(Turn::Waiting(cx.waker().clone()));
            let waiter = Arc::new(Waiter { bytes, turn });
            state.line.push_back(Arc::clone(&waiter));
            drop(state);
            self.waiter = Some(waiter);
            return Poll::Pending;
        };
        let mut turn = lock(&waiter.turn);
        match &mut *turn {
            Turn::Waiting(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            Turn::Granted => {
                *turn = Turn::Left;
                drop(turn);
                drop(state);
                self.waiter = None;
                Poll::Ready(Some(limit.permit(bytes)))
            }
            Turn::Left => Poll::Ready(None),
        }
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        let mut state = lock(&self.limit.state);
        let turn = std::mem::replace(&mut *lock(&waiter.turn), Turn::Left);
        if matches!(turn, Turn::Granted) {
            state.room.give(waiter.bytes);
        }
        // The head of the line may have just left, or room may have just come back.
        admit(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(acquire: &mut Acquire) -> Option<Permit> {
        match Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => permit,
            Poll::Pending => None,
        }
    }

    #[test]
    fn exactly_the_maximum_is_admitted_and_the_line_is_served_in_order() {
        let limit = Limit::new(1, usize::MAX);
        let first = limit.try_acquire(1).unwrap();
        assert!(limit.try_acquire(1).is_none());
        let (mut second, mut third) = (limit.acquire(1), limit.acquire(1));
        assert!(poll(&mut second).is_none() && poll(&mut third).is_none());
        drop(first);
        assert!(poll(&mut third).is_none());
        let second = poll(&mut second).unwrap();
        drop(second);
        assert!(poll(&mut third).is_some());
    }

    #[test]
    fn a_request_larger_than_the_limit_goes_alone() {
        let limit = Limit::new(8, 100);
        let large = limit.try_acquire(1000).unwrap();
        assert!(limit.try_acquire(1).is_none());
        drop(large);
        assert!(limit.try_acquire(1).is_some());
    }

    #[test]
    fn who_leaves_the_line_loses_no_room_for_others() {
        let limit = Limit::new(1, usize::MAX);
        let held = limit.try_acquire(0).unwrap();
        let (mut leaver, mut stayer) = (limit.acquire(0), limit.acquire(0));
        assert!(poll(&mut leaver).is_none() && poll(&mut stayer).is_none());
        drop(held);
        drop(leaver);
        assert!(poll(&mut stayer).is_some());
        assert_eq!(limit.in_flight(), (0, 0));
    }
}
