//! How much may be in flight at once: requests and bytes. Who finds no room waits in line.
//!
//! What is in flight lies in one atomic word ([`Room`]), so that threads which find room never meet
//! at a lock. A bit of the word says that the line is to be asked, and then there is a lock.

mod room;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::sync::{lock, wake};
use room::Room;

/// The two limits and the line before them, with what the requests within them share.
#[derive(Debug)]
pub(crate) struct Limit<T = ()> {
    room: Room,
    line: Mutex<Line>,
    pub(crate) shared: T,
}

#[derive(Debug, Default)]
struct Line {
    waiters: VecDeque<Arc<Waiter>>,
    /// Who wants to know of the next release, whatever it frees.
    on_release: Vec<Waker>,
    closed: bool,
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

impl<T> Limit<T> {
    /// Limits beyond a tebibyte and eight million requests are brought down to these.
    pub(crate) fn new(requests_max: usize, bytes_max: usize, shared: T) -> Arc<Self> {
        Arc::new(Self { room: Room::new(requests_max, bytes_max), line: Mutex::default(), shared })
    }

    /// Requests and bytes in flight now.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        self.room.taken()
    }

    /// Room for one request of `bytes`, if there is some and nobody waits in line for it.
    pub(crate) fn try_acquire(self: &Arc<Self>, bytes: usize) -> Option<Permit<T>> {
        if !self.room.take(bytes, false) {
            let line = lock(&self.line);
            if line.closed || !line.waiters.is_empty() || !self.room.take(bytes, true) {
                return None;
            }
        }
        Some(Permit { limit: Some(Arc::clone(self)), bytes })
    }

    /// Room for one request of `bytes`, in the order of asking.
    pub(crate) fn acquire(self: &Arc<Self>, bytes: usize) -> Acquire<T> {
        Acquire { limit: Some(Arc::clone(self)), bytes, waiter: None }
    }

    /// Wakes `waker` at the next release. False when nothing else is in flight, so that no
    /// release will come.
    pub(crate) fn wake_on_release(&self, waker: &Waker) -> bool {
        let mut line = lock(&self.line);
        line.on_release.push(waker.clone());
        self.room.ask();
        self.in_flight().0 > 1
    }

    /// Admits nobody any more and ends every wait in line.
    pub(crate) fn close(&self) {
        let mut line = lock(&self.line);
        line.closed = true;
        self.room.ask();
        let waiters = std::mem::take(&mut line.waiters);
        drop(line);
        for waiter in waiters {
            let turn = std::mem::replace(&mut *lock(&waiter.turn), Turn::Left);
            if let Turn::Waiting(waker) = turn {
                wake(waker);
            }
        }
    }

    fn release(&self, bytes: usize) {
        if self.room.give(bytes) {
            let mut line = lock(&self.line);
            let on_release = std::mem::take(&mut line.on_release);
            self.admit(line);
            on_release.into_iter().for_each(wake);
        }
    }

    /// Lets in from the head of the line what fits. Waking is the user's code, so it comes after
    /// the lock is gone.
    fn admit(&self, mut line: MutexGuard<'_, Line>) {
        let mut admitted = Vec::new();
        while let Some(first) = line.waiters.front().cloned() {
            let mut turn = lock(&first.turn);
            if let Turn::Waiting(waker) = &*turn {
                if !self.room.take(first.bytes, true) {
                    break;
                }
                admitted.push(waker.clone());
                *turn = Turn::Granted;
            }
            line.waiters.pop_front();
        }
        self.settle(&line);
        drop(line);
        admitted.into_iter().for_each(wake);
    }

    /// Opens the way past the line again, where nobody needs to be asked.
    fn settle(&self, line: &MutexGuard<'_, Line>) {
        if !line.closed && line.waiters.is_empty() && line.on_release.is_empty() {
            self.room.stop_asking();
        }
    }
}

/// Room for one request, given back on drop.
#[derive(Debug)]
pub(crate) struct Permit<T = ()> {
    limit: Option<Arc<Limit<T>>>,
    bytes: usize,
}

impl<T> Permit<T> {
    /// Gives the room back, and leaves the way to what the requests share.
    pub(crate) fn release(mut self) -> Arc<Limit<T>> {
        let limit = self.limit.take().expect("a permit has its limit until it is released");
        limit.release(self.bytes);
        limit
    }

    pub(crate) fn shared(&self) -> &T {
        &self.limit.as_ref().expect("a permit has its limit until it is released").shared
    }
}

impl<T> Drop for Permit<T> {
    fn drop(&mut self) {
        if let Some(limit) = self.limit.take() {
            limit.release(self.bytes);
        }
    }
}

/// Waits for room; `None` when the limit was closed. Dropping it leaves the line.
#[derive(Debug)]
pub(crate) struct Acquire<T = ()> {
    /// Goes on into the permit.
    limit: Option<Arc<Limit<T>>>,
    bytes: usize,
    waiter: Option<Arc<Waiter>>,
}

impl<T> Acquire<T> {
    fn granted(&mut self) -> Poll<Option<Permit<T>>> {
        Poll::Ready(Some(Permit { limit: self.limit.take(), bytes: self.bytes }))
    }
}

