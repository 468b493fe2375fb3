//! The offset-addressed file.

mod direct;
mod ranges;
mod whole;

use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use caio::{
    AlignedBuffer, Buffer, Context, DEFAULT_ALIGNMENT, Error, ErrorKind, FileClass, OpKind,
    OwnedBuffer, OwnedBufferMut, Result, SharedFile,
};

use crate::mode::Mode;
use crate::options::OpenOptions;
use crate::runtime::default_context;
pub use ranges::{RangeOptions, RangeStream};

/// An open file, addressed by offset: any number of reads and writes at once, from any task.
///
/// Cloning shares the descriptor; the last handle closes it. There is no cursor: see `Reader`,
/// `Writer`, `LineReader` and `async_open` for those. Nothing is buffered: `Ok` from a write means
/// that the kernel has the bytes.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("hello.txt");
/// use aiofile::AioFile;
/// use futures_util::future::try_join_all;
///
/// let file = AioFile::open(&path, "w+").await?;
/// let line = b"Hello world\n";
/// try_join_all((0..10u64).map(|i| file.write_all_at(&line[..], i * 12))).await?;
/// file.fsync().await?;
/// assert_eq!(file.read_exact_at(120, 0).await?, line.repeat(10));
/// # Ok(()) }
/// ```
pub struct AioFile {
    context: Context,
    /// `None` once this handle is closed.
    file: Option<SharedFile>,
    /// Counts the open handles: operations in flight hold the file too.
    handles: Arc<()>,
    bounce: Option<Arc<OnceLock<SharedFile>>>,
}

impl AioFile {
    /// Opens a file in the default context, with a mode string as in Python: `"r"`, `"w+"`,
    /// `"ab"`, `"x"`. See [`OpenOptions`] for everything else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad mode string, before the file is touched; else as for
    /// [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. A file may have been created or truncated.
    pub async fn open<M>(path: impl AsRef<Path>, mode: M) -> Result<Self>
    where
        M: TryInto<Mode, Error: Into<Error>>,
    {
        let path = path.as_ref();
        let options = OpenOptions::new().mode(mode);
        options.map_err(|error| error.during(OpKind::Open).on(path))?.open(path).await
    }

    /// Takes over a file that std opened, in the default context.
    ///
    /// # Errors
    /// Where the default context cannot be made or the descriptor cannot be examined.
    pub fn from_std(file: std::fs::File) -> Result<Self> {
        Self::from_std_in(&default_context()?, file)
    }

    /// Takes over a file that std opened, in this context.
    ///
    /// # Errors
    /// Where the descriptor cannot be examined.
    pub fn from_std_in(context: &Context, file: std::fs::File) -> Result<Self> {
        Ok(Self::new(context.clone(), SharedFile::from_std(file)?, false))
    }

    /// Gives the file back to std. The only handle gives the descriptor itself, after the
    /// operations in flight have ended; one of several gives a duplicate.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`], or what fcntl(2) answers to the duplication.
    pub async fn into_std(mut self) -> Result<std::fs::File> {
        let file = self.file.take().ok_or_else(closed)?;
        if Arc::strong_count(&self.handles) > 1 {
            let copy = file.file().try_clone();
            return copy.map_err(|error| Error::system(error).on(file.path()));
        }
        Ok(file.released().await.into())
    }

    pub(crate) fn new(context: Context, file: SharedFile, bounce: bool) -> Self {
        let bounce = bounce.then(Arc::default);
        Self { context, file: Some(file), handles: Arc::new(()), bounce }
    }

    /// Reads up to `length` bytes at `offset`. Fewer come only at the end of the file; from a pipe,
    /// a socket or a terminal, what is there.
    ///
    /// Cached data costs one system call on the calling thread and no hop.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an extent beyond 2^63 - 1; [`ErrorKind::Closed`]; else what
    /// the system answers, such as EISDIR for a directory.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the read and loses nothing.
    pub async fn read_at(&self, length: usize, offset: u64) -> Result<Bytes> {
        let file = self.file()?;
        if file.is_direct() {
            return self.read_direct(file, length, offset).await;
        }
        let buffer = reserve(length).map_err(|error| error.on(file.path()).at(offset))?;
        let (result, buffer) = self.context.read(file, buffer, 0..length, offset).await;
        result?;
        Ok(buffer.into_bytes())
    }

    /// Reads exactly `length` bytes at `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] where the file ends before; else as for
    /// [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    /// As for [`read_at`](Self::read_at).
    pub async fn read_exact_at(&self, length: usize, offset: u64) -> Result<Bytes> {
        let mut bytes = self.read_at(length, offset).await?;
        if bytes.len() < length && comes_in_pieces(self.file()?) {
            bytes = self.read_on(bytes, length, offset).await?;
        }
        if bytes.len() < length {
            return Err(self.ended(bytes.len(), length, offset));
        }
        Ok(bytes)
    }

