//! The pthread pool, `thread`, built as a C program builds one: detached threads, one bounded ring
//! of requests, one mutex, one condition variable, and the plain system calls.
//!
//! Beyond the textbook it counts who looks for work (`crew.rs`), so that many requests at once cost
//! few wake-ups, and keeps a thread awake while the next request is about to come (`vigil.rs`).

mod perform;
mod queue;

use std::ffi::CString;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use self::perform::perform;
use self::queue::Queue;
use super::crew::{Remaining, Rest, Wake};
use super::held::Held;
use super::lookout::Lookout;
use super::pool_options::PoolOptions;
use super::serve::{Service, answer, copy};
use super::streams::Streams;
use super::vigil::Vigil;
use super::{Backend, BackendKind, Lanes};
use crate::capability::Capability;
use crate::error::Result;
use crate::own_thread;
use crate::request::{Request, Token};
use crate::sys::pthread::{Locked, Monitor, spawn};

/// Wakers run on these threads, so that they get more stack than the system calls need.
const STACK_BYTES: usize = 512 * 1024;

/// A pool of pthreads that take requests from one ring.
///
/// Threads start when there is more to do than there are threads without work, and end when they
/// had nothing to do for a while. More than two for each processor start only where those at work
/// wait for a device. A batch costs the caller one section under the mutex and at most
/// one futex call.
///
/// Dropping the pool blocks nowhere: what was accepted is still done, then the threads end.
///
/// ```
/// use caio::Backend;
/// use caio::backend::PoolOptions;
/// use caio::backend::pthread::PthreadPool;
///
/// let pool = PthreadPool::open(&PoolOptions::default())?;
/// assert_eq!(pool.kind().name(), "thread");
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub struct PthreadPool {
    staff: Arc<Staff>,
    streams: Streams,
    capability: Capability,
}

/// What the pool and its threads share.
#[derive(Debug)]
struct Staff {
    queue: Monitor<Queue>,
    /// How many requests are in the ring, for looking without the mutex.
    waiting: AtomicUsize,
    service: Service,
    lookout: Arc<Lookout>,
    options: PoolOptions,
    stack_bytes: usize,
}

impl PthreadPool {
    /// A pool within these bounds. It starts no thread before the first request.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the bounds are
    /// impossible, or the system's answer where it has no mutex for us.
    ///
    /// ```
    /// use caio::backend::{PoolOptions, pthread::PthreadPool};
    ///
    /// let none = PoolOptions { threads_max: 0, ..PoolOptions::default() };
    /// let error = PthreadPool::open(&none).unwrap_err();
    /// assert_eq!(error.to_string(), "threads_max is 0 (from 1 to 4096)");
    /// ```
    pub fn open(options: &PoolOptions) -> Result<Self> {
        Self::with_stack(options, STACK_BYTES)
    }

    fn with_stack(options: &PoolOptions, stack_bytes: usize) -> Result<Self> {
        options.check()?;
        let held = Arc::new(Held::default());
        let streams = Streams::new(options, Arc::clone(&held));
        let queue = Queue::new(options);
        let staff = Arc::new(Staff {
            queue: Monitor::new(queue)?,
            waiting: AtomicUsize::new(0),
            service: Service::new(perform, held),
            lookout: Arc::default(),
            options: options.clone(),
            stack_bytes,
        });
        let capability = options.capability();
        Ok(Self { staff, streams, capability })
    }
}

