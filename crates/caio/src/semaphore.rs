//! How many requests and bytes may be in flight at once, and the requests that wait for room.
//!
//! A request waits here itself, not its future: whoever completes a request admits the next ones,
//! so that a future which is not polled holds nothing that others need. What is in flight lies in
//! one atomic word, so that threads which find room never meet at a lock.

use std::collections::VecDeque;

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock, planted};

/// What can wait for room.
pub(crate) trait Waiter {
    /// The bytes of room that it needs.
    fn bytes(&self) -> usize;

    /// Whether its answer is not wanted any more, so that it need not wait.
    fn is_cancelled(&self) -> bool;
}

/// Room for requests and their bytes, and a queue of those that wait for it, first come first
/// served.
#[derive(Debug)]
pub(crate) struct Semaphore<T> {
    /// Bytes in the lowest bits, requests above them, and [`WAITING`] on top.
    word: AtomicU64,
    requests_max: u64,
    bytes_max: u64,
    waiters: Mutex<VecDeque<T>>,
    /// How many of the waiters may be cancelled: a guess that decides when to look for them.
    cancelled: AtomicUsize,
}

/// Set while somebody waits.
const WAITING: u64 = 1 << 63;
const REQUEST: u64 = 1 << BYTES_BITS;
const BYTES_BITS: u32 = 40;
const BYTES_MAX: u64 = REQUEST - 1;
const REQUESTS_MAX: u64 = WAITING / REQUEST - 1;

impl<T: Waiter> Semaphore<T> {
    /// Limits beyond a tebibyte and eight million requests are brought down to these.
    pub(crate) fn new(requests_max: usize, bytes_max: usize) -> Self {
        Self {
            word: AtomicU64::new(0),
            requests_max: (requests_max as u64).min(REQUESTS_MAX),
            bytes_max: (bytes_max as u64).min(BYTES_MAX),
            waiters: Mutex::default(),
            cancelled: AtomicUsize::new(0),
        }
    }

    /// Requests and bytes that have room now.
    pub(crate) fn in_use(&self) -> (usize, usize) {
        let word = self.word.load(Ordering::Acquire) & !WAITING;
        ((word / REQUEST) as usize, (word % REQUEST) as usize)
    }

    /// Takes room for one request, if there is some and no other waits for it.
    pub(crate) fn try_acquire(&self, bytes: usize) -> bool {
        self.take(bytes, false)
    }

    /// Takes room for the request and gives it back, or keeps it until [`admit`](Self::admit)
    /// finds room for it.
    pub(crate) fn acquire(&self, waiter: T) -> Option<T> {
        if self.take(waiter.bytes(), false) {
            return Some(waiter);
        }
        let mut waiters = lock(&self.waiters);
        // Set before room is looked for again: whoever releases room after that look sees it.
        self.word.fetch_or(WAITING, Ordering::AcqRel);
        let look_again = !planted("semaphore");
        if look_again && waiters.is_empty() && self.take(waiter.bytes(), true) {
            self.word.fetch_and(!WAITING, Ordering::AcqRel);
            return Some(waiter);
        }
        waiters.push_back(waiter);
        None
    }

    /// Gives back the room of one request. Returns whether others wait, so that
    /// [`admit`](Self::admit) is to be called.
    pub(crate) fn release(&self, bytes: usize) -> bool {
        self.word.fetch_sub(REQUEST + self.clamp(bytes), Ordering::SeqCst) & WAITING != 0
    }

    /// The next waiter for which there is room now, with that room; cancelled ones come without
    /// room being asked for, and have none. `None` where the first one has to wait on.
    pub(crate) fn admit(&self) -> Option<Admitted<T>> {
        if !self.has_waiters() {
            return None;
        }
        let mut waiters = lock(&self.waiters);
        let first = waiters.front()?;
        let has_room = !first.is_cancelled();
        if has_room && !self.take(first.bytes(), true) {
            return None;
        }
        let waiter = waiters.pop_front()?;
        if waiters.is_empty() {
            self.word.fetch_and(!WAITING, Ordering::AcqRel);
        }
        Some(Admitted { waiter, has_room })
    }

    /// A waiter has been cancelled. Returns those whose answer is not wanted any more, once they
    /// may be more than half of all: so a cancellation costs little, and they hold little memory.
    pub(crate) fn cancelled(&self) -> Vec<T> {
        if !self.has_waiters() {
            return Vec::new();
        }
        let mut waiters = lock(&self.waiters);
        let cancelled = self.cancelled.fetch_add(1, Ordering::Relaxed) + 1;
        if 2 * cancelled <= waiters.len() {
            return Vec::new();
        }
        self.cancelled.store(0, Ordering::Relaxed);
        let (gone, kept): (Vec<T>, Vec<T>) = waiters.drain(..).partition(T::is_cancelled);
        waiters.extend(kept);
        if waiters.is_empty() {
            self.word.fetch_and(!WAITING, Ordering::AcqRel);
        }
        gone
    }

    /// Whether anything waits.
    #[inline]
    pub(crate) fn has_waiters(&self) -> bool {
        self.word.load(Ordering::SeqCst) & WAITING != 0
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.waiters).len()
    }

    /// Takes room for one request, if there is some; while others wait, only for one of these.
    fn take(&self, bytes: usize, waited: bool) -> bool {
        let bytes = self.clamp(bytes);
        let fits = |word: u64| {
            let requests = (word & !WAITING) / REQUEST + 1;
            let fits = requests <= self.requests_max && word % REQUEST + bytes <= self.bytes_max;
            (fits && (waited || word & WAITING == 0)).then_some(word + REQUEST + bytes)
        };
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok()
    }

    /// A request larger than the whole limit counts as the limit: it goes alone.
    fn clamp(&self, bytes: usize) -> u64 {
        (bytes as u64).min(self.bytes_max)
    }
}

