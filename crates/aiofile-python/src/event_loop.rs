//! One event loop of asyncio's, as the engine's runtime: completions and wakes come to it through
//! one epoll descriptor that it reads.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use caio::{NoRuntime, Reactor, Registration, Runtime, Watch};
use pyo3::exceptions::{PyAttributeError, PyRuntimeError};
use pyo3::prelude::*;
use rustix::event::{EventfdFlags, epoll, eventfd};

use crate::memory;
use crate::waiter::{finish, running_loop};

/// The name of the hook in an event loop's attributes.
const ATTRIBUTE: &str = "_aiofile_rs";

/// The token of the bell in the epoll instance; registrations count from 1.
const BELL: u64 = 0;

/// What one event loop has of the engine. It lives as long as the loop, or as a task that waits
/// there.
pub(crate) struct Hub {
    number: u64,
    epoll: OwnedFd,
    /// An eventfd, readable while there is something in `woken`.
    bell: OwnedFd,
    woken: Mutex<Vec<Py<PyAny>>>,
    watched: Mutex<HashMap<u64, Arc<Registration>>>,
}

thread_local! {
    /// Whether this thread polls an operation for a task of an event loop.
    static POLLS: Cell<bool> = const { Cell::new(false) };
    /// The hub whose events this thread is delivering, so that what wakes need not ring.
    static DELIVERS: RefCell<Option<Arc<Hub>>> = const { RefCell::new(None) };
}

static LAST_NUMBER: AtomicU64 = AtomicU64::new(0);

/// The hubs of all loops, for what is to be done in any of them.
static HUBS: Mutex<Vec<Weak<Hub>>> = Mutex::new(Vec::new());

impl Hub {
    /// That of the loop that runs on this thread, with the loop. It is made when first asked for.
    pub(crate) fn of_running_loop(py: Python<'_>) -> PyResult<(Arc<Self>, Bound<'_, PyAny>)> {
        let Some(running) = running_loop(py)? else {
            let message = "no event loop of asyncio runs on this thread: await it in a task";
            return Err(PyRuntimeError::new_err(message));
        };
        let hub = match running.getattr(pyo3::intern!(py, ATTRIBUTE)) {
            Ok(hook) => Arc::clone(&hook.cast::<LoopHook>()?.get().0),
            Err(error) if error.is_instance_of::<PyAttributeError>(py) => Self::install(&running)?,
            Err(error) => return Err(error),
        };
        Ok((hub, running))
    }

    fn install(running: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let py = running.py();
        let hub = Arc::new(Self::new()?);
        let hook = Bound::new(py, LoopHook(Arc::clone(&hub)))?;
        let readable = hook.getattr("on_readable")?;
        running.call_method1("add_reader", (hub.epoll.as_raw_fd(), readable))?;
        running.setattr(ATTRIBUTE, hook)?;
        let mut hubs = lock(&HUBS);
        hubs.retain(|hub| hub.strong_count() > 0);
        hubs.push(Arc::downgrade(&hub));
        Ok(hub)
    }

    fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let readable = epoll::EventFlags::IN;
        epoll::add(&epoll, &bell, epoll::EventData::new_u64(BELL), readable)?;
        let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Self { number, epoll, bell, woken: Mutex::default(), watched: Mutex::default() })
    }

    /// Has the loop finish this future, soon. Any thread may call it.
    pub(crate) fn wake(self: &Arc<Self>, future: Py<PyAny>) {
        let mut woken = lock(&self.woken);
        woken.push(future);
        let is_first = woken.len() == 1;
        drop(woken);
        let delivers =
            || DELIVERS.with_borrow(|hub| hub.as_ref().is_some_and(|hub| Arc::ptr_eq(hub, self)));
        if is_first && !delivers() {
            self.ring();
        }
    }

    /// Makes the loop call `on_readable`. A write to an eventfd fails where it rings already.
    fn ring(&self) {
        _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Rings in every loop of the process.
    pub(crate) fn ring_all() {
        let hubs: Vec<_> = lock(&HUBS).iter().filter_map(Weak::upgrade).collect();
        hubs.iter().for_each(|hub| hub.ring());
    }

    fn watch(self: &Arc<Self>, registration: Registration) -> Result<Watch, Registration> {
        static LAST_TOKEN: AtomicU64 = AtomicU64::new(BELL);
        let token = LAST_TOKEN.fetch_add(1, Ordering::Relaxed) + 1;
        let data = epoll::EventData::new_u64(token);
        if epoll::add(&self.epoll, registration.as_fd(), data, epoll::EventFlags::IN).is_err() {
            return Err(registration);
        }
        lock(&self.watched).insert(token, Arc::new(registration));
        Ok(Box::new(Watched { hub: Arc::downgrade(self), token }))
    }

    /// Reaps what is ready, and returns the futures of the tasks that it woke, and of those that
    /// were woken elsewhere.
    fn reap(self: &Arc<Self>) -> io::Result<Vec<Py<PyAny>>> {
        DELIVERS.set(Some(Arc::clone(self)));
        let reaped = self.reap_ready();
        DELIVERS.set(None);
        reaped?;
        Ok(mem::take(&mut *lock(&self.woken)))
    }

    fn reap_ready(&self) -> io::Result<()> {
        let mut events = Vec::with_capacity(16);
        let now = rustix::time::Timespec::default();
        epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&now))?;
        for event in events {
            let token = event.data.u64();
            if token == BELL {
                _ = rustix::io::read(&self.bell, &mut [0; 8]);
                continue;
            }
            let registration = lock(&self.watched).get(&token).cloned();
            registration.iter().for_each(|registration| _ = registration.reap());
        }
        Ok(())
    }
}

/// Ends a watch when it is dropped.
struct Watched {
    hub: Weak<Hub>,
    token: u64,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(hub) = self.hub.upgrade() else { return };
        let ended = lock(&hub.watched).remove(&self.token);
        if let Some(registration) = &ended {
            _ = epoll::delete(&hub.epoll, registration.as_fd());
        }
    }
}

/// What an event loop calls, and what keeps its hub alive.
#[pyclass(frozen, module = "aiofile_rs._engine")]
pub(crate) struct LoopHook(Arc<Hub>);

#[pymethods]
impl LoopHook {
    /// Completes what is ready, and resumes the tasks that wait for it.
    fn on_readable(&self, py: Python<'_>) -> PyResult<()> {
        memory::release(py);
        for future in self.0.reap()? {
            finish(py, &future)?;
        }
        Ok(())
    }
}

/// Polls for a task of the event loop that runs on this thread, if one does.
pub(crate) fn polling<T>(poll: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            POLLS.set(self.0);
        }
    }
    let _restore = Restore(POLLS.replace(true));
    poll()
}

/// asyncio, as a context sees it: in each poll of an operation, the loop that runs then.
#[derive(Debug)]
pub(crate) struct Asyncio;

impl Asyncio {
    fn hub() -> Option<Arc<Hub>> {
        if !POLLS.get() {
            return None;
        }
        Python::try_attach(|py| Hub::of_running_loop(py).ok().map(|(hub, _)| hub))?
    }
}

impl Runtime for Asyncio {
    fn current(&self) -> Option<u64> {
        Self::hub().map(|hub| hub.number)
    }

    fn watch(&self, registration: Registration, _: Reactor) -> Result<Watch, Registration> {
        match Self::hub() {
            Some(hub) => hub.watch(registration),
            None => Err(registration),
        }
    }

    fn poll_proceed(&self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        // asyncio has no budget of its own.
        NoRuntime.poll_proceed(cx, bytes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
