//! A context that operations are submitted to, and that delivers them.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use aiofile::{BackendKind, Context};
use caio::{NoRuntime, Reactor, Registration, Runtime, Watch};
use pyo3::exceptions::{
    PyBlockingIOError, PyOverflowError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyTuple;
use rustix::event::{PollFd, PollFlags, poll};

use super::operation::CompatOperation;
use crate::error::exception;
use crate::hub::{Hub, lock};

/// ECANCELED
const CANCELLED: i32 = 125;

/// More completions than this are not collected at once.
const COMPLETIONS_MAX: u64 = 1 << 24;

/// So long the end of a context of threads waits for what is in flight.
const PATIENCE: Duration = Duration::from_secs(30);

/// The rules of one of caio's modules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// `linux_uring`: staged until a flush.
    Uring,
    /// `linux_aio`: started when submitted, a prefix where there is no room.
    Linux,
    /// `thread_aio`: callbacks come on a thread of the context's.
    Thread,
}

/// Operations are submitted to it, and it delivers them: when they are collected or, of the kind
/// `thread`, on a thread of its own.
#[pyclass(frozen, subclass, weakref, module = "aiofile_rs._engine")]
pub(crate) struct CompatContext {
    shared: Arc<Shared>,
    max_requests: usize,
    pool_size: usize,
}

/// What outlives the context while a thread of its own delivers.
struct Shared {
    engine: Context,
    hub: Arc<Hub<u64>>,
    rules: Rules,
    last: AtomicU64,
    /// Operations in flight, by the number that wakes them.
    running: Mutex<HashMap<u64, Py<CompatOperation>>>,
    /// The numbers of those that are to be polled, in order; the staged ones among them.
    ready: Mutex<VecDeque<u64>>,
    /// Where its thread delivers, and whether it is to end.
    delivery: Mutex<Delivery>,
    delivered: Condvar,
}

#[derive(Default)]
struct Delivery {
    thread: Option<ThreadId>,
    over: bool,
}

/// Wakes one operation.
struct Woken {
    hub: Arc<Hub<u64>>,
    number: u64,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.hub.wake(self.number);
    }
}

/// The engine's runtime of a context that is collected: its hub watches every queue.
#[derive(Debug)]
struct Collected(Arc<Hub<u64>>);

impl Runtime for Collected {
    fn current(&self) -> Option<u64> {
        Some(self.0.number)
    }

    fn watch(&self, registration: Registration, _: Reactor) -> Result<Watch, Registration> {
        self.0.watch(registration)
    }

    fn poll_proceed(&self, _: &mut TaskContext<'_>, _: usize) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Shared {
    fn new(rules: Rules, threads: usize) -> PyResult<Arc<Self>> {
        let hub = Arc::new(Hub::new()?);
        let builder = match rules {
            Rules::Uring => Context::builder().backend(BackendKind::Uring),
            Rules::Linux => Context::builder().backend(BackendKind::Linux),
            Rules::Thread => Context::builder().backend(BackendKind::Thread).threads(0, threads),
        };
        let builder = match rules {
            Rules::Thread => builder.runtime(Arc::new(NoRuntime)),
            _ => builder.runtime(Arc::new(Collected(Arc::clone(&hub)))),
        };
        let engine = builder.build().map_err(|error| exception(error.into()))?;
        Ok(Arc::new(Self {
            engine,
            hub,
            rules,
            last: AtomicU64::new(0),
            running: Mutex::default(),
            ready: Mutex::default(),
            delivery: Mutex::default(),
            delivered: Condvar::new(),
        }))
    }

    /// Puts what was woken among the ready. Whether the hub rang.
    fn collect(&self) -> PyResult<bool> {
        let (woken, rang) = self.hub.reap()?;
        lock(&self.ready).extend(woken);
        Ok(rang)
    }

    /// Polls what is ready, and calls back for up to so many that have ended. Returns how many.
    fn deliver(&self, py: Python<'_>, most: usize) -> usize {
        let mut ended = 0;
        while ended < most {
            let Some(number) = lock(&self.ready).pop_front() else { break };
            let operation = lock(&self.running).get(&number).map(|one| one.clone_ref(py));
            let Some(operation) = operation else { continue };
            let waker = self.waker(number);
            let of = operation.get();
            if !of.poll(&waker) {
                continue;
            }
            if !of.settle(py) {
                continue;
            }
            ended += 1;
            let kept = lock(&self.running).remove(&number);
            drop(kept);
            if self.rules == Rules::Thread {
                of.drop_written();
            }
            of.call_back(py);
            if self.rules == Rules::Thread {
                drop(operation);
                self.delivered.notify_all();
            }
        }
        ended
    }

    fn waker(&self, number: u64) -> Waker {
        Waker::from(Arc::new(Woken { hub: Arc::clone(&self.hub), number }))
    }

    /// Waits until something is ready, or the time is over.
    fn wait(&self, timeout: Option<Duration>) {
        let timeout = timeout.and_then(|timeout| rustix::time::Timespec::try_from(timeout).ok());
        let mut descriptors = [PollFd::from_borrowed_fd(self.hub.as_fd(), PollFlags::IN)];
        // A signal ends it, which is told by the time that is left.
        _ = poll(&mut descriptors, timeout.as_ref());
    }

    /// What a thread of a context does until the context is gone and all is delivered.
    fn deliver_all(&self) {
        loop {
            self.wait(None);
            let attached = Python::try_attach(|py| {
                _ = self.collect();
                self.deliver(py, usize::MAX);
            });
            let over = lock(&self.delivery).over && lock(&self.running).is_empty();
            if attached.is_none() || over {
                return;
            }
        }
    }
}

impl CompatContext {
    pub(super) fn engine(&self) -> &Context {
        &self.shared.engine
    }