/// What has waited, and whether it has room now.
#[derive(Debug)]
pub(crate) struct Admitted<T> {
    pub(crate) waiter: T,
    pub(crate) has_room: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[derive(Debug, Clone)]
    struct Request(usize, Arc<AtomicBool>);

    impl Waiter for Request {
        fn bytes(&self) -> usize {
            self.0
        }

        fn is_cancelled(&self) -> bool {
            self.1.load(Ordering::Acquire)
        }
    }

    fn request(bytes: usize) -> Request {
        Request(bytes, Arc::default())
    }

    fn admitted(semaphore: &Semaphore<Request>) -> Option<usize> {
        semaphore.admit().map(|admitted| admitted.waiter.0)
    }

    #[test]
    fn exactly_the_maximum_is_admitted_and_waiters_are_served_in_order() {
        let semaphore = Semaphore::new(1, usize::MAX);
        assert!(semaphore.acquire(request(1)).is_some());
        assert!(!semaphore.try_acquire(1));
        assert!(semaphore.acquire(request(2)).is_none() && semaphore.acquire(request(3)).is_none());
        assert_eq!(admitted(&semaphore), None);
        assert!(semaphore.release(1));
        assert!(!semaphore.try_acquire(1), "what waits goes first");
        assert_eq!((admitted(&semaphore), admitted(&semaphore)), (Some(2), None));
        assert!(semaphore.release(2));
        assert_eq!(admitted(&semaphore), Some(3));
        assert!(!semaphore.release(3));
        assert_eq!(semaphore.in_use(), (0, 0));
    }

    #[test]
    fn bytes_are_limited_as_requests_are() {
        let semaphore: Semaphore<Request> = Semaphore::new(8, 100);
        assert!(semaphore.try_acquire(90) && !semaphore.try_acquire(11));
        assert!(semaphore.try_acquire(10));
        assert_eq!(semaphore.in_use(), (2, 100));
    }

    #[test]
    fn a_request_larger_than_the_limit_goes_alone() {
        let semaphore: Semaphore<Request> = Semaphore::new(8, 100);
        assert!(semaphore.try_acquire(1000) && !semaphore.try_acquire(1));
        semaphore.release(1000);
        assert!(semaphore.try_acquire(1));
    }

    #[test]
    fn the_largest_limits_do_not_run_into_each_other() {
        let semaphore: Semaphore<Request> = Semaphore::new(usize::MAX, usize::MAX);
        assert!(semaphore.try_acquire(usize::MAX) && !semaphore.try_acquire(1));
        assert!((0..1000).all(|_| semaphore.try_acquire(0)));
        assert_eq!(semaphore.in_use().0, 1001);
        assert!(semaphore.requests_max * REQUEST + semaphore.bytes_max < WAITING);
    }

    #[test]
    fn cancelled_waiters_take_no_room_and_are_cleared_away() {
        let semaphore = Semaphore::new(1, usize::MAX);
        assert!(semaphore.try_acquire(0));
        let waiting: Vec<_> = (1..=4).map(request).collect();
        for one in &waiting {
            assert!(semaphore.acquire(one.clone()).is_none());
        }
        let mut cleared = 0;
        for one in &waiting[..3] {
            one.1.store(true, Ordering::Release);
            cleared += semaphore.cancelled().len();
        }
        assert_eq!((cleared, semaphore.waiting()), (3, 1));
        waiting[3].1.store(true, Ordering::Release);
        assert!(semaphore.admit().is_some_and(|admitted| !admitted.has_room));
        assert_eq!(semaphore.in_use().0, 1);
    }

    #[test]
    fn cancelled_waiters_are_looked_for_when_they_may_be_most_of_all() {
        let semaphore = Semaphore::new(1, usize::MAX);
        assert!(semaphore.try_acquire(7) && !semaphore.has_waiters());
        let waiting: Vec<_> = (0..8).map(|_| request(1)).collect();
        assert!(waiting.iter().all(|one| semaphore.acquire(one.clone()).is_none()));
        assert!(semaphore.has_waiters());
        let cleared = waiting.iter().map(|one| {
            one.1.store(true, Ordering::Release);
            semaphore.cancelled().len()
        });
        assert_eq!(cleared.collect::<Vec<_>>(), [0, 0, 0, 0, 5, 0, 2, 1]);
        assert!(!semaphore.has_waiters());
        assert_eq!(semaphore.in_use(), (1, 7));
    }

    #[test]
    fn threads_that_meet_at_the_limit_all_get_through() {
        let semaphore = Semaphore::new(2, usize::MAX);
        let done = AtomicUsize::new(0);
        let finish = || {
            let mut waits = semaphore.release(1);
            done.fetch_add(1, Ordering::AcqRel);
            while waits && semaphore.admit().is_some() {
                waits = semaphore.release(1);
                done.fetch_add(1, Ordering::AcqRel);
            }
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        if semaphore.acquire(request(1)).is_some() {
                            finish();
                        }
                    }
                });
            }
        });
        assert_eq!((done.load(Ordering::Acquire), semaphore.in_use()), (80_000, (0, 0)));
    }
}
