//! What the backend, its callers and its submitter thread share, and every way a request goes.
//!
//! One lock guards the books. It is never held across a system call, and never while a request
//! completes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::eventfd::EventFd;

use super::books::{Blocks, Books, Settled, Task};
use super::entry::{complete, finish};
use super::kernel::Kernel;
use super::submitter;
use crate::error::Error;
use crate::request::{Request, Token};
use crate::sync::lock;
use crate::sys::aio::{ControlBlock, Event};

/// How often a full queue is emptied and tried again before the thread has to wait for it.
const FULL_MAX: u32 = 3;

/// Events that are fetched in one system call.
const EVENTS_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Engine {
    kernel: Box<dyn Kernel>,
    eventfd: EventFd,
    books: Mutex<Books>,
    /// There is work for the submitter thread, or none will come any more.
    called: Condvar,
    resubmitted: AtomicU64,
    /// Requests that are out of the books and not answered yet. It grows under the books' lock.
    answering: AtomicUsize,
}

/// Who submits, which decides what may be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Submitter {
    Caller,
    Thread,
}

impl Engine {
    pub(super) fn new(
        kernel: Box<dyn Kernel>,
        eventfd: EventFd,
        requests_max: usize,
        knows_nowait: bool,
    ) -> Self {
        let books = Books::new(requests_max, eventfd.as_raw_fd(), knows_nowait);
        Self {
            kernel,
            eventfd,
            books: Mutex::new(books),
            called: Condvar::new(),
            resubmitted: AtomicU64::new(0),
            answering: AtomicUsize::new(0),
        }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }

    pub(super) fn resubmitted(&self) -> u64 {
        self.resubmitted.load(Ordering::Relaxed)
    }

    /// Takes what fits from the front of the batch. Returns whether the kernel got any of it.
    pub(super) fn take(self: &Arc<Self>, batch: &mut [Option<Request>]) -> Result<bool, Error> {
        let (mut from, mut any) = (0, false);
        loop {
            let mut intake = lock(&self.books).take(&mut batch[from..])?;
            from += intake.looked_at;
            any |= intake.lined_up || !intake.at_once.as_mut().is_empty();
            for (request, error) in intake.refused.drain(..) {
                complete(request, Err(error));
            }
            if intake.lined_up {
                self.call_submitter();
            }
            self.send(intake.at_once.as_mut(), Submitter::Caller);
            if !intake.unfinished {
                return Ok(any);
            }
        }
    }

    /// Submits all of the blocks, or answers them, or lines them up. A block that the kernel
    /// refuses is answered with its own error, and the others go on.
    #[allow(unsafe_code)]
    pub(super) fn send(self: &Arc<Self>, mut blocks: &mut [ControlBlock], submitter: Submitter) {
        let mut full = 0;
        while let Some(first) = blocks.first() {
            let first = *first;
            // SAFETY: each block's memory belongs to the entry under its token, which stays in
            // the store until the event has come; and where it never comes, the store is leaked.
            let sent = match unsafe { self.kernel.submit(blocks) } {
                Ok(0) => Err(io::Error::from_raw_os_error(libc::EAGAIN)),
                sent => sent,
            };
            let done = match sent.map_err(|error| (error.raw_os_error(), error)) {
                Ok(count) => count,
                Err((Some(libc::EINTR), _)) => 0,
                Err((Some(libc::EAGAIN), error)) if submitter == Submitter::Thread => {
                    full += 1;
                    self.wait_for_room(first, full, error)
                }
                Err((Some(libc::EAGAIN), _)) => {
                    full += 1;
                    self.drain(Duration::ZERO);
                    if full > FULL_MAX {
                        return self.line_up(blocks);
                    }
                    0
                }
                Err((Some(libc::EOPNOTSUPP), _)) if first.is_nowait() => {
                    self.answer(first.data(), -i64::from(libc::EOPNOTSUPP));
                    1
                }
                Err((_, error)) => {
                    self.fail(Token(first.data()), error);
                    1
                }
            };
            if done > 0 {
                full = 0;
            }
            let done = done.min(blocks.len());
            blocks = &mut blocks[done..];
        }
    }

    /// The queue is full although all in flight have a place in it: some have ended and nobody
    /// has fetched their events. Returns how many blocks are settled: this one, where there has
    /// been no room for long.
    fn wait_for_room(self: &Arc<Self>, first: ControlBlock, full: u32, error: io::Error) -> usize {
        const WAIT: Duration = Duration::from_millis(10);
        const WAITS_MAX: u32 = 500;
        if full < WAITS_MAX {
            self.drain(WAIT);
            return 0;
        }
        self.fail(Token(first.data()), error);
        1
    }

