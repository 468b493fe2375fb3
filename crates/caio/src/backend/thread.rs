//! The pure-Rust thread pool, `rust`: std threads, one bounded channel, no `unsafe`.
//!
//! It needs nothing of the kernel that std does not offer, so it works wherever a program runs:
//! no ring, no event descriptor, no system call that a sandbox might know by name.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::held::Held;
use super::lookout::Lookout;
use super::perform::perform;
use super::pool_options::PoolOptions;
use super::serve::{Service, answer, copy};
use super::streams::Streams;
use super::{Backend, BackendKind, Lanes};
use crate::capability::Capability;
use crate::error::Result;
use crate::own_thread;
use crate::request::{Request, Token};
use crate::sync::lock;

/// Wakers run on these threads, so that they get more stack than the system calls need.
const STACK_BYTES: usize = 512 * 1024;

/// A pool of std threads that take requests from one channel.
///
/// Threads start when there is more to do than there are threads without work, and end when they
/// had nothing to do for a while. More than two for each processor start only where those at work
/// wait for a device. One operation costs the caller a push into the channel and, if a
/// thread sleeps, one futex call to wake it.
///
/// Dropping the pool blocks nowhere: what was accepted is still done, then the threads end.
///
/// ```
/// use caio::Backend;
/// use caio::backend::PoolOptions;
/// use caio::backend::thread::ThreadPool;
///
/// let pool = ThreadPool::open(&PoolOptions::default())?;
/// assert_eq!(pool.kind().name(), "rust");
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub struct ThreadPool {
    jobs: Sender<Request>,
    staff: Arc<Staff>,
    streams: Streams,
    capability: Capability,
}

/// What the pool and its threads share. It holds no sender: the channel closes with the pool.
#[derive(Debug)]
struct Staff {
    jobs: Receiver<Request>,
    service: Service,
    lookout: Arc<Lookout>,
    /// Threads that look for work, or are about to start and will.
    idle: AtomicUsize,
    /// Threads there are, or are about to start.
    threads: Mutex<usize>,
    options: PoolOptions,
    stack_bytes: usize,
}

impl ThreadPool {
    /// A pool within these bounds. It starts no thread before the first request.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the bounds are
    /// impossible.
    ///
    /// ```
    /// use caio::backend::{PoolOptions, thread::ThreadPool};
    ///
    /// let none = PoolOptions { threads_max: 0, ..PoolOptions::default() };
    /// let error = ThreadPool::open(&none).unwrap_err();
    /// assert_eq!(error.to_string(), "threads_max is 0 (from 1 to 4096)");
    /// ```
    pub fn open(options: &PoolOptions) -> Result<Self> {
        Self::with_stack(options, STACK_BYTES)
    }

    fn with_stack(options: &PoolOptions, stack_bytes: usize) -> Result<Self> {
        options.check()?;
        let (jobs, receiver) = bounded(options.queue_max);
        let held = Arc::new(Held::default());
        let streams = Streams::new(options, Arc::clone(&held));
        let staff = Staff {
            jobs: receiver,
            service: Service::new(perform, held),
            lookout: Arc::default(),
            idle: AtomicUsize::new(0),
            threads: Mutex::new(0),
            options: options.clone(),
            stack_bytes,
        };
        let capability = options.capability();
        Ok(Self { jobs, staff: Arc::new(staff), streams, capability })
    }
}

impl Backend for ThreadPool {
    fn kind(&self) -> BackendKind {
        BackendKind::Rust
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes> {
        self.staff.service.held.enter(batch.len())?;
        let mut taken = 0;
        for place in &mut *batch {
            let Some(request) = place.take() else { continue };
            let refused = if Streams::concerns(&request) {
                self.streams.submit(request)
            } else if let Some(request) =
                self.staff.service.join(request, !self.staff.jobs.is_empty())
            {
                self.jobs.try_send(request).err().map(TrySendError::into_inner)
            } else {
                None
            };
            if refused.is_some() {
                *place = refused;
                break;
            }
            taken += 1;
        }
        self.staff.service.held.leave(batch.len() - taken);
        self.staff.grow();
        Ok(Lanes::NONE)
    }

    /// Only a request that waits for a stream has to be told; one that no thread has begun is
    /// found unwanted when its turn comes.
    fn cancel(&self, token: Token) {
        self.streams.cancel(token);
    }

    fn reap(&self, _lane: usize) -> usize {
        0
    }

    fn descriptor(&self, _lane: usize) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        self.staff.service.held.close();
        self.streams.shut_down(deadline)
    }
}

