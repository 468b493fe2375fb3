//! Lines and chunks of a file with a cursor, of bytes or of text.

use std::future::Future;
use std::io;
use std::sync::Arc;

use aiofile::File;
use aiofile::text::TextFile;
use bytes::Bytes;
use pyo3::exceptions::{PyStopAsyncIteration, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::awaitable::Awaitable;
use crate::cursor::{Shared, locked};
use crate::error::exception;

/// A file of lines. Of nothing, there is none at the end of the file alone.
pub(crate) trait Lines: Send + 'static {
    type Piece: Piece;

    /// The next line with its end, or of a longer one so much.
    fn line(&mut self, most: Option<usize>)
    -> impl Future<Output = io::Result<Self::Piece>> + Send;

    /// The next bytes or characters, fewer at the end.
    fn chunk(&mut self, length: usize) -> impl Future<Output = io::Result<Self::Piece>> + Send;
}

impl Lines for File {
    type Piece = Bytes;

    async fn line(&mut self, most: Option<usize>) -> io::Result<Bytes> {
        match most {
            Some(most) => self.readline_up_to(most).await,
            None => self.readline().await,
        }
    }

    async fn chunk(&mut self, length: usize) -> io::Result<Bytes> {
        self.read_bytes(length).await
    }
}

impl Lines for TextFile {
    type Piece = String;

    async fn line(&mut self, most: Option<usize>) -> io::Result<String> {
        match most {
            Some(most) => self.readline_up_to(most).await,
            None => self.readline().await,
        }
    }

    async fn chunk(&mut self, length: usize) -> io::Result<String> {
        self.read(length).await
    }
}

/// Text or bytes.
pub(crate) trait Piece: Send {
    fn is_empty(&self) -> bool;
    /// How many bytes or characters.
    fn length(&self) -> usize;
    fn into_object(self, py: Python<'_>) -> Py<PyAny>;
}

impl Piece for Bytes {
    fn is_empty(&self) -> bool {
        (**self).is_empty()
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn into_object(self, py: Python<'_>) -> Py<PyAny> {
        PyBytes::new(py, &self).into_any().unbind()
    }
}

impl Piece for String {
    fn is_empty(&self) -> bool {
        (**self).is_empty()
    }

    fn length(&self) -> usize {
        self.chars().count()
    }

    fn into_object(self, py: Python<'_>) -> Py<PyAny> {
        PyString::new(py, &self).into_any().unbind()
    }
}

/// The outcome of a read.
pub(crate) fn piece(read: io::Result<impl Piece>) -> PyResult<Py<PyAny>> {
    let read = read.map_err(exception)?;
    Ok(Python::attach(|py| read.into_object(py)))
}

/// The next value of an iteration, which ends with an empty piece.
fn next_piece(read: io::Result<impl Piece>) -> PyResult<Py<PyAny>> {
    match read.map_err(exception)? {
        end if end.is_empty() => Err(PyStopAsyncIteration::new_err(())),
        read => Ok(Python::attach(|py| read.into_object(py))),
    }
}

/// `readline`
pub(crate) fn readline<T: Lines>(file: &Shared<T>, most: Option<usize>) -> Awaitable {
    locked!(file, "readline", |file| piece(file.line(most).await))
}

/// `__anext__` of the file.
pub(crate) fn next_line<T: Lines>(file: &Shared<T>) -> Awaitable {
    locked!(file, "__anext__", |file| next_piece(file.line(None).await))
}

/// `readlines`: the lines up to the end, or until they have `hint` bytes or characters.
pub(crate) fn readlines<T: Lines>(file: &Shared<T>, hint: Option<usize>) -> Awaitable {
    locked!(file, "readlines", |file| {
        let (mut lines, mut length) = (Vec::new(), 0);
        while hint.is_none_or(|hint| hint == 0 || length < hint) {
            let line = file.line(None).await.map_err(exception)?;
            if line.is_empty() {
                break;
            }
            length += hint.map_or(0, |_| line.length());
            lines.push(line);
        }
        Python::attach(|py| {
            let lines: Vec<_> = lines.into_iter().map(|line| line.into_object(py)).collect();
            Ok(lines.into_pyobject(py)?.unbind().into_any())
        })
    })
}

/// The chunks of a file from its cursor on, one after the other: `async for`.
#[pyclass(frozen, module = "aiofile_rs")]
pub(crate) struct Chunks(Box<dyn Fn() -> Awaitable + Send + Sync>);

impl Chunks {
    /// `iter_chunked`
    pub(crate) fn new<T: Lines>(file: &Shared<T>, size: usize) -> PyResult<Self> {
        if size == 0 {
            return Err(PyValueError::new_err("a chunk has a size of 1 or more"));
        }
        let file = Arc::clone(file);
        Ok(Self(Box::new(move || {
            locked!(file, "__anext__", |file| next_piece(file.chunk(size).await))
        })))
    }
}

#[pymethods]
impl Chunks {
    fn __aiter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __anext__(&self) -> Awaitable {
        (self.0)()
    }
}
