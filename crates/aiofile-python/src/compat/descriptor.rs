//! Operations on a descriptor by its number.

use std::path::PathBuf;

use bytes::Bytes;
use caio::{Buffer, Context, Error, SharedFile};
use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::awaitable::Awaitable;
use crate::context::PyContext;
use crate::memory::{NewBytes, descriptor};
use crate::outcome::value;

/// EBADF
const BAD_DESCRIPTOR: i32 = 9;

/// EIO, for what has no errno of its own.
const UNKNOWN: i32 = 5;

/// The offset that stands for none: the descriptor is a stream.
const NO_OFFSET: u64 = u64::MAX;

/// What is to be done, with the memory for it.
pub(crate) enum Request {
    Read(NewBytes),
    Write(Bytes),
    Fsync,
    Fdsync,
}

/// How it ended: the number of bytes, or an errno.
pub(crate) type Ended = Result<usize, i32>;

/// Does it. The memory of a read comes back unless the engine has kept it.
pub(crate) async fn perform(
    context: Context,
    request: Request,
    number: i32,
    offset: u64,
) -> (Ended, Option<NewBytes>) {
    // It may be another file than the one that had this number before: it is examined each time.
    let file = descriptor(number).ok_or(BAD_DESCRIPTOR).and_then(|descriptor| {
        let path = PathBuf::from(format!("/dev/fd/{number}"));
        SharedFile::borrowed(descriptor, path).map_err(errno)
    });
    let file = match (file, request) {
        (Ok(file), request) => (file, request),
        (Err(errno), Request::Read(memory)) => return (Err(errno), Some(memory)),
        (Err(errno), _) => return (Err(errno), None),
    };
    let offset = if offset == NO_OFFSET { 0 } else { offset };
    match file {
        (file, Request::Read(memory)) => {
            let buffer = Buffer::from_owner(memory);
            let length = buffer.capacity();
            if length == 0 {
                return (Ok(0), buffer.into_owner().ok());
            }
            let (read, buffer) = context.read(&file, buffer, 0..length, offset).await;
            (read.map_err(errno), buffer.into_owner().ok())
        }
        (file, Request::Write(bytes)) => {
            let length = bytes.len();
            if length == 0 {
                return (Ok(0), None);
            }
            let (written, _) = context.write(&file, bytes.into(), 0..length, offset).await;
            (written.map_err(errno), None)
        }
        (file, Request::Fsync) => {
            (context.sync(&file, false).await.map(|()| 0).map_err(errno), None)
        }
        (file, Request::Fdsync) => {
            (context.sync(&file, true).await.map(|()| 0).map_err(errno), None)
        }
    }
}

fn errno(error: Error) -> i32 {
    error.raw_os_error().unwrap_or(UNKNOWN)
}

/// The exception for an errno, which has the system's text.
pub(crate) fn system_error(errno: i32) -> PyErr {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    PySystemError::new_err(text.split(" (os error").next().unwrap_or_default().to_owned())
}

/// Reads up to `nbytes` bytes of a descriptor. Raises `SystemError`.
#[pyfunction]
pub(crate) fn read_descriptor(
    py: Python<'_>,
    context: Bound<'_, PyContext>,
    nbytes: usize,
    fd: i32,
    offset: u64,
) -> PyResult<Awaitable> {
    let (memory, context) = (NewBytes::new(py, nbytes)?, context.get().0.clone());
    Ok(Awaitable::transfer("read", nbytes, async move {
        let (read, memory) = perform(context, Request::Read(memory), fd, offset).await;
        let read = read.map_err(system_error)?;
        let memory = memory.ok_or_else(|| system_error(UNKNOWN))?;
        Ok(Python::attach(|py| memory.finish(py, read).into_any()))
    }))
}

/// Writes `payload` to a descriptor. Raises `SystemError`.
#[pyfunction]
pub(crate) fn write_descriptor(
    context: Bound<'_, PyContext>,
    payload: Bound<'_, PyBytes>,
    fd: i32,
    offset: u64,
) -> Awaitable {
    let context = context.get().0.clone();
    let bytes = Bytes::from_owner(pyo3::pybacked::PyBackedBytes::from(payload));
    Awaitable::transfer("write", bytes.len(), async move {
        let (written, _) = perform(context, Request::Write(bytes), fd, offset).await;
        value(written.map_err(system_error)?)
    })
}

/// Has the device keep what was written. Raises `SystemError`.
#[pyfunction]
pub(crate) fn fsync_descriptor(context: Bound<'_, PyContext>, fd: i32) -> Awaitable {
    sync(context, Request::Fsync, fd)
}

/// The same without metadata that reading does not need. Raises `SystemError`.
#[pyfunction]
pub(crate) fn fdsync_descriptor(context: Bound<'_, PyContext>, fd: i32) -> Awaitable {
    sync(context, Request::Fdsync, fd)
}

fn sync(context: Bound<'_, PyContext>, request: Request, fd: i32) -> Awaitable {
    let context = context.get().0.clone();
    Awaitable::new("fsync", async move {
        perform(context, request, fd, 0).await.0.map_err(system_error)?;
        Ok(Python::attach(|py| py.None()))
    })
}
