//! How many threads of a pool do what, and who comes for a request.
//!
//! A request wakes a thread only if nobody looks for one already, and a thread that takes a request
//! while more are there calls the next: so many requests at once cost few wake-ups, and none is
//! left waiting while a thread sleeps.
//!
//! Each pool keeps it under its own lock. Whether the queue is empty is always found out while the
//! lock is held, after the request was put there or before a thread lies down: one of the two sees
//! the other.

use super::pool_options::PoolOptions;

/// All of it is changed under the lock alone, so the numbers always fit together.
#[derive(Debug)]
pub(super) struct Crew {
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
    /// Threads on their way to the queue: called, about to start, or looking without sleep.
    ///
    /// While something is in the queue, one is on its way, or as many threads are busy as may be:
    /// that is what keeps requests from being forgotten.
    looking: usize,
    closed: bool,
}

/// Who has to come for what is in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Nobody: the queue is empty, somebody looks already, or there may be no more threads.
    Nobody,
    /// Nobody, unless those at work turn out to wait.
    Later,
    /// One that sleeps: the caller signals the condition.
    Sleeper,
    /// A new thread of this number: the caller starts it.
    Newcomer(usize),
}

/// Who goes on where a new thread did not come to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    /// Those who are awake.
    Others,
    /// A sleeper was called in its place: the caller signals the condition.
    Sleeper,
    /// Nobody is left to serve what waits.
    Nobody,
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

impl Crew {
    pub(super) fn new(options: &PoolOptions) -> Self {
        Self {
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

    /// Decides who comes, after the queue or the number of those who look has changed. More threads
    /// than some only come where those at work are `waiting` for a device.
    pub(super) fn wake(&mut self, requests_wait: bool, waiting: impl FnOnce() -> bool) -> Wake {
        if !requests_wait || self.looking > 0 {
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

    /// A new thread did not come to be.
    pub(super) fn do_without(&mut self, requests_wait: bool) -> Remaining {
        self.threads -= 1;
        self.looking -= 1;
        if self.threads == 0 {
            return Remaining::Nobody;
        }
        if requests_wait && self.looking == 0 && self.asleep > 0 {
            self.call_sleeper();
            return Remaining::Sleeper;
        }
        Remaining::Others
    }

    /// A thread has run out of work. How many others look for some when it now looks, too; `None`
    /// where it is not to.
    pub(super) fn look(&mut self) -> Option<usize> {
        if self.closed {
            return None;
        }
        self.looking += 1;
        Some(self.looking - 1)
    }

    /// A thread that was on its way is here.
    pub(super) fn arrive(&mut self) {
        self.looking -= 1;
    }

    /// A thread goes to sleep, the queue being empty; false where it is to end instead.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn crew(threads_min: usize, threads_max: usize) -> Crew {
        let mut crew =
            Crew::new(&PoolOptions { threads_min, threads_max, ..PoolOptions::default() });
        crew.threads_at_once = threads_max.min(2);
        crew
    }

    /// A thread comes to be, finds nothing and lies down.
    fn sleeper(crew: &mut Crew) {
        assert!(matches!(crew.wake(true, || false), Wake::Newcomer(_)));
        crew.arrive();
        assert!(crew.lie_down());
    }

    #[test]
    fn one_comes_at_a_time_and_calls_the_next() {
        let mut crew = crew(0, 3);
        assert_eq!(crew.wake(false, || true), Wake::Nobody, "nothing is there");
        assert_eq!(crew.wake(true, || true), Wake::Newcomer(0));
        assert_eq!(crew.wake(true, || true), Wake::Nobody, "one is on its way");
        crew.arrive();
        assert_eq!(crew.wake(true, || true), Wake::Newcomer(1));
        crew.arrive();
        assert_eq!(crew.wake(true, || false), Wake::Later, "two at work are enough");
        assert_eq!(crew.wake(true, || true), Wake::Newcomer(2));
        crew.arrive();
        assert_eq!(crew.wake(true, || true), Wake::Nobody, "there may be no more");
    }

    #[test]
    fn who_looks_needs_no_call_and_who_sleeps_needs_one() {
        let mut crew = crew(0, 1);
        sleeper(&mut crew);
        assert_eq!(crew.wake(true, || false), Wake::Sleeper);
        assert_eq!(crew.rest(true), Rest::Over, "the call came first");
        assert_eq!(crew.look(), Some(0));
        assert_eq!(crew.wake(true, || false), Wake::Nobody);
        crew.arrive();
        assert!(crew.lie_down());
        assert_eq!(crew.wake(true, || false), Wake::Sleeper);
    }

    #[test]
    fn who_has_nothing_to_do_for_long_goes_but_for_some() {
        let mut crew = crew(1, 2);
        assert_eq!(crew.wake(true, || false), Wake::Newcomer(0));
        crew.arrive();
        assert_eq!(crew.wake(true, || false), Wake::Newcomer(1));
        crew.arrive();
        assert!(crew.lie_down() && crew.lie_down());
        assert_eq!(crew.rest(false), Rest::Goes);
        assert_eq!((crew.rest(true), crew.rest(true)), (Rest::Retired, Rest::Stays));
        crew.close();
        assert_eq!(crew.rest(false), Rest::Retired);
    }

    #[test]
    fn where_no_thread_comes_to_be_others_go_on() {
        let mut crew = crew(0, 2);
        assert_eq!(crew.wake(true, || false), Wake::Newcomer(0));
        assert_eq!(crew.do_without(true), Remaining::Nobody);
        sleeper(&mut crew);
        assert_eq!(crew.wake(true, || false), Wake::Sleeper);
        assert_eq!(crew.rest(false), Rest::Over);
        assert_eq!(crew.wake(true, || false), Wake::Newcomer(1));
        assert!(crew.lie_down());
        assert_eq!(crew.do_without(true), Remaining::Sleeper);
        assert_eq!(crew.rest(false), Rest::Over);
        assert_eq!(crew.wake(true, || false), Wake::Newcomer(1));
        assert_eq!(crew.do_without(true), Remaining::Others);
    }

    #[test]
    fn after_the_end_nobody_lies_down() {
        let mut crew = crew(1, 2);
        assert_eq!(crew.wake(true, || false), Wake::Newcomer(0));
        crew.arrive();
        crew.close();
        assert!(crew.look().is_none() && !crew.lie_down());
    }
}
