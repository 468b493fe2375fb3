//! The file with a cursor that holds text.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aiofile::Mode;
use aiofile::text::{Encoding, Errors, Newline, TextFile, TextOptions};
use pyo3::exceptions::{PyLookupError, PyValueError};
use pyo3::prelude::*;
use tokio::sync::Mutex;

use crate::arguments::PathArgument;
use crate::awaitable::Awaitable;
use crate::binary_file::{BinaryFile, seek_from};
use crate::context::{PyContext, in_context};
use crate::cursor::{About, CursorFile, Shared, detached, locked, opened, size};
use crate::error::exception;
use crate::lines::{self, Chunks, piece};
use crate::outcome::{nothing, value};

/// A file of text with a cursor. `async for` gives its lines, each with its end.
///
/// It reads ahead, and hands every write to the kernel before that returns. Tasks that use it at
/// the same time take turns, in order.
#[pyclass(frozen, extends = CursorFile, name = "TextFile", module = "aiofile_rs")]
pub(crate) struct PyTextFile {
    file: Shared<TextFile>,
    about: Arc<About>,
    encoding: &'static str,
    errors: String,
}

#[pymethods]
impl PyTextFile {
    /// Reads `size` characters, fewer at the end of the file only; everything that is left without
    /// it, or where it is negative. Raises `UnicodeError` for bytes that are no text, `OSError`,
    /// and `io.UnsupportedOperation` for a file that was opened to be written.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn read(&self, size: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        let wanted = self::size(size);
        Ok(locked!(self.file, "read", |file| piece(match wanted {
            Some(length) => file.read(length).await,
            None => file.read_all().await,
        })))
    }

    /// The next line with its end, of a longer one the first `size` characters where that is given;
    /// `""` at the end of the file. Errors as for `read`.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn readline(&self, size: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        Ok(lines::readline(&self.file, self::size(size)))
    }

    /// The lines up to the end, or until they have `hint` characters. Errors as for `read`.
    #[pyo3(signature = (hint=-1), text_signature = "($self, hint=-1)")]
    fn readlines(&self, hint: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        Ok(lines::readlines(&self.file, size(hint)))
    }

    /// The chunks of `size` characters from the cursor on, the last one shorter: `async for`.
    /// Errors as for `read`, and `ValueError` for a size of 0.
    #[pyo3(signature = (size=65536))]
    fn iter_chunked(&self, size: usize) -> PyResult<Chunks> {
        self.about.check_reads()?;
        Chunks::new(&self.file, size)
    }

    /// Writes `text` at the cursor or, where it was opened to append, at the end, and returns how
    /// many characters that were. The kernel has them then.
    ///
    /// Raises `ValueError` for a character that the encoding lacks, and `OSError`.
    fn write(&self, text: String) -> PyResult<Awaitable> {
        self.about.check_writes()?;
        Ok(locked!(self.file, "write", |file| value(file.write(&text).await.map_err(exception)?)))
    }

    /// Writes each of them.
    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<Awaitable> {
        self.about.check_writes()?;
        let mut all = String::new();
        for line in lines.try_iter()? {
            all.push_str(&line?.extract::<String>()?);
        }
        Ok(locked!(self.file, "writelines", |file| nothing(file.write(&all).await.map(|_| ()))))
    }

    /// Moves the cursor to a place that `tell` gave (`whence` 0), or by 0 from where it is (1) or
    /// from the end (2), and returns where it is, in bytes.
    #[pyo3(signature = (offset, whence=0))]
    fn seek(&self, offset: i64, whence: u8) -> PyResult<Awaitable> {
        self.about.check()?;
        let to = seek_from(offset, whence)?;
        Ok(locked!(self.file, "seek", |file| value(file.seek(to).await.map_err(exception)?)))
    }

    /// Where the cursor is, in bytes.
    fn tell(&self) -> PyResult<Awaitable> {
        self.about.check()?;
        Ok(locked!(self.file, "tell", |file| value(file.tell().await.map_err(exception)?)))
    }

    /// Cuts the file off at `size` bytes, at the cursor without it, after what was written before.
    /// Returns the size.
    #[pyo3(signature = (size=None))]
    fn truncate(&self, size: Option<u64>) -> PyResult<Awaitable> {
        self.about.check_writes()?;
        Ok(locked!(self.file, "truncate", |file| {
            file.flush().await.map_err(exception)?;
            let size = match size {
                Some(size) => size,
                None => file.tell().await.map_err(exception)?,
            };
            file.get_ref().set_len(size).await.map_err(exception)?;
            value(size)
        }))
    }

    /// Hands to the kernel what a write that was cancelled or that failed has left. It syncs
    /// nothing: see `fsync`.
    fn flush(&self) -> PyResult<Awaitable> {
        self.about.check()?;
        Ok(locked!(self.file, "flush", |file| nothing(file.flush().await)))
    }

    /// Flushes, and has the device keep all that was written.
    #[pyo3(signature = (*, data_only=false))]
    fn fsync(&self, data_only: bool) -> PyResult<Awaitable> {
        self.about.check()?;
        Ok(locked!(self.file, "fsync", |file| {
            file.flush().await.map_err(exception)?;
            nothing(match data_only {
                true => file.get_ref().sync_data().await,
                false => file.get_ref().sync_all().await,
            })
        }))
    }

    /// Flushes, and closes the file; again, it does nothing. It syncs nothing.
    fn close(&self) -> Awaitable {
        self.about.closed.store(true, Ordering::Release);
        let shared = Arc::clone(&self.file);
        Awaitable::new("close", async move {
            let file = shared.lock().await.take();
            match file {
                Some(file) => nothing(file.close().await),
                None => nothing(Ok(())),
            }
        })
    }

    /// Flushes, and returns the open file as a `BinaryFile` with its cursor where this one's is;
    /// this one counts as closed then. What was read ahead of a pipe is lost. Raises `ValueError`
    /// for a closed file, and `OSError`.
    fn detach(&self) -> PyResult<Awaitable> {
        let about = Arc::clone(&self.about);
        detached(&self.file, &self.about, move |file: TextFile| async move {
            let file = file.into_inner().await.map_err(exception)?;
            let mode = (about.mode.replace('t', "") + "b", file.mode());
            BinaryFile::object(file, about.name.clone(), mode)
        })
    }

    /// What becomes of bytes that are no text.
    #[getter]
    fn errors(&self) -> &str {
        &self.errors
    }

    /// The encoding's name.
    #[getter]
    fn encoding(&self) -> &'static str {
        self.encoding
    }

    fn __anext__(&self) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        Ok(lines::next_line(&self.file))
    }
}

