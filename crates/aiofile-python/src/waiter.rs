//! A task that waits for one operation: the engine's waker, and what the waker finishes, such as a
//! future of asyncio's.

use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::event_loop::{LoopHub, Runner, of_running_loop};
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
    /// The task waits for this, which is a future of its event loop's or is used like one.
    Waiting { hub: Arc<LoopHub>, future: Py<PyAny> },
}

impl Waiter {
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Has the task wait after a poll that was pending, or for one turn where it was woken
    /// meanwhile.
    pub(crate) fn park(&self, py: Python<'_>) -> PyResult<Parked> {
        if mem::take(&mut *lock(&self.0)).is_woken() {
            // One that is polled by hand needs nothing that runs it.
            return Parked::for_a_turn(py, of_running_loop(py).ok().map(|(_, runner)| runner));
        }
        let (hub, runner) = of_running_loop(py)?;
        let (future, parked) = match &runner {
            Runner::Asyncio(running) => {
                let future = running.call_method0(pyo3::intern!(py, "create_future"))?;
                future.setattr(pyo3::intern!(py, "_asyncio_future_blocking"), true)?;
                let yielded = future.clone().unbind();
                (future, Parked { yielded, through: None })
            }
            Runner::Trio(trio) => {
                let wait = trio.call_method0("Wait")?;
                let through = wait.call_method0("coroutine")?;
                (wait, Parked::through(through)?)
            }
        };
        let mut state = lock(&self.0);
        if state.is_woken() {
            *state = State::Idle;
            drop(state);
            return Parked::for_a_turn(py, Some(runner));
        }
        *state = State::Waiting { hub, future: future.unbind() };
        Ok(parked)
    }

    /// Nothing waits any more.
    pub(crate) fn leave(&self) {
        let state = mem::take(&mut *lock(&self.0));
        drop(state);
    }
}

/// How a task waits.
pub(crate) struct Parked {
    /// What it yields.
    pub(crate) yielded: Py<PyAny>,
    /// The coroutine that has yielded this, and is to be gone on with before the next poll.
    pub(crate) through: Option<Py<PyAny>>,
}

impl Parked {
    fn through(coroutine: Bound<'_, PyAny>) -> PyResult<Self> {
        let py = coroutine.py();
        let yielded = coroutine.call_method1(pyo3::intern!(py, "send"), (py.None(),))?.unbind();
        Ok(Self { yielded, through: Some(coroutine.unbind()) })
    }

    fn for_a_turn(py: Python<'_>, runner: Option<Runner<'_>>) -> PyResult<Self> {
        match runner {
            Some(Runner::Trio(trio)) => Self::through(trio.call_method0("turn")?),
            Some(Runner::Asyncio(_)) | None => Ok(Self { yielded: py.None(), through: None }),
        }
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
