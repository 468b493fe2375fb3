//! Who reaps the completions of a backend: a task of each runtime that has a future waiting, and a
//! thread of the engine where there is no runtime, or none that is driven.
//!
//! A runtime watches every queue that is in use once a future is pending there, so that it depends
//! on no other runtime. The thread runs while requests are in flight. It waits for the queues that
//! a future outside of any runtime depends on, and looks after all others from time to time: an
//! answer that lies ready for longer than that is reaped by it, whatever keeps the runtime from
//! doing so.

#[cfg(all(test, caio_loom))]
mod models;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::Inner;
use super::poll_thread::poll_thread;
use crate::backend::QueueId;
use crate::config::Reactor;
use crate::pending_count::PendingCount;
use crate::runtime::{Registration, Watch};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, lock, planted, thread};
use crate::sys::notifier::Notifier;

/// Runtimes whose watches are found without a lock.
const RUNTIMES: usize = 8;

/// The watches of one context.
pub(super) struct Driver {
    reactor: Reactor,
    /// A bit for each queue that has ever had a request.
    in_use: AtomicU64,
    /// A bit for each queue that the thread waits for.
    by_thread: AtomicU64,
    runtimes: [Slot; RUNTIMES],
    watches: Mutex<Vec<Watched>>,
    last_watch: AtomicU64,
    /// Whether the thread runs, or is about to start.
    thread_runs: AtomicBool,
    notifier: Mutex<Option<Arc<Notifier>>>,
}

/// Which queues one runtime need not be asked for any more. Changed under the lock of the watches,
/// and read without it.
#[derive(Debug, Default)]
struct Slot {
    /// 0 while the slot is free.
    runtime: AtomicU64,
    queues: AtomicU64,
}

struct Watched {
    number: u64,
    runtime: u64,
    queue: usize,
    /// `None` until the runtime has given it.
    watch: Option<Watch>,
}

impl Driver {
    pub(super) fn new(reactor: Reactor) -> Self {
        Self {
            reactor,
            in_use: AtomicU64::new(0),
            by_thread: AtomicU64::new(0),
            runtimes: Default::default(),
            watches: Mutex::default(),
            last_watch: AtomicU64::new(0),
            thread_runs: AtomicBool::new(false),
            notifier: Mutex::default(),
        }
    }

    /// Notes that a request was queued there.
    #[inline]
    pub(super) fn uses(&self, queue: usize) {
        let bit = 1 << queue;
        if self.in_use.load(Ordering::Acquire) & bit == 0 {
            self.in_use.fetch_or(bit, Ordering::AcqRel);
        }
    }

    /// The queues that are in use.
    pub(super) fn queues(&self) -> impl Iterator<Item = QueueId> + use<> {
        bits(self.in_use.load(Ordering::Acquire)).map(QueueId)
    }

    /// Leaves everything as it is, for a forked child: what the watches hold is the parent's, too.
    pub(super) fn forget(&self) {
        std::mem::forget(std::mem::take(&mut *lock(&self.watches)));
    }

    /// Ends the watches and the thread.
    pub(super) fn end(&self) {
        drop(std::mem::take(&mut *lock(&self.watches)));
        lock(&self.notifier).iter().for_each(|notifier| notifier.notify());
    }

    /// The queues that are in use, and those of them that the thread waits for, as bits.
    pub(super) fn of_thread(&self) -> (u64, u64) {
        let by_thread = self.by_thread.load(Ordering::Acquire);
        (self.in_use.load(Ordering::Acquire), by_thread)
    }

    fn covers(&self, runtime: u64, queues: u64) -> bool {
        self.runtimes.iter().any(|slot| slot.covers(runtime, queues))
    }

    /// Notes that a runtime is going to watch a queue, and returns the number of that watch; `None`
    /// where it does so already.
    fn begin_watch(&self, runtime: u64, queue: usize) -> Option<u64> {
        let mut watches = lock(&self.watches);
        if is_watched(&watches, runtime, queue) {
            self.cover(runtime, queue);
            return None;
        }
        let number = self.last_watch.fetch_add(1, Ordering::Relaxed);
        watches.push(Watched { number, runtime, queue, watch: None });
        Some(number)
    }

    /// Keeps the watch of that number; gives it back where the runtime has ended it meanwhile.
    fn keep_watch(&self, number: u64, watch: Watch) -> Result<(), Watch> {
        let mut watches = lock(&self.watches);
        let Some(begun) = watches.iter_mut().find(|watched| watched.number == number) else {
            return Err(watch);
        };
        begun.watch = Some(watch);
        let (runtime, queue) = (begun.runtime, begun.queue);
        self.cover(runtime, queue);
        Ok(())
    }

    /// The runtime cannot watch this queue, and is not asked again.
    fn refuse_watch(&self, number: u64, runtime: u64, queue: usize) {
        let mut watches = lock(&self.watches);
        watches.retain(|watched| watched.number != number);
        self.cover(runtime, queue);
    }

    /// Takes the watch of that number out, which has ended.
    fn end_watch(&self, number: u64) -> Option<Watched> {
        let mut watches = lock(&self.watches);
        let at = watches.iter().position(|watched| watched.number == number)?;
        let ended = watches.swap_remove(at);
        if !is_watched(&watches, ended.runtime, ended.queue) {
            self.uncover(ended.runtime, ended.queue);
        }
        Some(ended)
    }

    /// Notes that a runtime need not be asked for this queue again.
    fn cover(&self, runtime: u64, queue: usize) {
        let of = |number: u64| move |slot: &&Slot| slot.runtime.load(Ordering::Acquire) == number;
        if let Some(slot) = self.runtimes.iter().find(of(runtime)) {
            slot.queues.fetch_or(1 << queue, Ordering::AcqRel);
        } else if let Some(slot) = self.runtimes.iter().find(of(0)) {
            slot.queues.store(1 << queue, Ordering::Release);
            slot.runtime.store(runtime, Ordering::Release);
        }
    }

