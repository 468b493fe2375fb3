//! The thread that reaps where no runtime does.
//!
//! It waits in poll(2) for the queues that a future outside of any runtime depends on. The queues
//! that runtimes watch it only looks after: a blocked worker, a nested `block_on` or a runtime that
//! is not driven may keep a reactor from reaping an answer that lies ready.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Weak;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout};

use super::Inner;
use super::driver::bits;
use crate::backend::QueueId;
use crate::sync::{now, poll};
use crate::sys::notifier::Notifier;
use crate::worker_thread::block_signals;

/// How often it looks after all queues. What is ready at two looks in a row is reaped, so that an
/// answer waits for at most twice as long in a runtime that is not driven.
const LOOK: Duration = Duration::from_millis(20);

/// So many looks without anything in flight, and the thread ends.
const IDLE_LOOKS: u32 = 50;

/// One queue of the backend.
struct Queue {
    number: usize,
    /// `None` where there is no descriptor to be had: then it is reaped at each look.
    descriptor: Option<OwnedFd>,
    /// Whether a future outside of any runtime depends on it.
    waits: bool,
    was_ready: bool,
}

/// The life of the thread.
pub(super) fn poll_thread(context: &Weak<Inner>, notifier: &Notifier) {
    block_signals();
    let mut queues: Vec<Queue> = Vec::new();
    let (mut look_at, mut idle) = (now(), 0);
    loop {
        reap_until(look_at, context, notifier, &queues);
        notifier.clear();
        let Some(context) = context.upgrade() else { return };
        update(&mut queues, &context);
        if now() < look_at {
            continue;
        }
        queues.iter_mut().for_each(|queue| queue.look(&context));
        idle = if context.pending.count() == 0 { idle + 1 } else { 0 };
        if idle >= IDLE_LOOKS && context.driver.thread_ends(&context.pending) {
            return;
        }
        look_at = now() + LOOK;
    }
}

/// Reaps the queues that futures depend on, until a notification or the next look.
fn reap_until(look_at: Instant, context: &Weak<Inner>, notifier: &Notifier, queues: &[Queue]) {
    let waited = queues.iter().filter(|queue| queue.waits);
    let waited = waited.filter_map(|queue| Some((queue.number, queue.descriptor.as_ref()?)));
    let waited: Vec<_> = waited.collect();
    let mut files = vec![PollFd::new(notifier.as_fd(), PollFlags::POLLIN)];
    files.extend(waited.iter().map(|(_, own)| PollFd::new(own.as_fd(), PollFlags::POLLIN)));
    loop {
        // Rounded up, so that the last fraction of a millisecond is not spent in a busy loop.
        let left = look_at.saturating_duration_since(now()) + Duration::from_micros(999);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        if poll(&mut files, timeout).is_err() {
            // An interruption, or no memory: the caller looks after all of them in time.
            return;
        }
        let Some(context) = context.upgrade() else { return };
        let is_ready = |file: &PollFd<'_>| file.any().unwrap_or(true);
        for ((queue, _), _) in waited.iter().zip(&files[1..]).filter(|(_, file)| is_ready(file)) {
            context.collect(QueueId(*queue));
        }
        if is_ready(&files[0]) || now() >= look_at {
            return;
        }
    }
}

/// Adds queues that have come into use, and notes which of them futures depend on.
fn update(queues: &mut Vec<Queue>, context: &Inner) {
    let (in_use, by_thread) = context.driver.of_thread();
    for number in bits(in_use) {
        let waits = by_thread & 1 << number != 0;
        match queues.iter_mut().find(|queue| queue.number == number) {
            Some(queue) => queue.waits = waits,
            None => {
                let descriptor = context.descriptor(number).ok();
                queues.push(Queue { number, descriptor, waits, was_ready: false });
            }
        }
    }
}

impl Queue {
    /// Reaps what has lain ready since the last look, and has the backend try again what the kernel
    /// did not take.
    fn look(&mut self, context: &std::sync::Arc<Inner>) {
        let queue = QueueId(self.number);
        context.backend.commit(queue);
        let is_ready = self.descriptor.as_ref().is_none_or(|own| {
            let mut files = [PollFd::new(own.as_fd(), PollFlags::POLLIN)];
            !matches!(poll(&mut files, PollTimeout::ZERO), Ok(0))
        });
        if is_ready && (self.was_ready || self.waits || self.descriptor.is_none()) {
            context.collect(queue);
        }
        self.was_ready = is_ready;
    }
}