    /// Reads into a buffer of the caller's, which comes back either way: `Vec<u8>`, `BytesMut`,
    /// `AlignedBuffer`, `PooledBuffer`. Fills its capacity from the start and sets its length.
    ///
    /// Allocates nothing for cached data; otherwise nothing in the steady state.
    ///
    /// # Errors
    /// As for [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    /// Dropping the future cancels the read; the buffer is freed when the kernel is done with it.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let file = aiofile::AioFile::open("/proc/self/exe", "r").await?;
    /// let (read, buffer) = file.read_into(Vec::with_capacity(4), 0).await;
    /// assert_eq!((read?, &buffer[..]), (4, &b"\x7fELF"[..]));
    /// # Ok(()) }
    /// ```
    pub async fn read_into<B: OwnedBufferMut>(&self, buffer: B, offset: u64) -> (Result<usize>, B) {
        let mut buffer = buffer.into_buffer();
        let length = buffer.capacity();
        let file = match self.file() {
            Ok(file) => file,
            Err(error) => return (Err(error), B::from_buffer(buffer)),
        };
        // What is cached is read right here, so that in a loop of reads no function returns
        // between one system call and the next: after a system call that is slow.
        let read =
            poll_fn(|cx| self.context.poll_read_in_place(cx, file, &mut buffer, 0..length, offset));
        match read.await {
            Some(Ok(bytes)) if bytes == length || bytes == 0 => (Ok(bytes), B::from_buffer(buffer)),
            tried => {
                let (result, buffer) = self.read_on_into(buffer, tried, length, offset).await;
                (result, B::from_buffer(buffer))
            }
        }
    }

    /// Writes the buffer at `offset`: all of it, unless an error comes in between, and then as much
    /// as was accepted before. Takes any owned bytes: `Vec<u8>`, `String`, `Bytes`, `BytesMut`,
    /// `&'static [u8]`, `&'static str`, `AlignedBuffer`, `PooledBuffer`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an extent beyond 2^63 - 1, for a file opened to
    /// append (whose offset Linux would ignore) and for a misaligned write to an O_DIRECT file;
    /// [`ErrorKind::Closed`]; else what the system answers.
    ///
    /// # Cancel safety
    /// Dropping the future cancels what has not begun; any part may still be written.
    pub async fn write_at(&self, buffer: impl OwnedBuffer, offset: u64) -> Result<usize> {
        self.write_from(buffer, offset).await.0
    }

    /// Writes all of the buffer at `offset`.
    ///
    /// # Errors
    /// As for [`write_at`](Self::write_at); an unknown part was written then.
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    pub async fn write_all_at(&self, buffer: impl OwnedBuffer, offset: u64) -> Result<()> {
        self.check_positional(offset)?;
        self.write_all(buffer.into_buffer(), offset).await.0
    }

    /// As [`write_at`](Self::write_at), and the buffer comes back either way.
    ///
    /// # Errors
    /// As for [`write_at`](Self::write_at).
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    pub async fn write_from<B: OwnedBuffer>(&self, buffer: B, offset: u64) -> (Result<usize>, B) {
        if let Err(error) = self.check_positional(offset) {
            return (Err(error), buffer);
        }
        let buffer = buffer.into_buffer();
        let range = 0..buffer.len();
        let (result, buffer) = self.write_buffer(buffer, range, offset).await;
        (result, B::from_buffer(buffer))
    }

    /// Writes all of the buffer at the end of a file opened to append, wherever that is by then.
    /// Records of several handles and processes do not overlap.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the file was not opened to append; else what the system
    /// answers.
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    pub async fn append(&self, buffer: impl OwnedBuffer) -> Result<()> {
        let file = self.file()?;
        if !file.is_append() {
            let error = Error::new(ErrorKind::InvalidInput, "the file was not opened to append");
            let error = error.during(OpKind::Write).on(file.path());
            return Err(error.hint("open it with mode \"a\", or use write_all_at"));
        }
        self.write_all(buffer.into_buffer(), 0).await.0
    }

    /// Fills the capacities of several buffers, one after the other, from `offset`: one operation.
    /// The buffers come back either way.
    ///
    /// # Errors
    /// As for [`read_at`](Self::read_at).
    ///
    /// # Cancel safety
    /// As for [`read_into`](Self::read_into).
    pub async fn read_vectored_at<B: OwnedBufferMut>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (Result<usize>, Vec<B>) {
        let file = match self.file() {
            Ok(file) => file,
            Err(error) => return (Err(error), buffers),
        };
        let buffers = buffers.into_iter().map(B::into_buffer).collect();
        let (result, buffers) = self.context.read_vectored(file, buffers, offset).await;
        (result, buffers.into_iter().map(B::from_buffer).collect())
    }

    /// Writes the contents of several buffers, one after the other, at `offset`: one operation. The
    /// buffers come back either way.
    ///
    /// # Errors
    /// As for [`write_at`](Self::write_at).
    ///
    /// # Cancel safety
    /// As for [`write_at`](Self::write_at).
    pub async fn write_vectored_at<B: OwnedBuffer>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> (Result<usize>, Vec<B>) {
        let file = match self.check_positional(offset).and_then(|()| self.file()) {
            Ok(file) => file,
            Err(error) => return (Err(error), buffers),
        };
        let buffers = buffers.into_iter().map(B::into_buffer).collect();
        let (result, buffers) = self.context.write_vectored(file, buffers, offset).await;
        (result, buffers.into_iter().map(B::from_buffer).collect())
    }

