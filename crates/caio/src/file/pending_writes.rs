//! Which writes of a file are under way, and what waits for them.
//!
//! A backend may run a sync or a truncation beside a write that was submitted before it, and it
//! then does not cover the write. So these wait for the writes that had started when they were
//! asked for; later ones do not hold them up. What waits is the operation itself, not its future:
//! whoever completes the last of those writes submits it.

use std::collections::VecDeque;
use std::fmt;

use crate::sync::{Mutex, lock, planted};

/// What is done once the writes before it have ended.
pub(crate) trait Deferred: fmt::Debug + Send {
    /// Whether its result is not wanted any more.
    fn is_cancelled(&self) -> bool;

    /// Does it.
    fn run(self: Box<Self>);
}

/// The writes of one file that are under way.
#[derive(Debug, Default)]
pub(crate) struct PendingWrites {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the oldest write that may be unfinished.
    oldest: u64,
    /// For each write from `oldest` on, whether it has finished.
    finished: VecDeque<bool>,
    /// What waits until `oldest` is as large as the number beside it.
    barriers: VecDeque<(u64, Box<dyn Deferred>)>,
    /// From so many barriers on it is worth looking for cancelled ones.
    sweep_at: usize,
}

/// The fewest barriers among which cancelled ones are looked for.
const SWEEP_MIN: usize = 16;

impl PendingWrites {
    /// Notes that a write starts, and returns its number.
    pub(crate) fn start(&self) -> u64 {
        let mut state = lock(&self.state);
        state.finished.push_back(false);
        state.oldest + state.finished.len() as u64 - 1
    }

    /// Notes that the write of that number has ended, in whatever way. Returns what waited for it
    /// and is to be run now.
    #[must_use]
    pub(crate) fn finish(&self, number: u64) -> Vec<Box<dyn Deferred>> {
        let mut state = lock(&self.state);
        let index = usize::try_from(number - state.oldest).expect("writes in flight fit in memory");
        state.finished[index] = true;
        while state.finished.front() == Some(&true) {
            state.finished.pop_front();
            state.oldest += 1;
        }
        let oldest = state.oldest;
        let ready = state.barriers.partition_point(|(until, _)| *until <= oldest);
        state.barriers.drain(..ready).map(|(_, deferred)| deferred).collect()
    }

    /// Whether one has not ended yet.
    pub(crate) fn are_under_way(&self) -> bool {
        !lock(&self.state).finished.is_empty()
    }

    /// Keeps what is to be done after all writes that have started by now; gives it back where
    /// none of them is under way.
    #[must_use]
    pub(crate) fn barrier(&self, deferred: Box<dyn Deferred>) -> Option<Box<dyn Deferred>> {
        let mut state = lock(&self.state);
        if state.finished.is_empty() {
            return Some(deferred);
        }
        if planted("pending_writes") {
            drop(state);
            state = lock(&self.state);
        }
        let until = state.oldest + state.finished.len() as u64;
        state.barriers.push_back((until, deferred));
        let cancelled = state.cancelled();
        drop(state);
        // Outside of the lock, since this ends requests.
        drop(cancelled);
        None
    }
}

impl State {
    /// Takes out what is cancelled, once there may be so much of it that looking costs little.
    fn cancelled(&mut self) -> VecDeque<(u64, Box<dyn Deferred>)> {
        if self.barriers.len() < self.sweep_at.max(SWEEP_MIN) {
            return VecDeque::new();
        }
        let all = std::mem::take(&mut self.barriers).into_iter();
        let (out, kept): (VecDeque<_>, VecDeque<_>) =
            all.partition(|(_, deferred)| deferred.is_cancelled());
        self.barriers = kept;
        self.sweep_at = 2 * self.barriers.len();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    #[derive(Debug, Default, Clone)]
    struct Count(Arc<AtomicUsize>, Arc<AtomicBool>);

    impl Deferred for Count {
        fn is_cancelled(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }

        fn run(self: Box<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_barrier_waits_for_the_writes_before_it_alone() {
        let (writes, count) = (PendingWrites::default(), Count::default());
        assert!(writes.barrier(Box::new(count.clone())).is_some(), "nothing is under way");
        let (first, second) = (writes.start(), writes.start());
        assert!(writes.barrier(Box::new(count.clone())).is_none());
        let third = writes.start();
        assert!(writes.finish(second).is_empty() && writes.finish(third).is_empty());
        writes.finish(first).into_iter().for_each(Deferred::run);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(writes.barrier(Box::new(count)).is_some());
    }

    #[test]
    fn cancelled_barriers_do_not_pile_up() {
        let writes = PendingWrites::default();
        let _write = writes.start();
        let count = Count::default();
        count.1.store(true, Ordering::Relaxed);
        for _ in 0..100_000 {
            assert!(writes.barrier(Box::new(count.clone())).is_none());
        }
        assert!(lock(&writes.state).barriers.len() <= 2 * SWEEP_MIN);
    }

    #[test]
    fn cancelled_barriers_are_looked_for_where_there_may_be_many() {
        let writes = PendingWrites::default();
        let _write = writes.start();
        let (wanted, cancelled) = (Count::default(), Count::default());
        cancelled.1.store(true, Ordering::Relaxed);
        let add = |count: &Count| {
            assert!(writes.barrier(Box::new(count.clone())).is_none());
            lock(&writes.state).barriers.len()
        };
        for length in 1..SWEEP_MIN {
            assert_eq!(add(&cancelled), length);
        }
        assert_eq!(add(&cancelled), 0);
        for length in 1..=SWEEP_MIN {
            assert_eq!(add(&wanted), length);
        }
        // All of them have stayed, so that it is worth looking when they are twice as many.
        for length in SWEEP_MIN + 1..2 * SWEEP_MIN {
            assert_eq!(add(&cancelled), length);
        }
        assert_eq!(add(&cancelled), SWEEP_MIN);
    }
}