    /// Whether its operations name it while they are in flight.
    pub(super) fn is_seen_by_operations(&self) -> bool {
        self.shared.rules != Rules::Thread
    }

    fn start_delivery(&self) -> PyResult<()> {
        let mut delivery = lock(&self.shared.delivery);
        if delivery.over {
            return Err(PyRuntimeError::new_err("the context is closed"));
        }
        if delivery.thread.is_some() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("caio-deliver".to_owned());
        let thread = thread.spawn(move || shared.deliver_all())?;
        delivery.thread = Some(thread.thread().id());
        Ok(())
    }

    fn no_room(&self) -> PyErr {
        let message = format!("{} requests are in flight, which is the limit", self.max_requests);
        match self.shared.rules {
            Rules::Uring => PyOverflowError::new_err(message),
            _ => PyRuntimeError::new_err(message),
        }
    }
}

#[pymethods]
impl CompatContext {
    #[new]
    #[pyo3(signature = (kind, max_requests, pool_size=8))]
    fn new(py: Python<'_>, kind: &str, max_requests: usize, pool_size: usize) -> PyResult<Self> {
        let rules = match kind {
            "uring" => Rules::Uring,
            "linux" => Rules::Linux,
            "thread" => Rules::Thread,
            _ => return Err(PyValueError::new_err(format!("there is no kind {kind:?}"))),
        };
        if max_requests == 0 || pool_size == 0 {
            return Err(PyValueError::new_err("max_requests and pool_size are 1 or more"));
        }
        let shared = py.detach(|| Shared::new(rules, pool_size))?;
        Ok(Self { shared, max_requests, pool_size })
    }

    #[getter]
    fn max_requests(&self) -> usize {
        self.max_requests
    }

    #[getter]
    fn pool_size(&self) -> usize {
        self.pool_size
    }

    /// A descriptor that is readable while there is something to collect.
    #[getter]
    fn fileno(&self) -> i32 {
        self.shared.hub.as_raw_fd()
    }

    /// Accepts operations, and returns how many. One that was submitted before is left out.
    #[pyo3(signature = (*operations))]
    fn submit(this: &Bound<'_, Self>, operations: &Bound<'_, PyTuple>) -> PyResult<usize> {
        let (py, context) = (this.py(), this.get());
        let shared = &context.shared;
        let operations: Vec<Bound<'_, CompatOperation>> = operations
            .iter()
            .map(|one| one.cast_into().map_err(|_| PyTypeError::new_err("Operation is expected")))
            .collect::<PyResult<_>>()?;
        if shared.rules == Rules::Thread {
            context.start_delivery()?;
        }
        let mut accepted = 0;
        for operation in operations {
            let number = shared.last.fetch_add(1, Ordering::Relaxed) + 1;
            let mut running = lock(&shared.running);
            if running.len() >= context.max_requests {
                if shared.rules == Rules::Linux {
                    break;
                }
                return Err(context.no_room());
            }
            if !operation.get().claim(py, this) {
                continue;
            }
            running.insert(number, operation.clone().unbind());
            drop(running);
            accepted += 1;
            let is_over = match shared.rules {
                Rules::Uring => true,
                _ => operation.get().poll(&shared.waker(number)),
            };
            match (is_over, shared.rules) {
                (true, Rules::Uring) => lock(&shared.ready).push_back(number),
                (true, _) => shared.hub.wake(number),
                (false, _) => {}
            }
        }
        Ok(accepted)
    }