impl<T> Future for Acquire<T> {
    type Output = Option<Permit<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Permit<T>>> {
        let this = &mut *self;
        let limit = this.limit.as_ref().expect("it is not polled after it is ready");
        let Some(waiter) = &this.waiter else {
            if limit.room.take(this.bytes, false) {
                return this.granted();
            }
            let mut line = lock(&limit.line);
            if line.closed {
                return Poll::Ready(None);
            }
            limit.room.ask();
            if line.waiters.is_empty() && limit.room.take(this.bytes, true) {
                limit.settle(&line);
                drop(line);
                return this.granted();
            }
            let turn = Mutex::new(Turn::Waiting(cx.waker().clone()));
            let waiter = Arc::new(Waiter { bytes: this.bytes, turn });
            line.waiters.push_back(Arc::clone(&waiter));
            drop(line);
            this.waiter = Some(waiter);
            return Poll::Pending;
        };
        // Under the line's lock, so that a close that is under way is seen whole.
        let line = lock(&limit.line);
        let mut turn = lock(&waiter.turn);
        match &mut *turn {
            Turn::Waiting(waker) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            Turn::Granted => {
                *turn = Turn::Left;
                drop(turn);
                drop(line);
                this.waiter = None;
                this.granted()
            }
            Turn::Left => Poll::Ready(None),
        }
    }
}

impl<T> Drop for Acquire<T> {
    fn drop(&mut self) {
        let (Some(waiter), Some(limit)) = (self.waiter.take(), &self.limit) else { return };
        let line = lock(&limit.line);
        let turn = std::mem::replace(&mut *lock(&waiter.turn), Turn::Left);
        if matches!(turn, Turn::Granted) {
            limit.room.give(waiter.bytes);
        }
        // The head of the line may have just left, or room may have just come back.
        limit.admit(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::wait;
    use std::thread;

    fn poll(acquire: &mut Acquire) -> Option<Permit> {
        match Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => permit,
            Poll::Pending => None,
        }
    }

    #[test]
    fn exactly_the_maximum_is_admitted_and_the_line_is_served_in_order() {
        let limit = Limit::new(1, usize::MAX, ());
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
    fn bytes_are_limited_as_requests_are() {
        let limit = Limit::new(8, 100, ());
        let most = limit.try_acquire(90).unwrap();
        assert!(limit.try_acquire(11).is_none());
        let rest = limit.try_acquire(10).unwrap();
        assert_eq!(limit.in_flight(), (2, 100));
        drop((most, rest));
        assert_eq!(limit.in_flight(), (0, 0));
    }

    #[test]
    fn the_largest_limits_do_not_run_into_each_other() {
        let limit = Limit::new(usize::MAX, usize::MAX, ());
        let largest = limit.try_acquire(usize::MAX).unwrap();
        assert!(limit.try_acquire(1).is_none());
        let empty: Vec<_> = (0..1000).map(|_| limit.try_acquire(0).unwrap()).collect();
        assert_eq!(limit.in_flight().0, 1001);
        drop((largest, empty));
        assert_eq!(limit.in_flight(), (0, 0));
    }

    #[test]
    fn after_a_wait_the_line_is_not_asked_any_more() {
        let limit = Limit::new(1, usize::MAX, ());
        let held = limit.try_acquire(0).unwrap();
        let mut waiting = limit.acquire(0);
        assert!(poll(&mut waiting).is_none());
        assert!(limit.room.is_asking());
        drop(held);
        let held = poll(&mut waiting).unwrap();
        assert!(!limit.room.is_asking());
        drop(held);
    }

    #[test]
    fn threads_that_meet_at_the_limit_all_get_through() {
        let limit = Limit::new(2, usize::MAX, ());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        drop(wait(limit.acquire(1), || {}).unwrap());
                    }
                });
            }
        });
        assert!(!limit.room.is_asking());
        assert_eq!(limit.in_flight(), (0, 0));
    }

    #[test]
    fn nobody_gets_in_after_the_close() {
        let limit = Limit::new(1, usize::MAX, ());
        let held = limit.try_acquire(0).unwrap();
        let mut waiting = limit.acquire(0);
        assert!(poll(&mut waiting).is_none());
        limit.close();
        drop(held);
        assert!(limit.try_acquire(0).is_none());
        assert!(matches!(
            Pin::new(&mut waiting).poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(None)
        ));
    }

    #[test]
    fn a_request_larger_than_the_limit_goes_alone() {
        let limit = Limit::new(8, 100, ());
        let large = limit.try_acquire(1000).unwrap();
        assert!(limit.try_acquire(1).is_none());
        drop(large);
        assert!(limit.try_acquire(1).is_some());
    }

    #[test]
    fn who_leaves_the_line_loses_no_room_for_others() {
        let limit = Limit::new(1, usize::MAX, ());
        let held = limit.try_acquire(0).unwrap();
        let (mut leaver, mut stayer) = (limit.acquire(0), limit.acquire(0));
        assert!(poll(&mut leaver).is_none() && poll(&mut stayer).is_none());
        drop(held);
        drop(leaver);
        assert!(poll(&mut stayer).is_some());
        assert_eq!(limit.in_flight(), (0, 0));
    }
}
