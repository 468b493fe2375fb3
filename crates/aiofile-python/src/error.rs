//! Errors of the engine as exceptions of Python's.

use std::io;

use aiofile::{Error, ErrorKind};
use pyo3::exceptions::{
    PyEOFError, PyOSError, PyRuntimeError, PyTimeoutError, PyUnicodeError, PyValueError,
};
use pyo3::prelude::*;

/// The exception for an error: an `OSError` of the subclass that belongs to its errno, with the
/// file's name; `ValueError` for what cannot be right; `EOFError`, `TimeoutError`. The engine's own
/// sentence is a note where it says more.
pub(crate) fn exception(error: io::Error) -> PyErr {
    Python::attach(|py| {
        let own = Error::of(&error);
        let errno = own.map_or(error.raw_os_error(), Error::raw_os_error);
        match errno {
            Some(errno) => os_error(py, errno, own).unwrap_or_else(|failed| failed),
            None => of_kind(own.map(Error::kind), &error),
        }
    })
}

fn os_error(py: Python<'_>, errno: i32, own: Option<&Error>) -> PyResult<PyErr> {
    let text = io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let name = own.and_then(Error::path).map(|path| path.as_os_str());
    // Called, the type gives an instance of the subclass for this errno.
    let value = py.get_type::<PyOSError>().call1((errno, text, name))?;
    if let Some(own) = own.filter(|own| own.cure().is_some()) {
        value.call_method1("add_note", (own.to_string(),))?;
    }
    Ok(PyErr::from_value(value))
}

fn of_kind(kind: Option<ErrorKind>, error: &io::Error) -> PyErr {
    let text = error.to_string();
    match (kind, error.kind()) {
        (Some(ErrorKind::InvalidInput | ErrorKind::Closed | ErrorKind::Config), _)
        | (Some(ErrorKind::Backend), _)
        | (None, io::ErrorKind::InvalidInput) => PyValueError::new_err(text),
        (Some(ErrorKind::InvalidData), _) | (None, io::ErrorKind::InvalidData) => {
            PyUnicodeError::new_err(text)
        }
        (Some(ErrorKind::UnexpectedEof), _) => PyEOFError::new_err(text),
        (Some(ErrorKind::TimedOut), _) => PyTimeoutError::new_err(text),
        (Some(ErrorKind::WriteZero), _) | (None, _) => PyOSError::new_err(text),
        (Some(_), _) => PyRuntimeError::new_err(text),
    }
}
