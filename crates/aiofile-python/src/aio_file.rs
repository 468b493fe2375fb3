//! The open file that is addressed by offset.

use std::ffi::OsString;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Mutex;

use aiofile::{AioFile, Buffer, Mode, OpenOptions, fs};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::arguments::{Data, PathArgument};
use crate::awaitable::Awaitable;
use crate::context::PyContext;
use crate::error::exception;
use crate::hub::lock;
use crate::memory::{Lent, NewBytes};
use crate::outcome::{nothing, value};

/// An open file, addressed by offset: any number of reads and writes at once, from any task of any
/// event loop. There is no cursor, and nothing is buffered: a write that has returned is with the
/// kernel.
///
/// `aiofile_rs.open` gives one. `async with` closes it.
#[pyclass(frozen, weakref, name = "AioFile", module = "aiofile_rs")]
pub(crate) struct PyAioFile {
    /// `None` once it is closed.
    file: Mutex<Option<AioFile>>,
    name: OsString,
    mode: String,
}

impl PyAioFile {
    /// The object for an open file.
    pub(crate) fn object(file: AioFile, name: OsString, mode: String) -> PyResult<Py<PyAny>> {
        let opened = Self { file: Mutex::new(Some(file)), name, mode };
        Python::attach(|py| Ok(Py::new(py, opened)?.into_any()))
    }

    fn file(&self) -> PyResult<AioFile> {
        let file = lock(&self.file).clone();
        file.ok_or_else(|| PyValueError::new_err("I/O operation on closed file"))
    }
}

#[pymethods]
impl PyAioFile {
    /// Reads up to `length` bytes at `offset`. Fewer come at the end of the file only; of a pipe,
    /// what is there.
    ///
    /// Cached data costs one system call on this thread and no turn of the event loop. The bytes
    /// are read where the result has them.
    ///
    /// Raises `OSError` for what the system answers, `ValueError` once the file is closed,
    /// `MemoryError` for a length that there is no memory for. Cancelled, it has no effect.
    fn read_at(&self, length: usize, offset: u64) -> PyResult<Awaitable> {
        let file = self.file()?;
        Ok(Awaitable::transfer("read_at", length, async move {
            if length == 0 {
                let none = file.read_at(0, offset).await.map_err(exception)?;
                return Ok(Python::attach(|py| PyBytes::new(py, &none).unbind().into_any()));
            }
            let memory = Python::attach(|py| NewBytes::new(py, length))?;
            let (read, buffer) = file.read_into(Buffer::from_owner(memory), offset).await;
            let read = read.map_err(exception)?;
            Ok(match buffer.into_owner::<NewBytes>() {
                Ok(memory) => Python::attach(|py| memory.finish(py, read).into_any()),
                Err(_) => return Err(PyRuntimeError::new_err("the engine kept the memory")),
            })
        }))
    }

    /// Reads into a writable, contiguous buffer, such as a `bytearray`, a `memoryview` or an array,
    /// from its start, without a copy. Returns how many bytes that was: fewer than it has at the
    /// end of the file only.
    ///
    /// The buffer is lent until the read has ended: do not touch it meanwhile. After a
    /// cancellation that may be a little later.
    ///
    /// Raises `BufferError` for a buffer that is read-only or not contiguous, else as `read_at`.
    fn readinto(&self, buffer: &Bound<'_, PyAny>, offset: u64) -> PyResult<Awaitable> {
        let (file, memory) = (self.file()?, Lent::new(buffer)?);
        Ok(Awaitable::transfer("readinto", memory.len(), async move {
            if memory.len() == 0 {
                file.read_at(0, offset).await.map_err(exception)?;
                return value(0);
            }
            let (read, buffer) = file.read_into(Buffer::from_owner(memory), offset).await;
            if let Ok(memory) = buffer.into_owner::<Lent>() {
                Python::attach(|py| memory.release(py));
            }
            value(read.map_err(exception)?)
        }))
    }

    /// Reads many ranges, given as pairs of a start and an end, at once; ranges that lie close
    /// together become one read. Returns a list of `bytes` in the order of the ranges.
    ///
    /// Raises `EOFError` where a range ends beyond the end of the file, `ValueError` for a range
    /// that ends before it starts, else as `read_at`. Cancelled, it has no effect.
    fn read_ranges(&self, ranges: Vec<(u64, u64)>) -> PyResult<Awaitable> {
        let file = self.file()?;
        let ranges: Vec<Range<u64>> = ranges.into_iter().map(|(start, end)| start..end).collect();
        let bytes = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum::<u64>();
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(Awaitable::transfer("read_ranges", bytes, async move {
            let read = file.read_ranges(&ranges).await.map_err(exception)?;
            Python::attach(|py| {
                let read = read.iter().map(|bytes| PyBytes::new(py, bytes));
                Ok(PyList::new(py, read.collect::<Vec<_>>())?.into_any().unbind())
            })
        }))
    }

    /// Writes all of `data` at `offset`, and returns how many bytes that were. The bytes of `bytes`
    /// are written from where they are; those of any other buffer are copied first.
    ///
    /// Raises `OSError` for what the system answers (an unknown part was written then), and
    /// `ValueError` once the file is closed, or for a file that was opened to append, which has
    /// `append`. Cancelled, any part may still be written.
    fn write_at(&self, data: Data, offset: u64) -> PyResult<Awaitable> {
        let (file, Data(bytes)) = (self.file()?, data);
        let length = bytes.len();
        Ok(Awaitable::transfer("write_at", length, async move {
            file.write_all_at(bytes, offset).await.map_err(exception)?;
            value(length)
        }))
    }

