//! An operation that is submitted once, and asked for its value afterwards.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyBytes;

use super::context::CompatContext;
use super::descriptor::{Ended, Request, perform, system_error};
use crate::hub::lock;
use crate::memory::NewBytes;

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Fsync,
    Fdsync,
}

/// A read, write or sync of a descriptor, to be submitted to a context once.
#[pyclass(frozen, subclass, weakref, module = "aiofile_rs._engine")]
pub(crate) struct CompatOperation {
    kind: Kind,
    nbytes: usize,
    descriptor: i32,
    offset: u64,
    priority: i64,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// It was woken while a thread polled it.
    woken: bool,
    callback: Option<Py<PyAny>>,
    /// The context that has it in flight.
    context: Option<Py<CompatContext>>,
    /// What is written, or was read.
    payload: Option<Py<PyBytes>>,
    result: usize,
    error: i32,
}

type Running = Pin<Box<dyn Future<Output = (Ended, Option<NewBytes>)> + Send>>;

enum Phase {
    New(Option<NewBytes>),
    /// Submitted, and perhaps not started yet.
    InFlight(Option<Running>),
    /// It has ended, and that was not delivered yet.
    Ended(Ended, Option<NewBytes>),
    Done,
}

impl Phase {
    fn is_in_flight(&self) -> bool {
        matches!(self, Self::InFlight(_) | Self::Ended(..))
    }
}

impl CompatOperation {
    /// Whether it is this context's now: it was submitted nowhere before.
    pub(super) fn claim(&self, py: Python<'_>, context: &Bound<'_, CompatContext>) -> bool {
        let mut state = lock(&self.state);
        let Phase::New(memory) = &mut state.phase else { return false };
        let request = match self.kind {
            Kind::Read => memory.take().map(Request::Read),
            Kind::Write => state.payload.as_ref().map(|payload| {
                let payload = payload.clone_ref(py).into_bound(py);
                Request::Write(Bytes::from_owner(PyBackedBytes::from(payload)))
            }),
            Kind::Fsync => Some(Request::Fsync),
            Kind::Fdsync => Some(Request::Fdsync),
        };
        let Some(request) = request else { return false };
        let about = context.get();
        let running = perform(about.engine().clone(), request, self.descriptor, self.offset);
        state.phase = Phase::InFlight(Some(Box::pin(running)));
        if about.is_seen_by_operations() {
            state.context = Some(context.clone().unbind());
        }
        true
    }

    fn is_in_flight(&self) -> bool {
        lock(&self.state).phase.is_in_flight()
    }

    /// Whether it is in flight there.
    pub(super) fn is_of(&self, context: &Bound<'_, CompatContext>) -> bool {
        lock(&self.state).context.as_ref().is_some_and(|own| own.is(context))
    }

    /// Goes on with it. Whether it has ended: then it can be settled.
    pub(super) fn poll(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        loop {
            let taken = match &mut state.phase {
                Phase::InFlight(running) => running.take(),
                Phase::Ended(..) => return true,
                Phase::New(_) | Phase::Done => return false,
            };
            let Some(mut running) = taken else {
                // Another thread polls it, and perhaps too early: it goes on.
                state.woken = true;
                return false;
            };
            state.woken = false;
            drop(state);
            let polled = running.as_mut().poll(&mut Context::from_waker(waker));
            let has_ended = polled.is_ready();
            let after = match polled {
                Poll::Ready((ended, memory)) => Phase::Ended(ended, memory),
                Poll::Pending => Phase::InFlight(Some(running)),
            };
            state = lock(&self.state);
            // It may have been cancelled meanwhile.
            let left = match state.phase {
                Phase::InFlight(_) => mem::replace(&mut state.phase, after),
                _ => after,
            };
            if has_ended || !state.woken {
                drop(state);
                drop(left);
                return has_ended;
            }
        }
    }

    /// Has its value seen, once it has ended. Whether that was so: one thread does it.
    pub(super) fn settle(&self, py: Python<'_>) -> bool {
        let mut state = lock(&self.state);
        let Phase::Ended(ended, memory) = &mut state.phase else { return false };
        let (ended, memory) = (*ended, memory.take());
        // It stays in flight to all others until its value is there.
        state.phase = Phase::InFlight(None);
        drop(state);
        let read = memory.map(|memory| memory.finish(py, *ended.as_ref().unwrap_or(&0)));
        let mut state = lock(&self.state);
        let phase = mem::replace(&mut state.phase, Phase::Done);
        match ended {
            Ok(bytes) => state.result = bytes,
            Err(errno) => state.error = errno,
        }
        let before = match self.kind {
            Kind::Read => mem::replace(&mut state.payload, read),
            _ => None,
        };
        let context = state.context.take();
        drop(state);
        drop((phase, before, context));
        true
    }

    /// Ends it with an errno, where it is in flight. Whether it was.
    pub(super) fn cancel(&self, errno: i32) -> bool {
        let mut state = lock(&self.state);
        if !state.phase.is_in_flight() {
            return false;
        }
        let before = mem::replace(&mut state.phase, Phase::Ended(Err(errno), None));
        drop(state);
        drop(before);
        true
    }

    /// Lets go of what was written.
    pub(super) fn drop_written(&self) {
        if self.kind == Kind::Write {
            let payload = lock(&self.state).payload.take();
            drop(payload);
        }
    }

