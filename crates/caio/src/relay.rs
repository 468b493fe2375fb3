//! Wakes the tasks of many completions one after the other: each, as it takes its answer, wakes the
//! next.
//!
//! A runtime of several workers that has two tasks to run wakes another worker for the second. For
//! tasks that only look at their answer and begin the next operation that costs more than they do
//! themselves: the worker's way out of sleep and back, and the completions of what it submits, for
//! which the kernel wakes it again. A task that another task wakes as the only one runs next, and
//! no worker is woken for it.
//!
//! Who is woken so depends on tasks of others: that these look at their answers. So a relay lasts
//! for a round of completions, whose end wakes all that are left (`context/round.rs`).

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicIsize, AtomicU8, Ordering};
use std::task::Waker;

use crate::sync::{lock, wake};

/// How the tasks of one context are woken.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    mode: AtomicU8,
    line: Mutex<VecDeque<Waker>>,
    /// How many tasks may still be woken by others, one each.
    links: AtomicIsize,
    /// Tasks that were woken and have not looked at their answers. A guess: it is too low by those
    /// whose answers were there at once.
    running: AtomicIsize,
}

/// All are woken at once.
const OFF: u8 = 0;

/// All are woken at once, and counted.
const COUNTING: u8 = 1;

/// All wait in line.
const IN_ROW: u8 = 2;

/// A task that runs, and three that are woken one by the other: tokio's workers run no more of
/// those without a look at their queues, and have the next one join a queue.
const LINKS: isize = 3;

impl Relay {
    /// Wakes, or has the waker wait in line.
    pub(crate) fn wake(&self, waker: Waker) {
        match self.mode.load(Ordering::Acquire) {
            OFF => return wake(waker),
            COUNTING => {}
            _ => {
                let mut line = lock(&self.line);
                // Under the lock, so that none joins after the end.
                if self.mode.load(Ordering::Acquire) == IN_ROW {
                    line.push_back(waker);
                    return;
                }
            }
        }
        self.running.fetch_add(1, Ordering::AcqRel);
        wake(waker);
    }

    /// A task has taken its answer, or will not come for it any more.
    pub(crate) fn seen(&self) {
        match self.mode.load(Ordering::Acquire) {
            OFF => return,
            COUNTING => {}
            _ => self.link(),
        }
        self.running.fetch_sub(1, Ordering::AcqRel);
    }

    /// From now on all wait in line, or are woken at once and counted.
    pub(crate) fn begin(&self, in_row: bool) {
        self.links.store(0, Ordering::Release);
        self.running.store(0, Ordering::Release);
        self.mode.store(if in_row { IN_ROW } else { COUNTING }, Ordering::Release);
    }

    /// Wakes the first in line, who and whose followers wake as many as may follow.
    pub(crate) fn release(&self) {
        self.links.store(LINKS, Ordering::Release);
        self.wake_first();
    }

    /// How many have been woken by the last release and what followed.
    pub(crate) fn released(&self) -> u32 {
        let left = self.links.load(Ordering::Acquire).clamp(0, LINKS);
        1 + (LINKS - left).unsigned_abs() as u32
    }

    /// Wakes all that are in line, and from now on at once.
    pub(crate) fn spread(&self) {
        self.leave_row(COUNTING);
    }

    /// The same, and counts no more.
    pub(crate) fn end(&self) {
        self.leave_row(OFF);
    }

    /// How many wait in line.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.line).len()
    }

    /// Whether tasks have been woken that have not looked at their answers.
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire) > 0
    }

    /// Whether all tasks have been woken and have looked at their answers.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_running() && self.waiting() == 0
    }

    fn link(&self) {
        if self.links.load(Ordering::Acquire) > 0 && self.links.fetch_sub(1, Ordering::AcqRel) > 0 {
            self.wake_first();
        }
    }

    fn wake_first(&self) {
        let first = lock(&self.line).pop_front();
        if let Some(waker) = first {
            self.running.fetch_add(1, Ordering::AcqRel);
            wake(waker);
        }
    }

    fn leave_row(&self, mode: u8) {
        let line = lock(&self.line);
        self.mode.store(mode, Ordering::Release);
        let left = line.len();
        drop(line);
        (0..left).for_each(|_| self.wake_first());
    }
}

#[cfg(test)]
mod tests {
    use std::hint::spin_loop;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::thread;

    use super::*;
    use crate::testing::Count;

    #[test]
    fn only_in_a_row_does_a_task_wait_for_another() {
        let (relay, count) = (Relay::default(), Arc::new(Count::default()));
        let wake = || relay.wake(Arc::clone(&count).into());
        wake();
        assert_eq!((count.now(), relay.is_running()), (1, false));
        relay.begin(true);
        wake();
        assert_eq!((count.now(), relay.waiting(), relay.is_idle()), (1, 1, false));
        relay.spread();
        wake();
        assert_eq!((count.now(), relay.waiting(), relay.is_running()), (3, 0, true));
        relay.seen();
        relay.seen();
        assert!(relay.is_idle());
        relay.end();
        wake();
        assert_eq!(count.now(), 4);
    }

    #[test]
    fn nobody_is_left_in_line_by_an_end() {
        const THREADS: usize = 3;
        const TIMES: usize = 20_000;
        let (relay, count) = (Relay::default(), Arc::new(Count::default()));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let wakers: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        (0..TIMES).for_each(|_| relay.wake(Arc::clone(&count).into()));
                    })
                })
                .collect();
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    relay.begin(true);
                    relay.release();
                    relay.seen();
                    relay.end();
                }
            });
            wakers.into_iter().for_each(|thread| thread.join().unwrap());
            done.store(true, Ordering::SeqCst);
        });
        assert_eq!((count.now(), relay.waiting()), (THREADS * TIMES, 0));
    }

    #[test]
    fn nobody_joins_a_line_that_has_just_ended() {
        const TIMES: usize = 50_000;
        let (relay, count) = (Relay::default(), Arc::new(Count::default()));
        let turn = AtomicUsize::new(0);
        let wait_for = |number| {
            while turn.load(Ordering::SeqCst) != number {
                thread::yield_now();
            }
        };
        let mut forgotten = 0;
        thread::scope(|scope| {
            scope.spawn(|| {
                for time in 1..=TIMES {
                    wait_for(2 * time - 1);
                    relay.wake(Arc::clone(&count).into());
                    turn.store(2 * time, Ordering::SeqCst);
                }
            });
            for time in 1..=TIMES {
                relay.begin(true);
                turn.store(2 * time - 1, Ordering::SeqCst);
                // The end falls into each part of the other's way now and then.
                (0..time % 100).for_each(|_| spin_loop());
                relay.end();
                wait_for(2 * time);
                forgotten += relay.waiting();
                relay.end();
            }
        });
        assert_eq!((count.now(), forgotten), (TIMES, 0));
    }
}
