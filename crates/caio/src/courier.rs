//! Wakes tasks by way of the runtime's reactor, for the engine's own threads.
//!
//! A runtime of several workers goes to some length when a task is woken from outside: the task
//! joins a line for all workers, a sleeping worker is woken for it, and that one wakes another in
//! case there is more. Through a descriptor that the reactor watches, the one worker that waits
//! there wakes the task as its own, and a batch of tasks costs one wake-up.
//!
//! Where the workers are awake that would be a detour. A thread of ours cannot see it, but it knows
//! whether it had nothing to do itself, and for how long it has been at work since.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use crate::own_thread;
use crate::sync::{lock, wake};
use crate::sys::bell::Bell;

/// The way to the reactor. Closed, it wakes directly.
#[derive(Debug, Default)]
pub(crate) struct Courier {
    state: AtomicU8,
    tray: Mutex<Tray>,
}

/// Nobody watches.
const CLOSED: u8 = 0;

/// Somebody is making a watch.
const OPENING: u8 = 1;

/// The reactor watches.
const OPEN: u8 = 2;

/// There is no descriptor to be had, or no reactor.
const REFUSED: u8 = 3;

#[derive(Debug, Default)]
struct Tray {
    /// There while somebody watches.
    bell: Option<Arc<Bell>>,
    wakers: Vec<Waker>,
    /// Empty, kept for its memory.
    spare: Vec<Waker>,
}

impl Courier {
    /// Whether it takes wakers to the reactor.
    pub(crate) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    /// Whether it is worth an attempt to open it.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }

    /// Opens it with what `watch` makes of a descriptor that polls readable while wakers are
    /// there; `watch` returns whether somebody does. At most one caller gets as far as that.
    pub(crate) fn open(&self, watch: impl FnOnce(OwnedFd) -> bool) {
        let (begun, done) = (Ordering::AcqRel, Ordering::Relaxed);
        if self.state.compare_exchange(CLOSED, OPENING, begun, done).is_err() {
            return;
        }
        if self.hang_bell().is_ok_and(watch) {
            // One that was closed by the end of its watch meanwhile stays so.
            let _ = self.state.compare_exchange(OPENING, OPEN, begun, done);
        } else {
            lock(&self.tray).bell = None;
            self.state.store(REFUSED, Ordering::Release);
        }
    }

    /// Wakes, and by way of the reactor on a thread of the engine's own that was idle before.
    pub(crate) fn wake(&self, waker: Waker) {
        if !own_thread::is_awaited_asleep() || !self.is_open() {
            return wake(waker);
        }
        let mut tray = lock(&self.tray);
        let Some(bell) = &tray.bell else {
            drop(tray);
            return wake(waker);
        };
        let bell = tray.wakers.is_empty().then(|| Arc::clone(bell));
        tray.wakers.push(waker);
        drop(tray);
        // Outside the lock: who hears it comes for the tray at once.
        if let Some(bell) = bell {
            bell.ring();
        }
    }

    /// Wakes all whose wakers are here, on the calling thread, and returns how many that was.
    pub(crate) fn deliver(&self) -> usize {
        let bell = lock(&self.tray).bell.clone();
        if let Some(bell) = bell {
            bell.hush();
        }
        let mut wakers = {
            let mut tray = lock(&self.tray);
            let spare = std::mem::take(&mut tray.spare);
            std::mem::replace(&mut tray.wakers, spare)
        };
        let count = wakers.len();
        wakers.drain(..).for_each(wake);
        lock(&self.tray).spare = wakers;
        count
    }

    /// Nobody watches any more: wakes who is waiting, and from now on directly.
    pub(crate) fn close(&self) {
        // Before it counts as closed: whoever opens it again brings a bell of its own.
        lock(&self.tray).bell = None;
        self.state.store(CLOSED, Ordering::Release);
        self.deliver();
    }

    fn hang_bell(&self) -> io::Result<OwnedFd> {
        let bell = Bell::new()?;
        let descriptor = bell.as_fd().try_clone_to_owned()?;
        lock(&self.tray).bell = Some(Arc::new(bell));
        Ok(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::thread;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;
    use crate::testing::Count;

    /// Wakes so often on a thread of the engine's own that has just slept.
    fn wake_there(courier: &Courier, count: &Arc<Count>, times: usize) {
        thread::scope(|scope| {
            scope.spawn(|| {
                own_thread::woke_up();
                (0..times).for_each(|_| courier.wake(Arc::clone(count).into()));
            });
        });
    }

    fn opened(courier: &Courier) -> OwnedFd {
        let mut descriptor = None;
        courier.open(|watched| {
            descriptor = Some(watched);
            true
        });
        descriptor.expect("it was closed")
    }

    fn is_readable(descriptor: &OwnedFd) -> bool {
        let mut files = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
        poll(&mut files, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn what_own_threads_wake_waits_for_the_reactor() {
        let (courier, count) = (Courier::default(), Arc::new(Count::default()));
        let descriptor = opened(&courier);
        for times in [1, 40] {
            assert!(!is_readable(&descriptor));
            let before = count.now();
            wake_there(&courier, &count, times);
            assert!(is_readable(&descriptor));
            assert_eq!(count.now(), before);
            assert_eq!(courier.deliver(), times);
            assert_eq!(count.now(), before + times);
        }
        courier.wake(Arc::clone(&count).into());
        assert_eq!((count.now(), courier.deliver()), (42, 0), "this thread did not sleep");
    }

    #[test]
    fn nobody_is_forgotten_when_the_watch_ends() {
        let (courier, count) = (Courier::default(), Arc::new(Count::default()));
        let _descriptor = opened(&courier);
        wake_there(&courier, &count, 3);
        assert_eq!(count.now(), 0);
        courier.close();
        assert_eq!(count.now(), 3);
        wake_there(&courier, &count, 1);
        assert_eq!(count.now(), 4);
        let _descriptor = opened(&courier);
        wake_there(&courier, &count, 1);
        assert_eq!((count.now(), courier.deliver(), count.now()), (4, 1, 5));
    }

    #[test]
    fn where_nobody_watches_it_is_not_tried_again() {
        let (courier, count) = (Courier::default(), Arc::new(Count::default()));
        courier.open(|_| {
            courier.close();
            false
        });
        courier.open(|_| unreachable!("it was refused"));
        wake_there(&courier, &count, 1);
        assert_eq!(count.now(), 1);
    }

    #[test]
    fn a_watch_that_ends_at_once_leaves_it_closed() {
        let courier = Courier::default();
        courier.open(|_| {
            courier.close();
            true
        });
        assert!(!courier.is_open());
    }
}
