//! An operation that a task awaits: a coroutine to asyncio, a future to the engine.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning, PyStopIteration};
use pyo3::prelude::*;

use crate::event_loop::polling;
use crate::hub::lock;
use crate::waiter::{Parked, Waiter};

/// The future of an operation, whose outcome is a value of Python's already.
type Operation = Pin<Box<dyn Future<Output = PyResult<Py<PyAny>>> + Send>>;

/// An operation on a file, to be awaited once. Nothing happens before that.
///
/// What needs no wait, such as a read of cached data, is done when it is awaited, without a future
/// and without a turn of the event loop. As a coroutine it may be given to `asyncio.create_task`,
/// `gather`, `wait_for` and `timeout`. A task that is cancelled while it waits cancels the
/// operation: what has not begun does not begin, and what the kernel has begun ends without it.
#[pyclass(frozen, weakref, module = "aiofile_rs")]
pub(crate) struct Awaitable {
    name: &'static str,
    state: Mutex<State>,
    /// Whether the steps let other threads of Python run: it moves much.
    detaches: bool,
}

enum State {
    New(Operation),
    /// With the coroutine that waits, where there is one.
    Waiting(Operation, Arc<Waiter>, Option<Py<PyAny>>),
    Running,
    Done,
}

/// So many bytes take long enough to let other threads run meanwhile.
const BYTES_OF_A_PAUSE: usize = 64 * 1024;

impl Awaitable {
    pub(crate) fn new(
        name: &'static str,
        operation: impl Future<Output = PyResult<Py<PyAny>>> + Send + 'static,
    ) -> Self {
        Self::transfer(name, 0, operation)
    }

    /// As [`new`](Self::new), for an operation that moves so many bytes.
    pub(crate) fn transfer(
        name: &'static str,
        bytes: usize,
        operation: impl Future<Output = PyResult<Py<PyAny>>> + Send + 'static,
    ) -> Self {
        let state = Mutex::new(State::New(Box::pin(operation)));
        Self { name, state, detaches: bytes >= BYTES_OF_A_PAUSE }
    }

    /// Polls once. Pending, it returns what the task is to yield. What was sent is for the
    /// coroutine that waits.
    fn step(&self, py: Python<'_>, sent: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let before = mem::replace(&mut *lock(&self.state), State::Running);
        let (mut operation, waiter) = match before {
            State::New(operation) => (operation, Arc::default()),
            State::Waiting(operation, waiter, None) => (operation, waiter),
            State::Waiting(operation, waiter, Some(through)) => {
                match through.call_method1(py, pyo3::intern!(py, "send"), (sent,)) {
                    Err(over) if over.is_instance_of::<PyStopIteration>(py) => (operation, waiter),
                    yielded => {
                        let after = match &yielded {
                            Ok(_) => State::Waiting(operation, waiter, Some(through)),
                            // Such as a cancellation.
                            Err(_) => {
                                waiter.leave();
                                State::Done
                            }
                        };
                        *lock(&self.state) = after;
                        return yielded;
                    }
                }
            }
            State::Running => return Err(self.misused("is awaited already")),
            State::Done => {
                *lock(&self.state) = State::Done;
                return Err(self.misused("was awaited already: call it again for another one"));
            }
        };
        let waker = waiter.waker();
        let mut poll = || polling(|| operation.as_mut().poll(&mut Context::from_waker(&waker)));
        let polled = if self.detaches { py.detach(poll) } else { poll() };
        let parked = match polled {
            Poll::Pending => waiter.park(py),
            Poll::Ready(outcome) => {
                *lock(&self.state) = State::Done;
                let value = outcome?;
                return Err(PyStopIteration::new_err((value,)));
            }
        };
        let (after, yielded) = match parked {
            Ok(Parked { yielded, through }) => {
                (State::Waiting(operation, waiter, through), Ok(yielded))
            }
            Err(error) => (State::Done, Err(error)),
        };
        *lock(&self.state) = after;
        yielded
    }

    fn misused(&self, how: &str) -> PyErr {
        PyRuntimeError::new_err(format!("this {} {how}", self.name))
    }

    /// Gives the operation up.
    fn give_up(&self) {
        let before = mem::replace(&mut *lock(&self.state), State::Done);
        if let State::Waiting(_, waiter, _) = &before {
            waiter.leave();
        }
        // Outside of the lock: it may own anything.
        drop(before);
    }
}

#[pymethods]
impl Awaitable {
    fn __await__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.step(py, py.None())
    }

    /// Goes on with the operation.
    #[pyo3(signature = (value, /))]
    fn send(&self, py: Python<'_>, value: Py<PyAny>) -> PyResult<Py<PyAny>> {
        self.step(py, value)
    }

    /// Gives the operation up, and raises the exception.
    #[pyo3(signature = (kind, value=None, traceback=None, /))]
    fn throw(
        &self,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let _ = traceback;
        self.give_up();
        Err(PyErr::from_value(value.unwrap_or(kind)))
    }

    /// Gives the operation up.
    fn close(&self) {
        self.give_up();
    }

    fn __repr__(&self) -> String {
        let state = match &*lock(&self.state) {
            State::New(_) => "not awaited yet",
            State::Waiting(..) => "waiting",
            State::Running => "running",
            State::Done => "done",
        };
        format!("<aiofile_rs operation {}, {state}>", self.name)
    }
}

impl Drop for Awaitable {
    /// An operation that is not awaited does nothing, as with a coroutine: Python warns of it.
    fn drop(&mut self) {
        if !matches!(&*lock(&self.state), State::New(_)) {
            return;
        }
        let message = format!("operation {} was never awaited", self.name);
        Python::try_attach(|py| {
            let kind = py.get_type::<PyRuntimeWarning>();
            let message = std::ffi::CString::new(message).unwrap_or_default();
            if let Err(error) = PyErr::warn(py, &kind, &message, 1) {
                error.write_unraisable(py, None);
            }
        });
    }
}
