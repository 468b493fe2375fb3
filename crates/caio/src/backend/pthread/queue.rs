//! The state under the pool's mutex: the ring of requests, and how many threads do what.

use std::collections::VecDeque;

use crate::backend::pool_options::PoolOptions;
use crate::request::Request;

/// All of it is changed under the mutex alone, so the numbers always fit together.
#[derive(Debug)]
pub(super) struct Queue {
    ring: VecDeque<Request>,
    requests_max: usize,
    threads_min: usize,
    threads_max: usize,
    /// Threads that may be at work however quick the operations are.
    threads_at_once: usize,
    /// Threads there are, or are about to start.
    threads: usize,
    /// Threads that sleep and that nobody has called.
    asleep: usize,
    /// Sleepers that were called and are not up yet.
    called: usize,
    /// Threads on their way to the ring: called, about to start, or looking without sleep.
    ///
    /// While something is in the ring, one is on its way, or as many threads are busy as may be:
    /// that is what keeps requests from being forgotten.
    looking: usize,
    closed: bool,
}

/// Who has to come for what is in the ring.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Nobody: the ring is empty, somebody looks already, or there may be no more threads.
    Nobody,
    /// Nobody, unless those at work turn out to wait.
    Later,
    /// One that sleeps: the caller signals the condition.
    Sleeper,
    /// A new thread of this number: the caller starts it.
    Newcomer(usize),
}

/// What the end of a nap means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It was called.
    Over,
    /// Nothing happened.
    Goes,
    /// It had nothing to do for the idle time, and is one of those that stay nevertheless.
    Stays,
    /// It is counted out and ends.
    Retired,
}

impl Queue {
    pub(super) fn new(options: &PoolOptions) -> Self {
        Self {
            ring: VecDeque::with_capacity(options.queue_max),
            requests_max: options.queue_max,
            threads_min: options.threads_min,
            threads_max: options.threads_max,
            threads_at_once: options.threads_at_once(),
            threads: 0,
            asleep: 0,
            called: 0,
            looking: 0,
            closed: false,
        }
    }

    /// Gives the request back where the ring is full.
    pub(super) fn push(&mut self, request: Request) -> Option<Request> {
        if self.ring.len() == self.requests_max {
            return Some(request);
        }
        self.ring.push_back(request);
        None
    }

    pub(super) fn pop(&mut self) -> Option<Request> {
        self.ring.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// Decides who comes, after the ring or the number of those who look has changed. More threads
    /// than some only come where those at work are `waiting` for a device.
    pub(super) fn wake(&mut self, waiting: impl FnOnce() -> bool) -> Wake {
        if self.ring.is_empty() || self.looking > 0 {
            return Wake::Nobody;
        }
        if self.asleep == 0 && self.threads == self.threads_max {
            return Wake::Nobody;
        }
        let enough = self.threads - self.asleep >= self.threads_at_once;
        if enough && !waiting() {
            return Wake::Later;
        }
        if self.asleep > 0 {
            self.call_sleeper();
            return Wake::Sleeper;
        }
        let number = self.threads;
        self.threads += 1;
        self.looking += 1;
        Wake::Newcomer(number)
    }

    /// A new thread did not come to be. Returns the requests that nobody is left to serve, and
    /// whether a sleeper was called in its place.
    pub(super) fn do_without(&mut self) -> (VecDeque<Request>, bool) {
        self.threads -= 1;
        self.looking -= 1;
        if self.threads == 0 {
            return (self.ring.drain(..).collect(), false);
        }
        let sleeper = !self.ring.is_empty() && self.looking == 0 && self.asleep > 0;
        if sleeper {
            self.call_sleeper();
        }
        (VecDeque::new(), sleeper)
    }

    /// A thread has run out of work. Whether it looks for more before it sleeps.
    pub(super) fn look(&mut self) -> bool {
        self.looking += usize::from(!self.closed);
        !self.closed
    }

    /// A thread that was on its way is here.
    pub(super) fn arrive(&mut self) {
        self.looking -= 1;
    }

    /// A thread goes to sleep, the ring being empty; false where it is to end instead.
    pub(super) fn lie_down(&mut self) -> bool {
        if self.closed {
            self.threads -= 1;
        } else {
            self.asleep += 1;
        }
        !self.closed
    }

    /// A sleeping thread was disturbed, or slept for the idle time.
    pub(super) fn rest(&mut self, timed_out: bool) -> Rest {
        if self.called > 0 {
            self.called -= 1;
            self.arrive();
            return Rest::Over;
        }
        if self.closed || timed_out && self.threads > self.threads_min {
            self.asleep -= 1;
            self.threads -= 1;
            return Rest::Retired;
        }
        if timed_out { Rest::Stays } else { Rest::Goes }
    }

    /// Threads without work end from now on.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    fn call_sleeper(&mut self) {
        self.asleep -= 1;
        self.called += 1;
        self.looking += 1;
    }
}