impl Staff {
    /// Starts threads while more requests wait than threads look for one: those that may be at work
    /// in any case at once, one more at a time.
    ///
    /// Whoever makes that so calls this after it: the pool after it has queued a request, a
    /// thread after it has stopped looking.
    fn grow(self: &Arc<Self>) {
        fence(Ordering::SeqCst);
        while self.jobs.len() > self.idle.load(Ordering::SeqCst) {
            let number = match self.hire() {
                Hire::New(number) => number,
                Hire::Later => return self.look_out(),
                Hire::Never => return,
            };
            let staff = Arc::clone(self);
            let started = thread::Builder::new()
                .name(format!("{}-{number}", self.options.name))
                .stack_size(self.stack_bytes)
                .spawn(move || staff.work());
            if let Err(error) = started {
                self.do_without(&error);
                return;
            }
            if number >= self.options.threads_at_once() {
                return;
            }
        }
    }

    /// Counts a new thread in, unless there are enough.
    fn hire(&self) -> Hire {
        let mut threads = lock(&self.threads);
        if *threads == self.options.threads_max {
            return Hire::Never;
        }
        let enough = *threads >= self.options.threads_at_once();
        if enough && !self.service.pace.is_waiting() {
            return Hire::Later;
        }
        let number = *threads;
        *threads += 1;
        self.idle.fetch_add(1, Ordering::SeqCst);
        Hire::New(number)
    }

    /// Sees to it that requests do not wait for threads that never come back.
    fn look_out(self: &Arc<Self>) {
        self.lookout.ensure(self, |staff| {
            staff.grow();
            !staff.jobs.is_empty()
        });
    }

    /// Goes on with the threads there are. Where there is none, nobody would ever serve what
    /// waits, so that it fails with what kept the thread from starting.
    fn do_without(&self, error: &io::Error) {
        let mut threads = lock(&self.threads);
        self.idle.fetch_sub(1, Ordering::SeqCst);
        *threads -= 1;
        let alone = *threads == 0;
        drop(threads);
        if alone {
            for request in self.jobs.try_iter() {
                answer(request, Err(copy(error)), &self.service.held);
            }
        }
    }

    /// The life of one thread. It begins and ends as one that looks for work.
    fn work(self: Arc<Self>) {
        own_thread::begin();
        while let Some(first) = self.look() {
            self.idle.fetch_sub(1, Ordering::SeqCst);
            self.grow();
            own_thread::woke_up();
            let mut next = Some(first);
            while let Some(request) = next {
                self.service.pace.take();
                let others_wait = !self.jobs.is_empty();
                self.service.serve(request, others_wait);
                if others_wait {
                    self.grow();
                }
                next = self.jobs.try_recv().ok();
            }
            self.idle.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits for a request; `None` when this thread is to end.
    fn look(&self) -> Option<Request> {
        loop {
            match self.jobs.recv_timeout(self.options.idle_timeout()) {
                Ok(request) => return Some(request),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => match self.dismiss() {
                    Dismissal::Gone => return None,
                    Dismissal::Wanted => {}
                    Dismissal::Staying => return self.jobs.recv().ok(),
                },
            }
        }
    }

    /// Counts this thread out, if it is one too many and no request came in between. A request
    /// that comes later finds one thread fewer and starts another.
    fn dismiss(&self) -> Dismissal {
        let mut threads = lock(&self.threads);
        if *threads <= self.options.threads_min {
            return Dismissal::Staying;
        }
        self.idle.fetch_sub(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.jobs.is_empty() {
            self.idle.fetch_add(1, Ordering::SeqCst);
            return Dismissal::Wanted;
        }
        *threads -= 1;
        Dismissal::Gone
    }
}

/// Whether there is to be another thread.
enum Hire {
    /// One of this number.
    New(usize),
    /// Not unless those at work turn out to wait.
    Later,
    /// There are as many as there may be.
    Never,
}

/// What becomes of a thread that had nothing to do for the idle time.
enum Dismissal {
    /// It is counted out and ends.
    Gone,
    /// A request has just come.
    Wanted,
    /// It is one of those that stay, and needs no clock any more.
    Staying,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::pool_tests::{self, stamp};

    fn open(options: &PoolOptions) -> Arc<dyn Backend> {
        Arc::new(ThreadPool::open(options).unwrap())
    }

    stamp!(open);

    #[test]
    fn where_no_thread_can_start_requests_fail_with_the_reason() {
        let pool = ThreadPool::with_stack(&PoolOptions::default(), 1 << 60).unwrap();
        pool_tests::no_thread_can_start(&pool);
    }
}