    /// Hands blocks to the submitter thread, where they may wait for room.
    fn line_up(self: &Arc<Self>, blocks: &[ControlBlock]) {
        lock(&self.books).line_up(blocks);
        self.call_submitter();
    }

    /// Answers what the kernel has finished; waits at most `wait` for the first. Returns how many
    /// requests were completed.
    pub(super) fn drain(self: &Arc<Self>, wait: Duration) -> usize {
        let mut events = [Event::default(); EVENTS_MAX];
        let (mut completed, mut wait) = (0, wait);
        loop {
            let count = match self.kernel.events(&mut events, wait) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    // The queue is not ours any more (after a fork): who waits still has to wait.
                    thread::sleep(wait);
                    0
                }
            };
            for event in &events[..count] {
                completed += usize::from(self.answer(event.data, event.result));
            }
            if count < EVENTS_MAX {
                return completed;
            }
            wait = Duration::ZERO;
        }
    }

    /// As [`drain`](Self::drain) without waiting, with the eventfd reset before: what ends later
    /// makes it readable again.
    pub(super) fn reap(self: &Arc<Self>) -> usize {
        // EAGAIN: it was reset already. What has ended is fetched regardless.
        let _ = self.eventfd.read();
        self.drain(Duration::ZERO)
    }

    /// Settles one event. Returns whether a request was completed; one that would have made its
    /// submitter wait is lined up for the thread instead.
    fn answer(self: &Arc<Self>, data: u64, result: i64) -> bool {
        let mut books = lock(&self.books);
        let settled = books.settle(Token(data), result);
        if matches!(settled, Settled::Finished(_)) {
            self.answering.fetch_add(1, Ordering::Relaxed);
        }
        drop(books);
        match settled {
            Settled::Finished(request) => {
                finish(request, result);
                self.answering.fetch_sub(1, Ordering::Release);
                true
            }
            Settled::LinedUp => {
                self.resubmitted.fetch_add(1, Ordering::Relaxed);
                self.call_submitter();
                false
            }
            Settled::Unknown => false,
        }
    }

    fn fail(&self, token: Token, error: io::Error) {
        let entry = lock(&self.books).remove(token);
        if let Some(entry) = entry {
            entry.fail(error);
        }
    }

    /// Takes nothing more, and waits until nothing is in flight or the deadline. Returns how many
    /// requests are left.
    pub(super) fn shutdown(self: &Arc<Self>, deadline: Instant) -> usize {
        // Whoever else reaps may fetch the event that this waits for, so it looks again.
        const WAIT_MAX: Duration = Duration::from_millis(10);
        lock(&self.books).close();
        loop {
            self.drain(Duration::ZERO);
            let books = lock(&self.books);
            let left = books.held() + self.answering.load(Ordering::Acquire);
            drop(books);
            let wait = deadline.saturating_duration_since(Instant::now()).min(WAIT_MAX);
            if left == 0 || wait.is_zero() {
                return left;
            }
            self.drain(wait);
        }
    }

    /// The backend is gone. The submitter thread answers what is in flight, frees it and gives the
    /// queue back, which takes the kernel tens of milliseconds even when it is idle: never on the
    /// thread that drops.
    pub(super) fn retire(self: &Arc<Self>) {
        let idle = lock(&self.books).retire();
        if !self.call_submitter() && !idle {
            // No thread to be had: what the kernel may still write to is never freed.
            std::mem::forget(Arc::clone(self));
        }
    }

    /// Wakes the submitter thread, or starts it. Where it cannot be started, what waits for it is
    /// answered with the reason. Returns whether it runs.
    fn call_submitter(self: &Arc<Self>) -> bool {
        let runs = lock(&self.books).submitter_runs(true);
        if runs {
            self.called.notify_one();
            return true;
        }
        let Err(error) = submitter::start(Arc::clone(self)) else { return true };
        let orphans = {
            let mut books = lock(&self.books);
            books.submitter_runs(false);
            books.clear_line()
        };
        for orphan in orphans {
            orphan.fail(io::Error::new(error.kind(), error.to_string()));
        }
        false
    }

    /// The next task of the submitter thread; waits for it. What is to be submitted is put into
    /// `blocks`.
    pub(super) fn next_task(&self, blocks: &mut Blocks) -> Task {
        let mut books = lock(&self.books);
        loop {
            if let Some(task) = books.next_task(blocks) {
                return task;
            }
            books = self.called.wait(books).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
