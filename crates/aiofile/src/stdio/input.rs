//! Standard input.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use caio::{Error, ErrorKind, OpKind};
use memchr::memchr;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::standard::{Standard, Stream};

const STREAM: Stream = Stream {
    name: "standard input",
    mode: "r",
    duplicate: || io::stdin().as_fd().try_clone_to_owned(),
};

/// The longest line.
const LINE_BYTES_MAX: usize = 256 << 20;

/// The standard input of the process. Made by [`stdin`].
///
/// What was read from a pipe or a terminal and not taken is there for the next `Stdin`, in whatever
/// runtime, after this one is dropped; std's own buffer has no part in that.
///
/// # Cancel safety
/// Dropping the future of a read loses nothing.
///
/// ```no_run
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// let mut input = aiofile::stdin();
/// while let Some(line) = input.next_line().await? {
///     assert!(!line.ends_with('\n'));
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Stdin {
    source: Source,
    /// The begin of a line whose end has not come.
    line: Vec<u8>,
    std: io::Stdin,
}

/// The standard input of the process. It is looked at when it is first read: where the process has
/// closed it, that is the error of the read.
///
/// As a drop-in for tokio's it does not keep the program from ending while a read waits:
///
/// ```
/// use tokio::io::AsyncReadExt;
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// runtime.spawn(async {
///     let mut text = String::new();
///     aiofile::stdin().read_to_string(&mut text).await
/// });
/// drop(runtime); // whether or not anything was typed
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn stdin() -> Stdin {
    let left = mem::take(&mut *left());
    let source = Source { left, file: Standard::new(STREAM), unread: 0, is_reading: false };
    Stdin { source, line: Vec::new(), std: io::stdin() }
}

impl Stdin {
    /// The next line, without its end (`\n` or `\r\n`); `None` at the end of the input. The last
    /// line needs no end.
    ///
    /// A line costs no system call, a chunk of 64 KiB one; a terminal gives each line by itself.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) for a line that is not UTF-8, which is passed
    /// over, and for what has no end within 256 MiB; else what the system answers, such as EBADF
    /// where the process has closed its input.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    #[doc(alias = "input")]
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        poll_fn(|cx| self.poll_line(cx)).await
    }

    fn poll_line(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<Option<String>>> {
        loop {
            let bytes = ready!(self.source.poll_chunk(cx))?;
            let end = memchr(b'\n', bytes);
            let taken = end.map_or(bytes.len(), |end| end + 1);
            self.line.extend_from_slice(&bytes[..taken]);
            self.source.take(taken);
            if taken == 0 && self.line.is_empty() {
                return Poll::Ready(Ok(None));
            }
            if taken == 0 || end.is_some() || self.line.len() > LINE_BYTES_MAX {
                return Poll::Ready(text(mem::take(&mut self.line)).map(Some));
            }
        }
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let source = &mut self.get_mut().source;
        if buf.remaining() > 0 {
            let bytes = ready!(source.poll_chunk(cx))?;
            let length = bytes.len().min(buf.remaining());
            buf.put_slice(&bytes[..length]);
            source.take(length);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Stdin {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().source.poll_chunk(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().source.take(amount);
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

impl AsRawFd for Stdin {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        let mut rest = mem::take(&mut self.line);
        rest.extend_from_slice(&self.source.rest());
        if !rest.is_empty() {
            *left() = rest.into();
        }
    }
}

/// The input, and what was read of it before it was asked for.
#[derive(Debug)]
struct Source {
    /// What an earlier one left.
    left: Bytes,
    file: Standard,
    /// Bytes that the file has read and nobody has taken.
    unread: usize,
    /// A read was begun and has not ended.
    is_reading: bool,
}

impl Source {
    /// What was read and not taken; nothing at the end of the input.
    fn poll_chunk(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<&[u8]>> {
        if !self.left.is_empty() {
            return Poll::Ready(Ok(&self.left));
        }
        let file = ready!(self.file.poll(cx))?;
        let polled = Pin::new(file).poll_fill_buf(cx);
        self.is_reading = polled.is_pending();
        if let Poll::Ready(Ok(bytes)) = &polled {
            self.unread = bytes.len();
        }
        polled
    }

    fn take(&mut self, length: usize) {
        if !self.left.is_empty() {
            self.left.advance(length);
        } else if let Some(file) = self.file.get() {
            Pin::new(file).consume(length);
            self.unread -= length;
        }
    }

    /// What would be lost with this. A regular file's position has not passed over it.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = mem::take(&mut self.left).to_vec();
        let file = self.file.get().filter(|file| !file.is_seekable());
        if let Some(file) = file
            && (self.unread > 0 || self.is_reading)
            && let Poll::Ready(Ok(bytes)) =
                Pin::new(file).poll_fill_buf(&mut TaskContext::from_waker(Waker::noop()))
        {
            rest.extend_from_slice(bytes);
        }
        rest
    }
}

/// What an earlier `Stdin` has read from a stream, and nobody has taken.
fn left() -> MutexGuard<'static, Bytes> {
    static LEFT: Mutex<Bytes> = Mutex::new(Bytes::new());
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line as text, without its end.
fn text(mut line: Vec<u8>) -> io::Result<String> {
    let wrong = |message: &'static str| {
        let error = Error::new(ErrorKind::InvalidData, message).during(OpKind::Read);
        io::Error::from(error.on(STREAM.name.as_ref()))
    };
    if line.len() > LINE_BYTES_MAX {
        return Err(wrong("the line is longer than 256 MiB"));
    }
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    }
    String::from_utf8(line).map_err(|_| wrong("the line is not UTF-8"))
}
