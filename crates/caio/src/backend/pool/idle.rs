//! How many threads of a pool have nothing to do, and which of them comes for a request.
//!
//! A request wakes a thread only if none is searching already, and a thread that takes a request
//! while more are there wakes the next: so many requests at once cost few wake-ups, and none waits
//! while a thread sleeps. Whether the queue is empty is always found out under the lock that all
//! of this is under, after a request was queued or before a thread parks: one of the two sees the
//! other.

use crate::config::Config;
use crate::sync::planted;

/// The numbers of threads.
#[derive(Debug)]
pub(super) struct Idle {
    threads_min: usize,
    threads_max: usize,
    /// Threads there are, or are about to start.
    num_threads: usize,
    /// Threads that are parked and were not woken.
    num_idle: usize,
    /// Threads that are going to look at the queue: woken, about to start, or spinning.
    num_searching: usize,
    closed: bool,
}

/// Which thread comes for what is queued.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// None: one is searching already, or there may be no more.
    None,
    /// One that is parked: the caller unparks one.
    Idle,
    /// A new one of this number: the caller starts it.
    New(usize),
}

/// What a thread does that has been parked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unparked {
    /// It was woken, and looks at the queue.
    Search,
    /// It parks again without a limit: it is one of those that stay, or its token is on its way.
    Park,
    /// It is counted out and ends.
    End,
}

impl Idle {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            threads_min: config.threads_min,
            threads_max: config.threads_max,
            num_threads: 0,
            num_idle: 0,
            num_searching: 0,
            closed: false,
        }
    }

    /// Decides which thread comes. Asked while a request waits for one.
    pub(super) fn wake(&mut self) -> Wake {
        if self.wake_idle() {
            return Wake::Idle;
        }
        if self.num_searching > 0 || self.num_threads == self.threads_max {
            return Wake::None;
        }
        let number = self.num_threads;
        self.num_threads += 1;
        self.num_searching += 1;
        Wake::New(number)
    }

    /// As [`wake`](Self::wake), but never with a new thread. Returns whether to unpark one.
    pub(super) fn wake_idle(&mut self) -> bool {
        let wake = self.num_searching == 0 && self.num_idle > 0;
        if wake {
            self.num_idle -= 1;
            self.num_searching += 1;
        }
        wake
    }

    /// A new thread could not be started. Returns whether there are others.
    pub(super) fn not_started(&mut self) -> bool {
        self.num_threads -= 1;
        self.num_searching -= 1;
        self.num_threads > 0
    }

    /// Whether a thread without work may search by spinning: one at a time does.
    pub(super) fn spin(&mut self) -> bool {
        let spins = self.num_searching == 0 && !self.closed;
        self.num_searching += usize::from(spins);
        spins
    }

    /// A thread that was searching looks at the queue.
    pub(super) fn found(&mut self) {
        self.num_searching -= 1;
    }

    /// A thread is going to park, the queue being empty. Returns false where it is to end instead,
    /// and counts it out.
    pub(super) fn park(&mut self) -> bool {
        match self.closed {
            true => self.num_threads -= 1,
            false => self.num_idle += 1,
        }
        !self.closed
    }

    /// A thread that was parked got a token, or its time was over.
    pub(super) fn unparked(&mut self, has_token: bool) -> Unparked {
        if has_token {
            self.num_searching -= 1;
            return Unparked::Search;
        }
        // With no idle thread left, each of those that are parked has a token.
        let all_woken = self.num_idle == 0 && !planted("pool_timeout");
        if all_woken || self.num_threads <= self.threads_min {
            return Unparked::Park;
        }
        self.num_idle -= 1;
        self.num_threads -= 1;
        Unparked::End
    }

    /// Threads without work end from now on. Returns how many to unpark.
    pub(super) fn close(&mut self) -> usize {
        self.closed = true;
        let woken = std::mem::take(&mut self.num_idle);
        self.num_searching += woken;
        woken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(threads_min: usize, threads_max: usize) -> Idle {
        Idle::new(&Config { threads_min, threads_max, ..Config::default() })
    }

    /// A thread starts, finds nothing and parks.
    fn start_and_park(idle: &mut Idle) {
        assert!(matches!(idle.wake(), Wake::New(_)));
        idle.found();
        assert!(idle.park());
    }

    #[test]
    fn one_thread_comes_at_a_time() {
        let mut idle = idle(0, 2);
        assert_eq!(idle.wake(), Wake::New(0));
        assert_eq!(idle.wake(), Wake::None, "one is searching");
        idle.found();
        assert_eq!(idle.wake(), Wake::New(1));
        idle.found();
        assert_eq!(idle.wake(), Wake::None, "there may be no more");
    }

    #[test]
    fn a_spinning_thread_needs_no_wake_up_and_a_parked_one_does() {
        let mut idle = idle(0, 2);
        start_and_park(&mut idle);
        assert_eq!(idle.wake(), Wake::Idle);
        assert_eq!(idle.unparked(true), Unparked::Search);
        assert!(idle.spin() && !idle.spin(), "one spins at a time");
        assert_eq!(idle.wake(), Wake::None);
        idle.found();
        assert!(idle.park());
        assert_eq!(idle.wake(), Wake::Idle);
    }

    #[test]
    fn threads_end_after_their_time_but_for_those_that_stay() {
        let mut idle = idle(1, 3);
        for _ in 0..3 {
            assert!(matches!(idle.wake(), Wake::New(_)));
            idle.found();
        }
        assert!((0..3).all(|_| idle.park()));
        assert_eq!(idle.unparked(false), Unparked::End);
        assert_eq!(idle.unparked(false), Unparked::End);
        assert_eq!(idle.unparked(false), Unparked::Park);
        assert_eq!((idle.num_threads, idle.num_idle), (1, 1));
    }

    #[test]
    fn a_thread_whose_time_is_over_waits_for_a_token_that_is_on_its_way() {
        let mut idle = idle(0, 1);
        start_and_park(&mut idle);
        assert_eq!(idle.wake(), Wake::Idle);
        assert_eq!(idle.unparked(false), Unparked::Park);
        assert_eq!(idle.unparked(true), Unparked::Search);
    }

    #[test]
    fn a_thread_that_does_not_start_is_made_up_for() {
        let mut idle = idle(0, 2);
        assert_eq!(idle.wake(), Wake::New(0));
        assert!(!idle.not_started(), "there are no others");
        assert_eq!(idle.wake(), Wake::New(0));
        idle.found();
        assert_eq!(idle.wake(), Wake::New(1));
        assert!(idle.park());
        assert!(idle.not_started());
        assert!(idle.wake_idle(), "it parked while the new one was counted on");
        assert!(!idle.wake_idle());
    }

    #[test]
    fn after_the_close_no_thread_parks() {
        let mut idle = idle(1, 2);
        start_and_park(&mut idle);
        assert_eq!(idle.close(), 1);
        assert_eq!(idle.unparked(true), Unparked::Search);
        assert!(!idle.spin() && !idle.park());
        assert_eq!(idle.num_threads, 0);
    }
}