    /// Calls the callback with the number of bytes, or with the errno as a negative number.
    pub(super) fn call_back(&self, py: Python<'_>) {
        let state = lock(&self.state);
        let callback = state.callback.as_ref().map(|callback| callback.clone_ref(py));
        let result = match state.error {
            0 => i64::try_from(state.result).unwrap_or(i64::MAX),
            errno => -i64::from(errno),
        };
        drop(state);
        let Some(callback) = callback else { return };
        if let Err(error) = callback.call1(py, (result,)) {
            error.write_unraisable(py, Some(callback.bind(py)));
        }
    }

    fn check_idle(&self) -> PyResult<()> {
        match self.is_in_flight() {
            true => Err(PyRuntimeError::new_err("Operation in progress")),
            false => Ok(()),
        }
    }
}

#[pymethods]
impl CompatOperation {
    #[new]
    #[pyo3(signature = (kind, nbytes, fd, offset, payload=None, priority=0))]
    fn new(
        py: Python<'_>,
        kind: &str,
        nbytes: usize,
        fd: i32,
        offset: u64,
        payload: Option<Bound<'_, PyBytes>>,
        priority: i64,
    ) -> PyResult<Self> {
        let kind = match kind {
            "read" => Kind::Read,
            "write" => Kind::Write,
            "fsync" => Kind::Fsync,
            "fdsync" => Kind::Fdsync,
            _ => return Err(PyValueError::new_err(format!("there is no operation {kind:?}"))),
        };
        let memory = (kind == Kind::Read).then(|| NewBytes::new(py, nbytes)).transpose()?;
        let state = State {
            phase: Phase::New(memory),
            woken: false,
            callback: None,
            context: None,
            payload: payload.map(Bound::unbind),
            result: 0,
            error: 0,
        };
        Ok(Self { kind, nbytes, descriptor: fd, offset, priority, state: Mutex::new(state) })
    }

    /// What a read has read, how many bytes a write has written, `None` of a sync. Raises
    /// `SystemError` with the system's text, and `RuntimeError` in flight.
    fn get_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.check_idle()?;
        let state = lock(&self.state);
        let (error, result) = (state.error, state.result);
        let payload = state.payload.as_ref().map(|payload| payload.clone_ref(py));
        drop(state);
        match (error, self.kind) {
            (0, Kind::Read) => Ok(match payload {
                Some(read) => read.into_bound(py).into_any(),
                None => PyBytes::new(py, b"").into_any(),
            }),
            (0, Kind::Write) => Ok(result.into_pyobject(py)?.into_any()),
            (0, _) => Ok(py.None().into_bound(py)),
            (errno, _) => Err(system_error(errno)),
        }
    }

    /// Has `callback` called with the result when the operation has ended.
    fn set_callback(&self, callback: Bound<'_, PyAny>) -> PyResult<bool> {
        if !callback.is_callable() {
            return Err(PyValueError::new_err("a callback can be called"));
        }
        let before = lock(&self.state).callback.replace(callback.unbind());
        drop(before);
        Ok(true)
    }

    #[getter]
    fn fileno(&self) -> i32 {
        self.descriptor
    }

    #[getter]
    fn offset(&self) -> u64 {
        self.offset
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.nbytes
    }

    #[getter]
    fn priority(&self) -> i64 {
        self.priority
    }

    #[getter]
    fn result(&self) -> usize {
        lock(&self.state).result
    }

    #[getter]
    fn error(&self) -> i32 {
        lock(&self.state).error
    }

    /// The context that has it in flight.
    #[getter]
    fn context(&self, py: Python<'_>) -> Option<Py<CompatContext>> {
        lock(&self.state).context.as_ref().map(|context| context.clone_ref(py))
    }

    /// What is written, or what was read, with zeros up to `nbytes`. Raises `RuntimeError` in
    /// flight.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        self.check_idle()?;
        let payload = lock(&self.state).payload.as_ref().map(|payload| payload.clone_ref(py));
        let payload = payload.map(|payload| payload.into_bound(py));
        if self.kind != Kind::Read {
            return Ok(payload);
        }
        match payload {
            Some(read) if read.as_bytes().len() == self.nbytes => Ok(Some(read)),
            read => {
                let read = read.as_ref().map_or(&b""[..], |read| read.as_bytes());
                let padded = PyBytes::new_with(py, self.nbytes, |bytes| {
                    bytes[..read.len()].copy_from_slice(read);
                    Ok(())
                });
                padded.map(Some)
            }
        }
    }

    fn __repr__(&self) -> String {
        let kind = match self.kind {
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Fsync => "fsync",
            Kind::Fdsync => "fdsync",
        };
        format!(
            "<Operation {kind}, fd={}, offset={}, nbytes={}>",
            self.descriptor, self.offset, self.nbytes
        )
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A collection waits for no lock: what another thread is changing is not garbage.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        visit.call(&state.callback)?;
        visit.call(&state.context)
    }

    fn __clear__(&self) {
        let mut state = lock(&self.state);
        let (callback, context) = (state.callback.take(), state.context.take());
        let phase = mem::replace(&mut state.phase, Phase::Done);
        drop(state);
        drop((callback, context, phase));
    }
}
