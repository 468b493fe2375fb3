//! Values of the engine's as objects of Python's.

use std::io;

use pyo3::BoundObject;
use pyo3::prelude::*;

use crate::error::exception;

/// `None`, where that went well.
pub(crate) fn nothing(done: io::Result<()>) -> PyResult<Py<PyAny>> {
    done.map_err(exception)?;
    Ok(Python::attach(|py| py.None()))
}

/// Any value that Python has an object for.
pub(crate) fn value<T>(value: T) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py, Error: Into<PyErr>>,
{
    Python::attach(|py| {
        let object = value.into_pyobject(py).map_err(Into::into)?;
        Ok(object.into_bound().into_any().unbind())
    })
}
