//! Locks that an open file holds.

use std::ops::Bound as End;
use std::sync::Mutex;
use std::time::Duration;

use aiofile::fs::{FileLock, LockOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::awaitable::Awaitable;
use crate::context::{PyContext, in_context};
use crate::error::exception;
use crate::hub::lock as locked;
use crate::memory::descriptor;
use crate::outcome::nothing;

/// A lock on a file, which is held until `unlock`, or until nobody has this object. `async with`
/// unlocks at its end. The file stays open as long as it is held.
#[pyclass(frozen, weakref, name = "FileLock", module = "aiofile_rs.fs")]
pub(crate) struct PyFileLock(Mutex<Option<FileLock>>);

#[pymethods]
impl PyFileLock {
    /// Unlocks; again, it does nothing. One hop. Raises `OSError`; the lock is given up all the
    /// same.
    fn unlock(&self) -> Awaitable {
        let lock = locked(&self.0).take();
        Awaitable::new("unlock", async move {
            match lock {
                Some(lock) => nothing(lock.unlock().await),
                None => nothing(Ok(())),
            }
        })
    }

    /// Whether it is held.
    #[getter]
    fn held(&self) -> bool {
        locked(&self.0).is_some()
    }

    fn __aenter__(this: Py<Self>) -> Awaitable {
        Awaitable::new("__aenter__", async move { Ok(this.into_any()) })
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(&self, _exception: &Bound<'_, PyTuple>) -> Awaitable {
        self.unlock()
    }
}

/// Locks an open file, or `length` bytes of it from `start` on, and waits until that can be had:
/// `async with await fs.lock(file):`. `shared` lets others have it that want a shared one, too.
///
/// `file` is anything with `fileno()`, open for writing (for a shared lock: for reading). The lock
/// belongs to the open file (`F_OFD_SETLKW`), so two opens of one path exclude each other, within
/// a process as well. No thread waits, and a task that is cancelled leaves nothing locked.
///
/// Raises `TimeoutError` after `timeout` seconds, `ValueError` for an empty range, and `OSError`.
#[pyfunction]
#[pyo3(signature = (file, *, shared=false, start=0, length=None, timeout=None, context=None))]
pub(crate) fn lock(
    file: Bound<'_, PyAny>,
    shared: bool,
    start: u64,
    length: Option<u64>,
    timeout: Option<f64>,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let mut options = options(shared, start, length)?;
    if let Some(seconds) = timeout {
        options.timeout(Duration::try_from_secs_f64(seconds.max(0.0))?);
    }
    let (number, kept) = (fileno(&file)?, file.unbind());
    Ok(Awaitable::new(
        "lock",
        in_context(context, async move {
            let file = descriptor(number).ok_or_else(not_open)?;
            let lock = options.lock(&file).await.map_err(exception)?;
            drop(kept);
            held(lock)
        }),
    ))
}

/// As `lock`, if it can be had now; else it returns `None`. One hop.
#[pyfunction]
#[pyo3(signature = (file, *, shared=false, start=0, length=None, context=None))]
pub(crate) fn try_lock(
    file: Bound<'_, PyAny>,
    shared: bool,
    start: u64,
    length: Option<u64>,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let options = options(shared, start, length)?;
    let (number, kept) = (fileno(&file)?, file.unbind());
    Ok(Awaitable::new(
        "try_lock",
        in_context(context, async move {
            let file = descriptor(number).ok_or_else(not_open)?;
            let lock = options.try_lock(&file).await.map_err(exception)?;
            drop(kept);
            match lock {
                Some(lock) => held(lock),
                None => nothing(Ok(())),
            }
        }),
    ))
}

fn options(shared: bool, start: u64, length: Option<u64>) -> PyResult<LockOptions> {
    if length == Some(0) {
        return Err(PyValueError::new_err("an empty range cannot be locked"));
    }
    let end = length.map_or(End::Unbounded, |length| End::Excluded(start.saturating_add(length)));
    let mut options = LockOptions::new();
    options.shared(shared).range((End::Included(start), end));
    Ok(options)
}

fn fileno(file: &Bound<'_, PyAny>) -> PyResult<i32> {
    file.call_method0(pyo3::intern!(file.py(), "fileno"))?.extract()
}

fn not_open() -> PyErr {
    PyValueError::new_err("the file has no descriptor")
}

fn held(lock: FileLock) -> PyResult<Py<PyAny>> {
    Python::attach(|py| Ok(Py::new(py, PyFileLock(Mutex::new(Some(lock))))?.into_any()))
}