impl Backend for PthreadPool {
    fn kind(&self) -> BackendKind {
        BackendKind::Thread
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes> {
        let staff = &self.staff;
        staff.service.held.enter(batch.len())?;
        let (mut taken, mut queued) = (0, false);
        let mut queue = None;
        for place in &mut *batch {
            let Some(request) = place.take() else { continue };
            let refused = if Streams::concerns(&request) {
                // It may complete at once, which no lock may be held for.
                queue = None;
                self.streams.submit(request)
            } else if let Some(request) =
                staff.service.join(request, staff.waiting.load(Ordering::Acquire) > 0)
            {
                queued = true;
                queue.get_or_insert_with(|| staff.queue.lock()).push(request)
            } else {
                None
            };
            if refused.is_some() {
                *place = refused;
                break;
            }
            taken += 1;
        }
        if queued {
            let queue = queue.unwrap_or_else(|| staff.queue.lock());
            staff.call(queue);
        }
        staff.service.held.leave(batch.len() - taken);
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

impl Drop for PthreadPool {
    fn drop(&mut self) {
        self.staff.queue.lock().crew.close();
        self.staff.queue.broadcast();
    }
}

impl Staff {
    /// Lets the queue go and gets those moving who have to come for what is in it.
    fn call(self: &Arc<Self>, mut queue: Locked<'_, Queue>) {
        self.waiting.store(queue.len(), Ordering::Release);
        let wake = queue.wake(|| self.service.pace.is_waiting());
        drop(queue);
        match wake {
            Wake::Nobody => {}
            Wake::Later => self.look_out(),
            Wake::Sleeper => self.queue.signal(),
            Wake::Newcomer(number) => self.start(number),
        }
    }

    /// Sees to it that requests do not wait for threads that never come back.
    fn look_out(self: &Arc<Self>) {
        self.lookout.ensure(self, |staff| {
            let queue = staff.queue.lock();
            let requests_wait = queue.len() > 0;
            staff.call(queue);
            requests_wait
        });
    }

    /// Starts a thread. Where that fails, the pool goes on with the threads there are; where
    /// there is none, nobody would ever serve what waits, so that it fails for the same reason.
    fn start(self: &Arc<Self>, number: usize) {
        let staff = Arc::clone(self);
        let name = CString::new(format!("{}-{number}", self.options.name))
            .expect("the options refuse a name with NUL");
        let Err(error) = spawn(&name, self.stack_bytes, Box::new(move || staff.work())) else {
            return;
        };
        let mut queue = self.queue.lock();
        let (remaining, stranded) = queue.do_without();
        drop(queue);
        if remaining == Remaining::Sleeper {
            self.queue.signal();
        }
        for request in stranded {
            answer(request, Err(copy(&error)), &self.service.held);
        }
    }

    /// The life of one thread.
    fn work(self: Arc<Self>) {
        own_thread::begin();
        let mut vigil = Vigil::default();
        let mut queue = self.queue.lock();
        queue.crew.arrive();
        loop {
            if let Some(request) = queue.pop() {
                self.service.pace.take();
                let others_wait = queue.len() > 0;
                self.call(queue);
                self.service.serve(request, others_wait);
                queue = self.queue.lock();
            } else if let Some(found) = self.look(&mut vigil, queue) {
                queue = found;
            } else {
                return;
            }
        }
    }

    /// Waits until there may be something in the ring; `None` when this thread is to end.
    fn look<'a>(
        &'a self,
        vigil: &mut Vigil,
        mut queue: Locked<'a, Queue>,
    ) -> Option<Locked<'a, Queue>> {
        if let Some(others) = queue.crew.look() {
            drop(queue);
            vigil.keep(others, || self.waiting.load(Ordering::Acquire) > 0);
            queue = self.queue.lock();
            queue.crew.arrive();
            if queue.len() > 0 {
                own_thread::found_work();
                return Some(queue);
            }
        }
        if !queue.crew.lie_down() {
            return None;
        }
        let mut limit = Some(self.options.idle_timeout());
        loop {
            let timed_out = match limit {
                Some(limit) => queue.wait_for(limit),
                None => {
                    queue.wait();
                    false
                }
            };
            match queue.crew.rest(timed_out) {
                Rest::Over => {
                    own_thread::woke_up();
                    return Some(queue);
                }
                Rest::Retired => return None,
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
        Arc::new(PthreadPool::open(options).unwrap())
    }

    stamp!(open);

    #[test]
    fn where_no_thread_can_start_requests_fail_with_the_reason() {
        let pool = PthreadPool::with_stack(&PoolOptions::default(), 1 << 60).unwrap();
        pool_tests::no_thread_can_start(&pool);
    }
}
