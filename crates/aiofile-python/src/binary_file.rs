//! The file with a cursor that holds bytes.

use std::ffi::OsString;
use std::io::{self, SeekFrom};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aiofile::{File, Mode, async_open};
use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::io::{AsyncBufReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::aio_file::PyAioFile;
use crate::arguments::{Data, PathArgument};
use crate::awaitable::Awaitable;
use crate::context::{PyContext, in_context};
use crate::cursor::{About, CursorFile, Shared, detached, locked, opened, size};
use crate::error::exception;
use crate::lines::{self, Chunks, piece};
use crate::memory::Lent;
use crate::outcome::{nothing, value};

/// A file of bytes with a cursor. `async for` gives its lines, each with its end.
///
/// It reads ahead, and hands every write to the kernel before that returns. Tasks that use it at
/// the same time take turns, in order. A read or write that is cancelled has moved the cursor by
/// what it has moved, and loses nothing that was read.
#[pyclass(frozen, extends = CursorFile, module = "aiofile_rs")]
pub(crate) struct BinaryFile {
    file: Shared<File>,
    about: Arc<About>,
}

impl BinaryFile {
    /// The object for an open file.
    pub(crate) fn object(file: File, name: OsString, mode: (String, Mode)) -> PyResult<Py<PyAny>> {
        let about = About::new(name, mode, file.as_raw_fd(), file.is_seekable());
        let file = Arc::new(Mutex::new(Some(file)));
        opened(Arc::clone(&about), Self { file, about })
    }
}

#[pymethods]
impl BinaryFile {
    /// Reads `size` bytes, fewer at the end of the file only, and of a pipe what is there;
    /// everything that is left without it, or where it is negative. Raises `OSError`, and
    /// `io.UnsupportedOperation` for a file that was opened to be written.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn read(&self, size: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        let wanted = self::size(size);
        Ok(locked!(self.file, "read", |file| piece(match wanted {
            Some(length) => file.read_bytes(length).await,
            None => file.read_all().await,
        })))
    }

    /// Up to `size` bytes of what was read ahead, or of one read of 64 KiB where that is nothing;
    /// all of these without it. `b""` at the end of the file. Errors as for `read`.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn read1(&self, size: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        let most = self::size(size).unwrap_or(usize::MAX);
        Ok(locked!(self.file, "read1", |file| piece(read_once(file, most).await)))
    }

    /// As `read1`, and leaves the cursor where it is. Errors as for `read`.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn peek(&self, size: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        let most = self::size(size).filter(|size| *size > 0).unwrap_or(usize::MAX);
        Ok(locked!(self.file, "peek", |file| {
            let ahead = file.fill_buf().await.map_err(exception)?;
            let seen = &ahead[..ahead.len().min(most)];
            Ok(Python::attach(|py| PyBytes::new(py, seen).into_any().unbind()))
        }))
    }

    /// Reads into a writable, contiguous buffer, and returns how many bytes that was: fewer than it
    /// has at the end of the file only, and of a pipe what is there. They are copied once;
    /// `AioFile.readinto` copies nothing. The buffer is lent until the read has ended.
    ///
    /// Raises `BufferError` for a buffer that is read-only or not contiguous, else as `read`.
    fn readinto(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        let memory = Lent::new(buffer)?;
        Ok(locked!(self.file, "readinto", |file| {
            let read = file.read_bytes(memory.len()).await;
            memory.fill(read)
        }))
    }

    /// As `readinto`, with the bytes that `read1` gives.
    fn readinto1(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        let memory = Lent::new(buffer)?;
        Ok(locked!(self.file, "readinto1", |file| {
            let read = read_once(file, memory.len()).await;
            memory.fill(read)
        }))
    }

    /// The next line with its end, of a longer one the first `size` bytes where that is given;
    /// `b""` at the end of the file. Errors as for `read`.
    #[pyo3(signature = (size=-1), text_signature = "($self, size=-1)")]
    fn readline(&self, size: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        Ok(lines::readline(&self.file, self::size(size)))
    }

    /// The lines up to the end, or until they have `hint` bytes. Errors as for `read`.
    #[pyo3(signature = (hint=-1), text_signature = "($self, hint=-1)")]
    fn readlines(&self, hint: Option<isize>) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        Ok(lines::readlines(&self.file, size(hint)))
    }

    /// The chunks of `size` bytes from the cursor on, the last one shorter: `async for`. Errors as
    /// for `read`, and `ValueError` for a size of 0.
    #[pyo3(signature = (size=65536))]
    fn iter_chunked(&self, size: usize) -> PyResult<Chunks> {
        self.about.check_reads()?;
        Chunks::new(&self.file, size)
    }

    /// Writes all of `data`, at the cursor or, where it was opened to append, at the end, and
    /// returns how many bytes that were. The kernel has them then. Raises `OSError`: the cursor has
    /// moved by what was written.
    fn write(&self, data: Data) -> PyResult<Awaitable> {
        self.about.check_writes()?;
        let Data(bytes) = data;
        Ok(locked!(self.file, "write", |file| {
            let length = bytes.len();
            file.write_owned(bytes).await.map_err(exception)?;
            value(length)
        }))
    }

    /// Writes each of them, as one write.
    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<Awaitable> {
        self.about.check_writes()?;
        let mut all = Vec::new();
        for line in lines.try_iter()? {
            let Data(bytes) = line?.extract()?;
            all.extend_from_slice(&bytes);
        }
        Ok(locked!(self.file, "writelines", |file| nothing(file.write_owned(all).await)))
    }

    /// Moves the cursor by `offset` from the start (`whence` 0), from where it is (1) or from the
    /// end (2), and returns where it is.
    #[pyo3(signature = (offset, whence=0))]
    fn seek(&self, offset: i64, whence: u8) -> PyResult<Awaitable> {
        self.about.check()?;
        let to = seek_from(offset, whence)?;
        Ok(locked!(self.file, "seek", |file| value(file.seek(to).await.map_err(exception)?)))
    }

    /// Where the cursor is.
    fn tell(&self) -> PyResult<Awaitable> {
        self.about.check()?;
        Ok(locked!(self.file, "tell", |file| value(file.tell())))
    }

    /// Cuts the file off at `size` bytes, at the cursor without it, or fills it up with zeros to
    /// there. The cursor stays. Returns the size.
    #[pyo3(signature = (size=None))]
    fn truncate(&self, size: Option<u64>) -> PyResult<Awaitable> {
        self.about.check_writes()?;
        Ok(locked!(self.file, "truncate", |file| {
            value(file.truncate(size).await.map_err(exception)?)
        }))
    }

    /// Waits for a write whose task was cancelled. It syncs nothing: see `fsync`.
    fn flush(&self) -> PyResult<Awaitable> {
        self.about.check()?;
        Ok(locked!(self.file, "flush", |file| nothing(file.flush().await)))
    }

    /// Has the device keep all that was written, with all metadata, or with `data_only` what is
    /// needed to read it again. Raises `OSError`: what was lost stays lost.
    #[pyo3(signature = (*, data_only=false))]
    fn fsync(&self, data_only: bool) -> PyResult<Awaitable> {
        self.about.check()?;
        Ok(locked!(self.file, "fsync", |file| nothing(match data_only {
            true => file.sync_data().await,
            false => file.sync_all().await,
        })))
    }

    /// Closes the file; again, it does nothing. It syncs nothing. Raises `OSError`; the file is
    /// closed all the same.
    fn close(&self) -> Awaitable {
        self.about.closed.store(true, Ordering::Release);
        let shared = Arc::clone(&self.file);
        Awaitable::new("close", async move {
            let file = shared.lock().await.take();
            match file {
                Some(mut file) => nothing(file.close().await),
                None => nothing(Ok(())),
            }
        })
    }

    /// The open file as an `AioFile`, without its cursor; this one counts as closed then. What was
    /// read ahead of a pipe is lost. Raises `ValueError` for a closed file.
    fn detach(&self) -> PyResult<Awaitable> {
        let about = Arc::clone(&self.about);
        detached(&self.file, &self.about, move |file: File| async move {
            PyAioFile::object(file.into_aio().await, about.name.clone(), about.mode.clone())
        })
    }

    fn __anext__(&self) -> PyResult<Awaitable> {
        self.about.check_reads()?;
        Ok(lines::next_line(&self.file))
    }
}

