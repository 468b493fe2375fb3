//! A task of asyncio's that waits for one operation: the engine's waker, and the future of the
//! event loop that the waker finishes.

use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::event_loop::{LoopHub, of_running_loop};
use crate::hub::lock;

/// One for each operation, from its first step on.
#[derive(Default)]
pub(crate) struct Waiter(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    /// Woken since the last poll.
    Woken,
    /// The task waits for this future of its event loop.
    Waiting { hub: Arc<LoopHub>, future: Py<PyAny> },
}

impl Waiter {
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// What the task is to wait for after a poll that was pending: a future of its event loop, or
    /// `None` for one turn of the loop, where it was woken meanwhile.
    pub(crate) fn park(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if mem::take(&mut *lock(&self.0)).is_woken() {
            return Ok(py.None());
        }
        let (hub, running) = of_running_loop(py)?;
        let future = running.call_method0(pyo3::intern!(py, "create_future"))?;
        future.setattr(pyo3::intern!(py, "_asyncio_future_blocking"), true)?;
        let mut state = lock(&self.0);
        if state.is_woken() {
            *state = State::Idle;
            drop(state);
            return Ok(py.None());
        }
        *state = State::Waiting { hub, future: future.clone().unbind() };
        drop(state);
        Ok(future.unbind())
    }

    /// Nothing waits any more.
    pub(crate) fn leave(&self) {
        let state = mem::take(&mut *lock(&self.0));
        drop(state);
    }
}

impl State {
    fn is_woken(&self) -> bool {
        matches!(self, Self::Woken)
    }
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Called on any thread, also on one that Python does not know.
    fn wake_by_ref(self: &Arc<Self>) {
        let before = mem::replace(&mut *lock(&self.0), State::Woken);
        if let State::Waiting { hub, future } = before {
            hub.wake(future);
        }
    }
}

/// Finishes a future that a task waits for, unless the task was cancelled meanwhile.
pub(crate) fn finish(py: Python<'_>, future: &Py<PyAny>) -> PyResult<()> {
    let future = future.bind(py);
    if !future.call_method0(pyo3::intern!(py, "done"))?.is_truthy()? {
        future.call_method1(pyo3::intern!(py, "set_result"), (py.None(),))?;
    }
    Ok(())
}

/// The event loop that runs on this thread, if any.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let running = RUNNING.import(py, "asyncio", "_get_running_loop")?.call0()?;
    Ok((!running.is_none()).then_some(running))
}
