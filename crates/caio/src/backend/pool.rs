//! The pools of threads, `thread` and `rust`: one queue, and threads that start when requests are
//! there and end when none have come for a while.
//!
//! Both are a [`Pool`] and differ in how a thread is made, and in nothing else. What waits for a
//! stream or for the other end of a FIFO waits in the poll loop and takes no thread of these. All
//! state is under one lock, which is never held while a thread is woken or a request completes.

mod execute;
mod fd_queue;
mod file_queue;
mod idle;
mod open;
mod parker;
mod poll_loop;
mod queue;
#[cfg(test)]
mod tests;
mod threads;
mod worker;

use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Backend, BackendKind, QueueId};
use crate::capability::Capability;
use crate::config::Config;
use crate::error::Result;
use crate::op::Output;
use crate::pending_count::PendingCount;
use crate::request::{Request, Token};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard, lock};
use idle::{Idle, Wake};
use parker::Parker;
use poll_loop::PollLoop;
use queue::Queue;

#[cfg(all(target_os = "linux", not(caio_portable)))]
pub use threads::Pthreads;
pub use threads::{StdThreads, Threads};

/// The pool of pthreads, `thread`, as a C program builds one.
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub type PthreadPool = Pool<Pthreads>;

/// The pool of std's threads, `rust`: it needs nothing of the kernel that std does not offer, so
/// it works wherever a program runs.
pub type ThreadPool = Pool<StdThreads>;

/// A pool of threads that do operations as blocking system calls.
///
/// A thread starts when there is more to do than there are threads without work, and ends when it
/// had nothing to do for a while. Of many requests that are committed together the first wakes a
/// thread, and each thread that takes a request wakes the next one while more are there.
///
/// Files are kept apart, so that one which does not answer delays no other. Of 32 threads, one file
/// takes at most 19, by however many descriptors, and operations on its path, and closing it, 4
/// each; operations on all paths together take 24, of which closures without a path, and parts of
/// larger jobs, take 16; and transfers and paths leave 4 to syncs, metadata and closing. With
/// fewer than five threads, a file that does not answer can delay the others. Buffered writes to
/// one regular file run one after the other, since Linux lets only one at a time into a file.
///
/// Dropping the pool blocks nowhere: what was accepted is still done, then the threads end. Only
/// what waits for a stream ends with an error.
///
/// ```
/// use caio::backend::pool::ThreadPool;
/// use caio::{Backend, Config};
///
/// let pool = ThreadPool::open(&Config::default())?;
/// assert_eq!(pool.kind().name(), "rust");
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub struct Pool<T: Threads> {
    shared: Arc<Shared>,
    capability: Capability,
    threads: PhantomData<T>,
}

/// How a pool starts a thread: [`Threads::spawn`].
type Spawn = fn(&str, Box<dyn FnOnce() + Send>) -> io::Result<()>;

/// The only queue that there is to commit.
const QUEUE: QueueId = QueueId(0);

/// What the pool and its threads share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Whether a thread would find a request, for looking without the lock.
    is_ready: AtomicBool,
    spawn: Spawn,
    parker: Parker,
    pending: PendingCount,
    poll_loop: PollLoop,
    /// What the names of its threads start with.
    name: String,
    idle_timeout: Duration,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    idle: Idle,
}

impl<T: Threads> Pool<T> {
    /// A pool within the bounds that the settings have for threads and requests. It starts no
    /// thread before the first request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) where the settings are impossible.
    ///
    /// ```
    /// use caio::Config;
    /// use caio::backend::pool::ThreadPool;
    ///
    /// let config = Config::from_toml("threads_max = 2", "caio.toml".as_ref())?;
    /// let pool = ThreadPool::open(&config)?;
    /// # drop(pool);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn open(config: &Config) -> Result<Self> {
        Self::named("caio", config)
    }

    /// The same with threads whose names start so. Of a name the system shows 15 bytes, of which a
    /// number takes up to five.
    pub(crate) fn named(name: &str, config: &Config) -> Result<Self> {
        config.validate()?;
        let state = State { queue: Queue::new(config.threads_max), idle: Idle::new(config) };
        let shared = Shared {
            state: Mutex::new(state),
            is_ready: AtomicBool::new(false),
            spawn: T::spawn,
            parker: Parker::default(),
            pending: PendingCount::default(),
            poll_loop: PollLoop::default(),
            name: name.to_owned(),
            idle_timeout: Duration::from_millis(config.threads_idle_timeout_ms),
        };
        let capability = Capability {
            atomic_writes: true,
            features: vec![format!("at most {} threads", config.threads_max)],
            ..Capability::all(config.max_requests)
        };
        Ok(Self { shared: Arc::new(shared), capability, threads: PhantomData })
    }
}

