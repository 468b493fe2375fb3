//! Whether more threads than processors would get more done.
//!
//! Threads that copy cached data use a processor each, and more of them only take turns. Threads
//! that wait for a device use none, and a device serves many requests at once faster than one after
//! the other. So a pool has some threads at once, and more only when those it has are found to
//! wait: when a good part of the operations take longer than any copying, or when no thread has
//! come for the next request for long, although there is one.
//!
//! It is a guess, so that races between threads do no harm.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// An operation that takes this long has waited for a device. Copying 4 KiB takes a microsecond,
/// and being interrupted in the middle of it is rare. (Waking whoever waits for the answer is not:
/// that is not measured.)
const SLOW: Duration = Duration::from_micros(60);

/// After so long without anybody taking a request all threads count as stuck.
pub(super) const STUCK: Duration = Duration::from_millis(20);

/// A slow operation adds this and a fast one takes away one: more than a fifth of slow ones is
/// enough.
const WEIGHT: u32 = 4;

/// The score from which on threads are said to wait, and the most that it can be. On a busy machine
/// two threads may well be interrupted at the same time.
const WAITING: u32 = 4 * WEIGHT;
const MOST: u32 = 6 * WEIGHT;

/// What is known about the operations of a pool.
#[derive(Debug)]
pub(super) struct Pace {
    epoch: Instant,
    score: AtomicU32,
    /// Requests that were taken.
    taken: AtomicU64,
    /// How many that were at a look at it, and when that look was, in nanoseconds since the epoch.
    seen: AtomicU64,
    seen_ns: AtomicU64,
}

impl Pace {
    /// Notes that a thread takes a request.
    pub(super) fn take(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Does an operation while others wait, and notes how long it takes.
    pub(super) fn measure<T>(&self, operation: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let output = operation();
        let score = self.score.load(Ordering::Relaxed);
        let next = match begun.elapsed() > SLOW {
            true => (score + WEIGHT).min(MOST),
            false => score.saturating_sub(1),
        };
        if next != score {
            self.score.store(next, Ordering::Relaxed);
        }
        output
    }

    /// Whether the threads wait rather than compute. Asked while requests are there that nobody
    /// comes for.
    pub(super) fn is_waiting(&self) -> bool {
        if self.score.load(Ordering::Relaxed) >= WAITING {
            return true;
        }
        let taken = self.taken.load(Ordering::Relaxed);
        let now = nanoseconds(self.epoch.elapsed());
        if self.seen.swap(taken, Ordering::Relaxed) == taken {
            return now.saturating_sub(self.seen_ns.load(Ordering::Relaxed)) > nanoseconds(STUCK);
        }
        self.seen_ns.store(now, Ordering::Relaxed);
        false
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            score: AtomicU32::new(0),
            taken: AtomicU64::new(0),
            seen: AtomicU64::new(u64::MAX),
            seen_ns: AtomicU64::new(0),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_wait_when_operations_take_long_and_not_when_one_of_many_does() {
        let pace = Pace::default();
        let slow = || pace.measure(|| thread::sleep(2 * SLOW));
        for _ in 0..3 {
            slow();
            assert!(!pace.is_waiting());
        }
        slow();
        assert!(pace.is_waiting());
        for _ in 0..50 {
            pace.take();
            pace.measure(|| ());
        }
        assert!(!pace.is_waiting());
    }

    #[test]
    fn threads_that_never_come_back_wait() {
        let pace = Pace::default();
        pace.take();
        assert!(!pace.is_waiting());
        thread::sleep(STUCK + Duration::from_millis(1));
        pace.take();
        assert!(!pace.is_waiting(), "one has come");
        thread::sleep(STUCK + Duration::from_millis(1));
        assert!(pace.is_waiting());
    }
}
