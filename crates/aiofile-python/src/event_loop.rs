//! One event loop of asyncio's, or one run of trio's, as the engine's runtime.

use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use caio::{NoRuntime, PerProcess, Reactor, Registration, Runtime, Watch};
use pyo3::exceptions::{PyAttributeError, PyRuntimeError};
use pyo3::prelude::*;

use crate::hub::{Hub, lock};
use crate::memory;
use crate::waiter::{finish, running_loop};

/// The name of the hook in an event loop's attributes.
const ATTRIBUTE: &str = "_aiofile_rs";

/// What one event loop has of the engine: futures of the loop's are woken. It lives as long as the
/// loop, or as a task that waits there.
pub(crate) type LoopHub = Hub<Py<PyAny>>;

thread_local! {
    /// Whether this thread polls an operation for a task of an event loop.
    static POLLS: Cell<bool> = const { Cell::new(false) };
}

/// The hubs of all loops, for what is to be done in any of them.
static HUBS: PerProcess<Mutex<Vec<Weak<LoopHub>>>> = PerProcess::new();

/// What runs the tasks of a thread.
pub(crate) enum Runner<'py> {
    /// An event loop of asyncio's.
    Asyncio(Bound<'py, PyAny>),
    /// trio, by the module that waits in it.
    Trio(Bound<'py, PyModule>),
}

/// The hub of what runs the tasks of this thread. It is made when first asked for.
pub(crate) fn of_running_loop(py: Python<'_>) -> PyResult<(Arc<LoopHub>, Runner<'_>)> {
    let of_hook =
        |hook: Bound<'_, PyAny>| PyResult::Ok(Arc::clone(&hook.cast::<LoopHook>()?.get().0));
    if let Some(running) = running_loop(py)? {
        let hub = match running.getattr(pyo3::intern!(py, ATTRIBUTE)) {
            Ok(hook) => of_hook(hook)?,
            Err(error) if error.is_instance_of::<PyAttributeError>(py) => install(&running)?,
            Err(error) => return Err(error),
        };
        return Ok((hub, Runner::Asyncio(running)));
    }
    let modules = py.import("sys")?.getattr("modules")?;
    if modules.contains("trio")? {
        let trio = py.import("aiofile_rs._trio")?;
        if trio.call_method0("runs")?.is_truthy()? {
            return Ok((of_hook(trio.call_method0("hook")?)?, Runner::Trio(trio)));
        }
    }
    let message = "neither asyncio nor trio runs on this thread: await it in a task";
    Err(PyRuntimeError::new_err(message))
}

fn install(running: &Bound<'_, PyAny>) -> PyResult<Arc<LoopHub>> {
    let hook = Bound::new(running.py(), LoopHook::new()?)?;
    let hub = Arc::clone(&hook.get().0);
    let readable = hook.getattr("on_readable")?;
    running.call_method1("add_reader", (hub.as_raw_fd(), readable))?;
    running.setattr(ATTRIBUTE, hook)?;
    Ok(hub)
}

/// Rings in every loop of the process.
pub(crate) fn ring_all() {
    let hubs: Vec<_> = lock(HUBS.get()).iter().filter_map(Weak::upgrade).collect();
    hubs.iter().for_each(|hub| hub.ring());
}

/// What an event loop calls, and what keeps its hub alive.
#[pyclass(frozen, module = "aiofile_rs._engine")]
pub(crate) struct LoopHook(Arc<LoopHub>);

#[pymethods]
impl LoopHook {
    #[new]
    fn new() -> PyResult<Self> {
        let hub = Arc::new(LoopHub::new()?);
        let mut hubs = lock(HUBS.get());
        hubs.retain(|hub| hub.strong_count() > 0);
        hubs.push(Arc::downgrade(&hub));
        Ok(Self(hub))
    }

    /// The descriptor that is readable while there is something to do.
    fn fileno(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Completes what is ready, and resumes the tasks that wait for it.
    fn on_readable(&self, py: Python<'_>) -> PyResult<()> {
        memory::release(py);
        let (futures, _) = self.0.reap()?;
        for future in futures {
            // One that fails keeps no other waiting.
            if let Err(error) = finish(py, &future) {
                error.write_unraisable(py, Some(future.bind(py)));
            }
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

/// asyncio and trio, as a context sees them: in each poll of an operation, what runs then.
#[derive(Debug)]
pub(crate) struct Asyncio;

impl Asyncio {
    fn hub() -> Option<Arc<LoopHub>> {
        if !POLLS.get() {
            return None;
        }
        Python::try_attach(|py| of_running_loop(py).ok().map(|(hub, _)| hub))?
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
