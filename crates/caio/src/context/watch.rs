//! Who waits for completions: the runtime's reactor where there is one, else a thread.

use std::fmt;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Inner;
use crate::backend::{Backend, Lanes};
use crate::runtime::{Runtime, Source, Watch};
use crate::sync::lock;
use crate::sys::bell::Bell;

/// In the place of a lane's number: no lane has it.
const COURIER: usize = Lanes::MAX;
const BELL: usize = Lanes::MAX + 1;

/// The watches of one context, a lane each, the courier's, and that of the bell for rounds.
pub(super) struct Watches {
    watched: [AtomicBool; Lanes::MAX],
    kept: Mutex<Vec<(usize, Watch)>>,
}

impl Watches {
    /// Sees to it that somebody waits on each of these lanes.
    pub(super) fn ensure(
        &self,
        lanes: Lanes,
        backend: &Arc<dyn Backend>,
        context: &Arc<Inner>,
        runtime: &dyn Runtime,
    ) {
        for lane in lanes.iter() {
            if !self.watched[lane].load(Ordering::Acquire)
                && !self.watched[lane].swap(true, Ordering::AcqRel)
                && !self.start(lane, backend, context, runtime)
                && !patrol(lane, backend, context)
            {
                // At a limit of threads the next submission tries again.
                self.watched[lane].store(false, Ordering::Release);
            }
        }
    }

    /// Keeps the watch of the courier as long as the context. Returns whether there is one.
    pub(super) fn keep_courier(&self, watch: Option<Watch>) -> bool {
        self.keep(COURIER, watch)
    }

    /// The same for the bell that moves rounds of completions on.
    pub(super) fn keep_bell(&self, watch: Option<Watch>) -> bool {
        self.keep(BELL, watch)
    }

    fn keep(&self, place: usize, watch: Option<Watch>) -> bool {
        // That of an earlier runtime has ended.
        self.let_go(place);
        let is_kept = watch.is_some();
        lock(&self.kept).extend(watch.map(|watch| (place, watch)));
        is_kept
    }

    /// Leaves everything as it is, for a forked child: what the watches hold is the parent's, too.
    pub(super) fn forget(&mut self) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        std::mem::forget(std::mem::take(kept));
    }

    /// Notes that the watch of a lane is over, because the runtime that kept it has gone.
    pub(super) fn ended(&self, lane: usize) {
        self.let_go(lane);
        self.unwatched(lane);
    }

    /// Drops what is kept for a lane, the courier or the bell, outside the lock.
    fn let_go(&self, lane: usize) {
        let ended: Vec<_> = lock(&self.kept).extract_if(.., |(kept, _)| *kept == lane).collect();
        drop(ended);
    }

    fn unwatched(&self, lane: usize) {
        self.watched[lane].store(false, Ordering::Release);
    }

    /// Takes the lane back, unless somebody else watches it by now.
    fn watch_again(&self, lane: usize) -> bool {
        !self.watched[lane].swap(true, Ordering::AcqRel)
    }

    fn start(
        &self,
        lane: usize,
        backend: &Arc<dyn Backend>,
        context: &Arc<Inner>,
        runtime: &dyn Runtime,
    ) -> bool {
        let Some(descriptor) = backend.descriptor(lane) else { return false };
        let Ok(descriptor) = descriptor.try_clone_to_owned() else { return false };
        let source =
            Source::new(descriptor, lane, Arc::downgrade(backend), Arc::downgrade(context));
        let watch = match runtime.watch(source) {
            Ok(watch) => {
                context.open_rounds(runtime);
                Some(watch)
            }
            Err(source) => reaper(source),
        };
        let started = watch.is_some();
        lock(&self.kept).extend(watch.map(|watch| (lane, watch)));
        started
    }
}

impl Default for Watches {
    fn default() -> Self {
        Self { watched: [const { AtomicBool::new(false) }; Lanes::MAX], kept: Mutex::default() }
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lanes = self.watched.iter().filter(|lane| lane.load(Ordering::Relaxed)).count();
        write!(f, "Watches({lanes} lanes)")
    }
}

/// Starts a thread that waits for the source until the watch is dropped; `None` when no thread or
/// descriptor can be had.
fn reaper(source: Source) -> Option<Watch> {
    let stop = Arc::new(Bell::new().ok()?);
    let signal = Stop(Arc::clone(&stop));
    thread::Builder::new()
        .name("caio-reaper".to_owned())
        .stack_size(128 * 1024)
        .spawn(move || reap_until(&source, &stop))
        .ok()?;
    Some(Box::new(signal))
}

fn reap_until(source: &Source, stop: &Bell) {
    loop {
        let mut watched = [
            PollFd::new(source.as_fd(), PollFlags::POLLIN),
            PollFd::new(stop.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR | Errno::EAGAIN | Errno::ENOMEM) => {}
            Err(_) => return,
        }
        let stopped = watched[1].any().unwrap_or(true);
        source.reap_at_once();
        if stopped {
            return;
        }
    }
}

/// How often a patrol looks after its lane, where nothing tells it when to.
const PATROL: Duration = Duration::from_millis(1);

/// Starts a thread that looks after a lane every millisecond, for want of a descriptor to wait
/// with, until nothing is in flight. The next submission then tries for a proper watch again.
fn patrol(lane: usize, backend: &Arc<dyn Backend>, context: &Arc<Inner>) -> bool {
    if backend.descriptor(lane).is_none() {
        return false;
    }
    let (backend, context) = (Arc::downgrade(backend), Arc::downgrade(context));
    let rounds = move || loop {
        thread::sleep(PATROL);
        let (Some(backend), Some(context)) = (backend.upgrade(), context.upgrade()) else { return };
        context.collect_at_once(&*backend, lane);
        if context.requests_in_flight() == 0 {
            context.watches.unwatched(lane);
            // One that was submitted just before counts on this patrol.
            if context.requests_in_flight() == 0 || !context.watches.watch_again(lane) {
                return;
            }
        }
    };
    thread::Builder::new().name("caio-patrol".to_owned()).spawn(rounds).is_ok()
}

struct Stop(Arc<Bell>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// How long the operations of a dropped context are waited for before they are leaked.
const DRAIN: Duration = Duration::from_secs(60);

/// What a context leaves behind when it is dropped with operations in flight: its backends are
/// kept until these have ended, on a thread, since no executor's thread may wait for them. What
/// does not end in time is leaked: the kernel may still write into its buffers.
pub(super) fn bury(backends: Vec<Arc<dyn Backend>>) {
    let grave = Arc::new(Mutex::new(backends));
    let theirs = Arc::clone(&grave);
    let drain = move || {
        for backend in std::mem::take(&mut *lock(&theirs)) {
            if backend.shutdown(Instant::now() + DRAIN) > 0 {
                std::mem::forget(backend);
            }
        }
    };
    if thread::Builder::new().name("caio-drain".to_owned()).spawn(drain).is_err() {
        lock(&grave).drain(..).for_each(std::mem::forget);
    }
}