    /// Starts what is staged, calls back for what has ended, and returns how many that were.
    fn flush(&self, py: Python<'_>) -> PyResult<usize> {
        self.shared.collect()?;
        Ok(self.shared.deliver(py, usize::MAX))
    }

    /// Calls back for what has ended, for `max_requests` at most, once there are `min_requests`, or
    /// `timeout` seconds have passed; a negative one never passes. Returns how many that were.
    #[pyo3(signature = (max_requests=512, min_requests=0, timeout=0))]
    fn process_events(
        &self,
        py: Python<'_>,
        max_requests: u64,
        min_requests: u64,
        timeout: i64,
    ) -> PyResult<usize> {
        if max_requests > COMPLETIONS_MAX {
            return Err(PyOverflowError::new_err("max_requests is too large"));
        }
        if min_requests > max_requests {
            return Err(PyValueError::new_err("min_requests is larger than max_requests"));
        }
        let (most, least) = (max_requests as usize, min_requests as usize);
        let deadline = u64::try_from(timeout)
            .ok()
            .map(|seconds| Instant::now() + Duration::from_secs(seconds.min(u32::MAX.into())));
        let mut ended = 0;
        loop {
            self.shared.collect()?;
            ended += self.shared.deliver(py, most - ended);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if ended >= least || left.is_some_and(|left| left.is_zero()) {
                return Ok(ended);
            }
            py.detach(|| self.shared.wait(left));
            py.check_signals()?;
        }
    }

    /// Takes the signal of the descriptor. Raises `BlockingIOError` where there is none.
    fn poll(&self) -> PyResult<usize> {
        let rang = self.shared.collect()?;
        match lock(&self.shared.ready).len() {
            0 if !rang => Err(PyBlockingIOError::new_err("there is nothing to collect")),
            ready => Ok(ready.max(1)),
        }
    }

    /// Has an operation end now, with ECANCELED, where it has not ended yet. Returns 0.
    fn cancel(this: &Bound<'_, Self>, operation: &Bound<'_, CompatOperation>) -> PyResult<usize> {
        let shared = &this.get().shared;
        if shared.rules == Rules::Linux && !operation.get().is_of(this) {
            return Err(PyValueError::new_err("this context does not have it in flight"));
        }
        if operation.get().is_of(this) && operation.get().cancel(CANCELLED) {
            let running = lock(&shared.running);
            let number =
                running.iter().find(|(_, one)| one.is(operation)).map(|(number, _)| *number);
            drop(running);
            lock(&shared.ready).extend(number);
        }
        shared.hub.ring();
        Ok(0)
    }

    /// Accepts nothing any more. What is in flight is delivered.
    fn close(&self) {
        lock(&self.shared.delivery).over = true;
        self.shared.hub.ring();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What a thread delivers is not garbage, and a collection waits for no lock.
        if self.shared.rules == Rules::Thread {
            return Ok(());
        }
        let Ok(running) = self.shared.running.try_lock() else { return Ok(()) };
        running.values().try_for_each(|operation| visit.call(operation))
    }

    fn __clear__(&self) {
        if self.shared.rules != Rules::Thread {
            let running = std::mem::take(&mut *lock(&self.shared.running));
            drop(running);
        }
    }
}

impl Drop for CompatContext {
    /// A context of threads waits for what its threads are at, unless it is one of them that drops
    /// it.
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut delivery = lock(&shared.delivery);
        delivery.over = true;
        let is_own = delivery.thread == Some(thread::current().id());
        let delivers = delivery.thread.is_some();
        drop(delivery);
        shared.hub.ring();
        if !delivers || is_own {
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        Python::try_attach(|py| {
            py.detach(|| {
                let mut running = lock(&shared.running);
                while !running.is_empty() && Instant::now() < deadline {
                    let step = Duration::from_millis(100);
                    running = match shared.delivered.wait_timeout(running, step) {
                        Ok((running, _)) => running,
                        Err(poisoned) => poisoned.into_inner().0,
                    };
                }
            });
        });
    }
}