    /// Writes all of `data` at the end of a file that was opened to append, wherever that is by
    /// then. Errors and cancellation as for `write_at`.
    fn append(&self, data: Data) -> PyResult<Awaitable> {
        let (file, Data(bytes)) = (self.file()?, data);
        let length = bytes.len();
        Ok(Awaitable::transfer("append", length, async move {
            file.append(bytes).await.map_err(exception)?;
            value(length)
        }))
    }

    /// Has the device keep all that was written before, with all metadata, or with `data_only` what
    /// is needed to read it again. One hop, shared by the syncs that are asked for meanwhile.
    ///
    /// Raises `OSError`: what was lost stays lost, and the error repeats.
    #[pyo3(signature = (*, data_only=false))]
    fn fsync(&self, data_only: bool) -> PyResult<Awaitable> {
        let file = self.file()?;
        Ok(Awaitable::new("fsync", async move {
            let synced = if data_only { file.fdatasync().await } else { file.fsync().await };
            nothing(synced)
        }))
    }

    /// Cuts the file off at `length` bytes, or fills it up with zeros to there. One hop.
    ///
    /// Raises `OSError` for what the system answers.
    fn truncate(&self, length: u64) -> PyResult<Awaitable> {
        let file = self.file()?;
        Ok(Awaitable::new("truncate", async move { nothing(file.set_len(length).await) }))
    }

    /// Has the file system set aside room for `length` bytes from `offset` on, so that writes there
    /// do not fail for want of it; the file grows to there. One hop.
    ///
    /// Raises `OSError`, such as `ENOSPC`, and `EOPNOTSUPP` where the file system cannot.
    fn allocate(&self, offset: u64, length: u64) -> PyResult<Awaitable> {
        let (file, range) = (self.file()?, offset..offset.saturating_add(length));
        Ok(Awaitable::new("allocate", async move { nothing(fs::allocate(&file, range).await) }))
    }

    /// Gives the room of `length` bytes from `offset` on back to the file system. They read as
    /// zeros then, and the file keeps its length. One hop.
    ///
    /// Raises `OSError`, such as `EOPNOTSUPP` where the file system cannot.
    fn punch_hole(&self, offset: u64, length: u64) -> PyResult<Awaitable> {
        let (file, range) = (self.file()?, offset..offset.saturating_add(length));
        Ok(Awaitable::new("punch_hole", async move { nothing(fs::punch_hole(&file, range).await) }))
    }

    /// How many bytes the file has. No hop on local file systems.
    fn size(&self) -> PyResult<Awaitable> {
        let file = self.file()?;
        Ok(Awaitable::new("size", async move { value(file.len().await.map_err(exception)?) }))
    }

    /// Everything from `offset` to the end of the file, however long that is by then. Errors and
    /// cancellation as for `read_at`.
    #[pyo3(signature = (offset=0))]
    fn read_to_end(&self, offset: u64) -> PyResult<Awaitable> {
        let file = self.file()?;
        Ok(Awaitable::transfer("read_to_end", usize::MAX, async move {
            let read = file.read_to_end(offset).await.map_err(exception)?;
            Ok(Python::attach(|py| PyBytes::new(py, &read).unbind().into_any()))
        }))
    }

    /// Closes the file; again, it does nothing. What is in flight goes on, and the descriptor is
    /// closed after it. It syncs nothing. One hop.
    ///
    /// Raises `OSError` for what the system answers; the file is closed all the same.
    fn close(&self) -> Awaitable {
        let file = lock(&self.file).take();
        Awaitable::new("close", async move {
            match file {
                Some(mut file) => nothing(file.close().await),
                None => nothing(Ok(())),
            }
        })
    }

    /// The number of the descriptor.
    ///
    /// Raises `ValueError` once the file is closed.
    fn fileno(&self) -> PyResult<i32> {
        Ok(self.file()?.as_raw_fd())
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        lock(&self.file).is_none()
    }

    /// The path, as it was opened.
    #[getter]
    fn name(&self) -> OsString {
        self.name.clone()
    }

    /// The mode, as it was opened.
    #[getter]
    fn mode(&self) -> &str {
        &self.mode
    }

    fn __aenter__(this: Py<Self>) -> Awaitable {
        Awaitable::new("__aenter__", async move { Ok(this.into_any()) })
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(&self, _exception: &Bound<'_, PyTuple>) -> Awaitable {
        self.close()
    }

    fn __repr__(&self) -> String {
        let closed = if self.closed() { ", closed" } else { "" };
        format!("<aiofile_rs.AioFile {:?}, mode {:?}{closed}>", self.name, self.mode)
    }
}

/// Opens a file to be addressed by offset. See `aiofile_rs.open`.
#[pyfunction]
#[pyo3(signature = (path, mode="rb", *, direct=false, bounce=false, permissions=0o666,
                    context=None))]
pub(crate) fn open_aio(
    path: PathArgument,
    mode: &str,
    direct: bool,
    bounce: bool,
    permissions: u32,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let mut options = OpenOptions::new();
    let parsed: Mode = mode.parse().map_err(|error: aiofile::Error| exception(error.into()))?;
    options.access(parsed).map_err(exception)?;
    options.direct(direct).bounce(bounce).mode(permissions);
    if let Some(context) = context {
        options.context(&context.get().0);
    }
    let (PathArgument(path), mode) = (path, mode.to_owned());
    Ok(Awaitable::new("open", async move {
        let file = options.open_aio(&path).await.map_err(exception)?;
        PyAioFile::object(file, path.into(), mode)
    }))
}