/// What text is, in the words of Python's `open`.
pub(crate) fn text_options(
    encoding: Option<&str>,
    errors: Option<&str>,
    newline: Option<&str>,
) -> PyResult<(TextOptions, Encoding)> {
    let encoding: Encoding = encoding
        .unwrap_or("utf-8")
        .parse()
        .map_err(|error: aiofile::Error| PyLookupError::new_err(error.to_string()))?;
    let errors = match errors {
        None | Some("strict") => Errors::Strict,
        Some("replace") => Errors::Replace,
        Some("ignore") => Errors::Ignore,
        Some(other) => {
            let message = format!("errors is strict, replace or ignore, and not {other:?}");
            return Err(PyLookupError::new_err(message));
        }
    };
    let newline = match newline {
        None => Newline::Universal,
        Some("") => Newline::Any,
        Some("\n") => Newline::Lf,
        Some("\r") => Newline::Cr,
        Some("\r\n") => Newline::CrLf,
        Some(other) => {
            return Err(PyValueError::new_err(format!("illegal newline value: {other:?}")));
        }
    };
    Ok((TextOptions::new().encoding(encoding).errors(errors).newline(newline), encoding))
}

/// Opens a file of text with a cursor. See `aiofile_rs.open`.
#[pyfunction]
#[pyo3(signature = (path, mode="r", encoding=None, errors=None, newline=None, *, context=None))]
pub(crate) fn open_text(
    path: PathArgument,
    mode: &str,
    encoding: Option<&str>,
    errors: Option<&str>,
    newline: Option<&str>,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let parsed: Mode = mode.parse().map_err(|error: aiofile::Error| exception(error.into()))?;
    let (options, encoding) = text_options(encoding, errors, newline)?;
    let errors = errors.unwrap_or("strict").to_owned();
    let (PathArgument(path), mode) = (path, mode.to_owned());
    Ok(Awaitable::new(
        "open",
        in_context(context, async move {
            let file = TextFile::open_with(&path, &mode, &options).await.map_err(exception)?;
            let (descriptor, seekable) = (file.get_ref().as_raw_fd(), file.get_ref().is_seekable());
            let about = About::new(path.into(), (mode, parsed), descriptor, seekable);
            let file = Arc::new(Mutex::new(Some(file)));
            let (held, encoding) = (Arc::clone(&about), encoding.name());
            opened(about, PyTextFile { file, about: held, encoding, errors })
        }),
    ))
}