    fn uncover(&self, runtime: u64, queue: usize) {
        for slot in &self.runtimes {
            if slot.runtime.load(Ordering::Acquire) == runtime
                && slot.queues.fetch_and(!(1 << queue), Ordering::AcqRel) & !(1 << queue) == 0
            {
                slot.runtime.store(0, Ordering::Release);
            }
        }
    }

    /// Whether the caller is to start the thread, since it does not run.
    fn claim_thread(&self) -> bool {
        !self.thread_runs.load(Ordering::SeqCst) && !self.thread_runs.swap(true, Ordering::SeqCst)
    }

    /// Whether the thread may end: nothing is in flight. What comes in between starts it again.
    pub(super) fn thread_ends(&self, pending: &PendingCount) -> bool {
        self.thread_runs.store(false, Ordering::SeqCst);
        pending.count() == 0 || planted("driver_thread") || !self.claim_thread()
    }
}

impl Slot {
    fn covers(&self, runtime: u64, queues: u64) -> bool {
        let is_own = || self.runtime.load(Ordering::Acquire) == runtime;
        // The second look makes sure that it was not given to another runtime in between.
        is_own()
            && queues & !self.queues.load(Ordering::Acquire) == 0
            && (planted("driver_slot") || is_own())
    }
}

fn is_watched(watches: &[Watched], runtime: u64, queue: usize) -> bool {
    watches.iter().any(|watched| (watched.runtime, watched.queue) == (runtime, queue))
}

impl Inner {
    /// Sees to it that somebody reaps for a future that is pending on the calling thread.
    pub(super) fn wait_for_completions(self: &Arc<Self>) {
        if self.backend.capability().completes_by_itself {
            return;
        }
        let in_use = self.driver.in_use.load(Ordering::Acquire);
        match self.runtime.current().filter(|_| self.driver.reactor != Reactor::Never) {
            Some(runtime) if self.driver.covers(runtime, in_use) => {}
            Some(runtime) => self.watch(runtime, in_use),
            None => self.wait_by_thread(in_use),
        }
        if !planted("driver_handover") {
            self.ensure_thread();
        }
    }

    /// Has the runtime of the calling thread watch what it does not watch yet.
    fn watch(self: &Arc<Self>, runtime: u64, queues: u64) {
        for queue in bits(queues).filter(|queue| !self.driver.covers(runtime, 1 << queue)) {
            let Some(number) = self.driver.begin_watch(runtime, queue) else { continue };
            let registration = self.registration(number, queue).ok();
            // Without the lock, since a registration that is refused is dropped.
            let watch =
                registration.and_then(|one| self.runtime.watch(one, self.driver.reactor).ok());
            match watch.map(|watch| self.driver.keep_watch(number, watch)) {
                Some(Ok(())) => continue,
                // The runtime is about to end.
                Some(Err(ended)) => drop(ended),
                None => self.driver.refuse_watch(number, runtime, queue),
            }
            self.wait_by_thread(1 << queue);
        }
    }

    fn registration(self: &Arc<Self>, number: u64, queue: usize) -> io::Result<Registration> {
        let descriptor = self.descriptor(queue)?;
        let (reaped, ended) = (Arc::downgrade(self), Arc::downgrade(self));
        Ok(Registration::new(
            descriptor,
            move || reaped.upgrade().map_or(0, |context| context.collect(QueueId(queue))),
            move || ended.upgrade().into_iter().for_each(|context| context.unwatched(number)),
        ))
    }

    /// A copy of the queue's descriptor, which the queue may not outlive.
    pub(super) fn descriptor(&self, queue: usize) -> io::Result<OwnedFd> {
        let descriptor = self.backend.descriptor(QueueId(queue));
        descriptor.ok_or(io::ErrorKind::NotFound)?.try_clone_to_owned()
    }

    /// A runtime watches one queue no more, since the runtime is about to end.
    fn unwatched(self: &Arc<Self>, number: u64) {
        let Some(ended) = self.driver.end_watch(number) else { return };
        if self.pending.count() > 0 {
            self.wait_by_thread(1 << ended.queue);
            self.ensure_thread();
        }
    }

    fn wait_by_thread(&self, queues: u64) {
        if queues & !self.driver.by_thread.load(Ordering::Acquire) != 0 {
            self.driver.by_thread.fetch_or(queues, Ordering::AcqRel);
            lock(&self.driver.notifier).iter().for_each(|notifier| notifier.notify());
        }
    }

    fn ensure_thread(self: &Arc<Self>) {
        if !self.driver.claim_thread() {
            return;
        }
        let started = Notifier::new().map(Arc::new).and_then(|notifier| {
            *lock(&self.driver.notifier) = Some(Arc::clone(&notifier));
            let context = Arc::downgrade(self);
            thread::Builder::new()
                .name("caio-driver".to_owned())
                .stack_size(256 * 1024)
                .spawn(move || poll_thread(&context, &notifier))
        });
        if started.is_err() {
            // At a limit of threads or descriptors, the next future that waits tries again.
            self.driver.thread_runs.store(false, Ordering::SeqCst);
        }
    }
}

/// The numbers of the bits that are set.
pub(super) fn bits(mut rest: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = rest.trailing_zeros() as usize;
        rest &= rest.checked_sub(1)?;
        Some(bit)
    })
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("in_use", &self.in_use)
            .field("by_thread", &self.by_thread)
            .field("thread_runs", &self.thread_runs)
            .finish_non_exhaustive()
    }
}