    /// Goes on with a read from the beginning of a buffer, after an attempt in place.
    async fn read_on_into(
        &self,
        buffer: Buffer,
        tried: Option<Result<usize>>,
        length: usize,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let file = match self.file() {
            Ok(file) => file,
            Err(error) => return (Err(error), buffer),
        };
        match tried {
            Some(Err(error)) => (Err(error), buffer),
            Some(Ok(done)) => {
                let (range, offset) = (done..length, offset + done as u64);
                let (result, mut buffer) = self.context.read(file, buffer, range, offset).await;
                // What an error keeps away is met again by the next read.
                let bytes = done + result.unwrap_or(0);
                buffer.set_len(bytes);
                (Ok(bytes), buffer)
            }
            None if file.is_direct() => {
                self.read_direct_into(file, buffer, 0..length, offset).await
            }
            None => self.context.read_elsewhere(file, buffer, 0..length, offset).await,
        }
    }

    pub(crate) async fn read_buffer(
        &self,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        match self.file() {
            Ok(file) if file.is_direct() => {
                self.read_direct_into(file, buffer, range, offset).await
            }
            Ok(file) => self.context.read(file, buffer, range, offset).await,
            Err(error) => (Err(error), buffer),
        }
    }

    pub(crate) async fn write_buffer(
        &self,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        match self.file() {
            Ok(file) if file.is_direct() => self.write_direct(file, buffer, range, offset).await,
            Ok(file) => self.context.write(file, buffer, range, offset).await,
            Err(error) => (Err(error), buffer),
        }
    }

    /// Writes all of a buffer, without asking whether the file was opened to append.
    pub(crate) async fn write_all(&self, mut buffer: Buffer, offset: u64) -> (Result<()>, Buffer) {
        let mut done = 0;
        while done < buffer.len() {
            let range = done..buffer.len();
            let (result, back) = self.write_buffer(buffer, range, offset + done as u64).await;
            buffer = back;
            match result {
                Ok(bytes) => done += bytes,
                Err(error) => return (Err(error), buffer),
            }
        }
        (Ok(()), buffer)
    }

    pub(crate) fn file(&self) -> Result<&SharedFile> {
        self.file.as_ref().ok_or_else(closed)
    }

    fn check_positional(&self, offset: u64) -> Result<()> {
        let file = self.file()?;
        if file.is_append() {
            let message = "the file was opened to append, where Linux ignores a write's offset";
            let error = Error::new(ErrorKind::InvalidInput, message);
            let error = error.during(OpKind::Write).on(file.path()).at(offset);
            return Err(error.hint("use append, or open it without append"));
        }
        Ok(())
    }

    fn ended(&self, had: usize, wanted: usize, offset: u64) -> Error {
        let message = format!("the file ended after {had} of {wanted} bytes");
        let error = Error::new(ErrorKind::UnexpectedEof, message).during(OpKind::Read).at(offset);
        match &self.file {
            Some(file) => error.on(file.path()),
            None => error,
        }
    }
}

impl Clone for AioFile {
    /// Another handle on the same descriptor.
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            file: self.file.clone(),
            handles: Arc::clone(&self.handles),
            bounce: self.bounce.clone(),
        }
    }
}

impl AsFd for AioFile {
    /// # Panics
    /// After [`close`](AioFile::close): there is no descriptor any more.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_ref().expect("the file is open").as_fd()
    }
}

impl fmt::Debug for AioFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => f.debug_tuple("AioFile").field(file).finish(),
            None => f.write_str("AioFile(closed)"),
        }
    }
}

/// From this size on, in bytes, memory begins at a page: an allocator puts its own notes before
/// large memory, and some processors copy several times slower to an address that lies a few bytes
/// behind a page's beginning, where the page cache's copy begins.
const PAGES_FROM_BYTES: usize = 64 * 1024;

/// Memory for `length` bytes, or an error where there is none: a length is the caller's word.
pub(crate) fn reserve(length: usize) -> Result<Buffer> {
    let buffer = if length < PAGES_FROM_BYTES {
        let mut vec = Vec::new();
        vec.try_reserve_exact(length).ok().map(|()| Buffer::from(vec))
    } else {
        AlignedBuffer::try_new(length, DEFAULT_ALIGNMENT).map(Buffer::from)
    };
    buffer.ok_or_else(|| {
        let message = format!("no memory for a buffer of {length} bytes");
        Error::new(ErrorKind::InvalidInput, message).during(OpKind::Read)
    })
}

/// Whether a read may give less than was asked for although more will come.
pub(crate) fn comes_in_pieces(file: &SharedFile) -> bool {
    matches!(file.class(), FileClass::Stream | FileClass::Character)
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the file is closed")
}
