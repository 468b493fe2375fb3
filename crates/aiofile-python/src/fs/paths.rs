//! The paths of a tree and of a pattern.

use std::sync::Arc;

use aiofile::fs;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;
use tokio::sync::Mutex;

use crate::arguments::PathArgument;
use crate::awaitable::Awaitable;
use crate::context::PyContext;
use crate::error::exception;
use crate::outcome::value;

/// The paths of a tree or of a pattern, one after the other: `async for`.
#[pyclass(frozen, module = "aiofile_rs.fs")]
pub(crate) struct Paths(Arc<Mutex<fs::WalkEntries>>);

#[pymethods]
impl Paths {
    fn __aiter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __anext__(&self) -> Awaitable {
        let entries = Arc::clone(&self.0);
        Awaitable::new("__anext__", async move {
            let next = entries.lock().await.next().await;
            match next {
                Some(Ok(entry)) => value(entry.into_path().into_os_string()),
                Some(Err(error)) => Err(exception(error.into())),
                None => Err(PyStopAsyncIteration::new_err(())),
            }
        })
    }
}

/// The paths of everything below `root` and of itself: `async for path in walk(root)`. One hop for
/// up to 1,024. A directory that cannot be read raises `OSError`; the iteration may go on.
#[pyfunction]
#[pyo3(signature = (root, *, sort=false, context=None))]
pub(crate) fn walk(root: PathArgument, sort: bool, context: Option<Bound<'_, PyContext>>) -> Paths {
    let mut walk = fs::walk(root.0);
    walk.sort(sort);
    if let Some(context) = context {
        walk.context(&context.get().0);
    }
    Paths(Arc::new(Mutex::new(walk.entries())))
}

/// The paths that match a pattern, such as `logs/**/*.gz`: `async for path in glob(pattern)`.
/// Raises `ValueError` for a bad pattern, at once.
#[pyfunction]
pub(crate) fn glob(pattern: &str) -> PyResult<Paths> {
    let entries = fs::glob(pattern).map_err(exception)?;
    Ok(Paths(Arc::new(Mutex::new(entries))))
}