impl<T: Threads> Backend for Pool<T> {
    fn kind(&self) -> BackendKind {
        T::KIND
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        let shared = &self.shared;
        match shared.pending.enter() {
            Err(error) => request.complete(Err(error.into())),
            Ok(()) if PollLoop::concerns(&request) => shared.wait_for_stream(request),
            Ok(()) => shared.push(request, Duration::ZERO),
        }
        QUEUE
    }

    fn commit(&self, _queue: QueueId) {
        if self.shared.is_ready.load(Ordering::Acquire) {
            self.shared.release(self.shared.lock());
        }
        self.shared.commit_streams();
    }

    fn reap(&self, _queue: QueueId) -> usize {
        0
    }

    /// Only a request in the poll loop has to be told; one that no thread has begun is found
    /// cancelled when its turn comes.
    fn cancel(&self, token: Token) {
        self.shared.cancel_stream(token);
    }

    fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
        None
    }

    fn shutdown(&self, deadline: Instant) -> usize {
        self.shared.pending.close();
        self.commit(QUEUE);
        let pending = self.shared.end_streams_by(deadline);
        self.shared.end_threads();
        pending
    }
}

impl<T: Threads> Drop for Pool<T> {
    fn drop(&mut self) {
        self.commit(QUEUE);
        self.shared.end_streams();
        self.shared.end_threads();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Queues a request, and wakes no thread.
    fn push(&self, request: Request, delay: Duration) {
        let mut state = self.lock();
        state.queue.push(request, delay);
        self.is_ready.store(state.queue.is_ready(), Ordering::Release);
    }

    /// Lets the state go, and has a thread come where requests wait for one.
    fn release(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let is_ready = state.queue.is_ready();
        self.is_ready.store(is_ready, Ordering::Release);
        let wake = if is_ready { state.idle.wake() } else { Wake::None };
        drop(state);
        match wake {
            Wake::None => {}
            Wake::Idle => self.parker.unpark(),
            Wake::New(number) => self.start(number),
        }
    }

    /// Starts a thread. Where that fails, the pool goes on with the threads that it has; where it
    /// has none, all that is queued fails for the same reason.
    fn start(self: &Arc<Self>, number: usize) {
        let name = format!("{}-{number}", self.name);
        let shared = Arc::clone(self);
        let Err(error) = (self.spawn)(&name, Box::new(move || worker::run(&shared))) else {
            return;
        };
        let mut state = self.lock();
        let is_ready = state.queue.is_ready();
        if state.idle.not_started() {
            let wake = is_ready && state.idle.wake_idle();
            drop(state);
            if wake {
                self.parker.unpark();
            }
            return;
        }
        let stranded = state.queue.drain();
        self.is_ready.store(false, Ordering::Release);
        drop(state);
        for request in stranded {
            self.complete(request, Err(copy(&error)));
        }
    }

    /// Has each thread end that has no work, now or later.
    fn end_threads(&self) {
        let woken = self.lock().idle.close();
        (0..woken).for_each(|_| self.parker.unpark());
    }

    /// Completes the request and counts it out.
    fn complete(&self, request: Request, result: io::Result<Output>) {
        request.complete(result);
        self.pending.leave();
    }
}

/// The same error again, for each of those that it concerns.
fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(errno) => io::Error::from_raw_os_error(errno),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
