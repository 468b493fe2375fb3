//! The pure-Rust thread pool, `rust`: std threads, one bounded channel, no `unsafe`.
//!
//! It needs nothing of the kernel that std does not offer, so it works wherever a program runs:
//! no ring, no event descriptor, no system call that a sandbox might know by name. Its threads are
//! called and kept awake as those of the pthread pool are (`crew.rs`, `vigil.rs`).
#![forbid(unsafe_code)]

use std::os::fd::BorrowedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::crew::{Crew, Remaining, Rest, Wake};
use super::held::Held;
use super::lookout::Lookout;
use super::perform::perform;
use super::pool_options::PoolOptions;
use super::serve::{Service, answer, copy};
use super::streams::Streams;
use super::vigil::Vigil;
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
/// wait for a device. A batch costs the caller a push into the channel for each operation,
/// one section under a mutex and at most one futex call.
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

/// What the pool and its threads share.
#[derive(Debug)]
struct Staff {
    jobs: Receiver<Request>,
    service: Service,
    lookout: Arc<Lookout>,
    crew: Mutex<Crew>,
    /// What sleeping threads wait for.
    call: Condvar,
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
            crew: Mutex::new(Crew::new(options)),
            call: Condvar::new(),
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
        self.staff.call(lock(&self.staff.crew));
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

impl Drop for ThreadPool {
    fn drop(&mut self) {
        lock(&self.staff.crew).close();
        self.staff.call.notify_all();
    }
}

impl Staff {
    /// Lets the crew go and gets those moving who have to come for what is in the channel.
    fn call(self: &Arc<Self>, mut crew: MutexGuard<'_, Crew>) {
        let wake = crew.wake(!self.jobs.is_empty(), || self.service.pace.is_waiting());
        drop(crew);
        match wake {
            Wake::Nobody => {}
            Wake::Later => self.look_out(),
            Wake::Sleeper => self.call.notify_one(),
            Wake::Newcomer(number) => self.start(number),
        }
    }

    /// Sees to it that requests do not wait for threads that never come back.
    fn look_out(self: &Arc<Self>) {
        self.lookout.ensure(self, |staff| {
            staff.call(lock(&staff.crew));
            !staff.jobs.is_empty()
        });
    }

    /// Starts a thread. Where that fails, the pool goes on with the threads there are; where
    /// there is none, nobody would ever serve what waits, so that it fails for the same reason.
    fn start(self: &Arc<Self>, number: usize) {
        let staff = Arc::clone(self);
        let started = thread::Builder::new()
            .name(format!("{}-{number}", self.options.name))
            .stack_size(self.stack_bytes)
            .spawn(move || staff.work());
        let Err(error) = started else { return };
        let remaining = lock(&self.crew).do_without(!self.jobs.is_empty());
        match remaining {
            Remaining::Others => {}
            Remaining::Sleeper => self.call.notify_one(),
            Remaining::Nobody => {
                for request in self.jobs.try_iter() {
                    answer(request, Err(copy(&error)), &self.service.held);
                }
            }
        }
    }

    /// The life of one thread.
    fn work(self: Arc<Self>) {
        own_thread::begin();
        let mut vigil = Vigil::default();
        lock(&self.crew).arrive();
        loop {
            while let Ok(request) = self.jobs.try_recv() {
                self.service.pace.take();
                let others_wait = !self.jobs.is_empty();
                if others_wait {
                    self.call(lock(&self.crew));
                }
                self.service.serve(request, others_wait);
            }
            if !self.look(&mut vigil) {
                return;
            }
        }
    }

    /// Waits until there may be something in the channel; false when this thread is to end.
    fn look(&self, vigil: &mut Vigil) -> bool {
        let mut crew = lock(&self.crew);
        if let Some(others) = crew.look() {
            drop(crew);
            vigil.keep(others, || !self.jobs.is_empty());
            crew = lock(&self.crew);
            crew.arrive();
        }
        if !self.jobs.is_empty() {
            own_thread::found_work();
            return true;
        }
        if !crew.lie_down() {
            return false;
        }
        let mut limit = Some(self.options.idle_timeout());
        loop {
            let timed_out;
            (crew, timed_out) = match limit {
                Some(limit) => {
                    let slept = self.call.wait_timeout(crew, limit);
                    let (crew, slept) = slept.unwrap_or_else(PoisonError::into_inner);
                    (crew, slept.timed_out())
                }
                None => (self.call.wait(crew).unwrap_or_else(PoisonError::into_inner), false),
            };
            match crew.rest(timed_out) {
                Rest::Over => {
                    own_thread::woke_up();
                    return true;
                }
                Rest::Retired => return false,
                Rest::Goes => {}
                Rest::Stays => limit = None,
            }
        }
    }
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