/// Bytes that are there without a wait for a second read.
async fn read_once(file: &mut File, most: usize) -> io::Result<Bytes> {
    let ahead = if most == 0 { 0 } else { file.fill_buf().await?.len() };
    file.read_bytes(ahead.min(most)).await
}

/// Where to, in the words of Python's `seek`.
pub(crate) fn seek_from(offset: i64, whence: u8) -> PyResult<SeekFrom> {
    match whence {
        0 => match u64::try_from(offset) {
            Ok(offset) => Ok(SeekFrom::Start(offset)),
            Err(_) => Err(PyValueError::new_err(format!("negative seek position {offset}"))),
        },
        1 => Ok(SeekFrom::Current(offset)),
        2 => Ok(SeekFrom::End(offset)),
        _ => Err(PyValueError::new_err(format!("whence is 0, 1 or 2, and not {whence}"))),
    }
}

/// Opens a file of bytes with a cursor. See `aiofile_rs.open`.
#[pyfunction]
#[pyo3(signature = (path, mode="rb", *, context=None))]
pub(crate) fn open_binary(
    path: PathArgument,
    mode: &str,
    context: Option<Bound<'_, PyContext>>,
) -> PyResult<Awaitable> {
    let parsed: Mode = mode.parse().map_err(|error: aiofile::Error| exception(error.into()))?;
    let (PathArgument(path), mode) = (path, mode.to_owned());
    Ok(Awaitable::new(
        "open",
        in_context(context, async move {
            let file = async_open(&path, parsed).await.map_err(exception)?;
            BinaryFile::object(file, path.into(), (mode, parsed))
        }),
    ))
}
