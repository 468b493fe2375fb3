//! What callers pass: paths, and bytes to write.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::memory;

/// A path: `str`, `bytes` or anything with `__fspath__`.
pub(crate) struct PathArgument(pub(crate) PathBuf);

impl<'py> FromPyObject<'_, 'py> for PathArgument {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match given.cast::<PyBytes>() {
            Ok(bytes) => Ok(Self(OsStr::from_bytes(bytes.as_bytes()).into())),
            Err(_) => Ok(Self(given.extract()?)),
        }
    }
}

/// Bytes to write: those of `bytes` are used where they are, those of any other object with a
/// contiguous buffer are copied, since its owner may change them meanwhile.
pub(crate) struct Data(pub(crate) Bytes);

impl<'py> FromPyObject<'_, 'py> for Data {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match given.cast::<PyBytes>() {
            Ok(bytes) => Ok(Self(Bytes::from_owner(PyBackedBytes::from(bytes.to_owned())))),
            Err(_) => Ok(Self(memory::copied(&given)?.into())),
        }
    }
}
