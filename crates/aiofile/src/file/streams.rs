//! The file as a stream of lines or of chunks.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use caio::{Error, ErrorKind, Result};
use futures_core::Stream;

use super::File;
use super::read::check_separator;

/// What a chunk begins with, in bytes, however large it may get.
const CHUNK_BYTES_MAX: usize = 4 << 20;

impl File {
    /// The lines from the cursor on, without their ends (`\n` or `\r\n`), as a stream. The cursor
    /// is behind the last line taken. Costs what [`readline`](Self::readline) costs.
    ///
    /// # Cancel safety
    /// Dropping the stream loses nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/status", "r").await?;
    /// let mut lines = file.line_stream();
    /// while let Some(line) = lines.next().await {
    ///     assert!(!line?.ends_with(b"\n"));
    /// }
    /// # Ok(()) }
    /// ```
    #[doc(alias = "lines")]
    pub fn line_stream(&mut self) -> Lines<'_> {
        Lines { handle: self, separator: b"\n".to_vec(), strip_return: true, ended: false }
    }

    /// As [`line_stream`](Self::line_stream), with any separator of one byte or more. An empty one
    /// is an error of the first item.
    ///
    /// # Cancel safety
    /// As for [`line_stream`](Self::line_stream).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// # std::fs::write(&path, "one, two, three")?;
    /// use futures_util::TryStreamExt;
    ///
    /// let mut file = aiofile::async_open(&path, "r").await?; // one, two, three
    /// let words: Vec<_> = file.line_stream_with(", ").try_collect().await?;
    /// assert_eq!(words, ["one", "two", "three"]);
    /// # Ok(()) }
    /// ```
    pub fn line_stream_with(&mut self, separator: impl Into<Vec<u8>>) -> Lines<'_> {
        Lines { handle: self, separator: separator.into(), strip_return: false, ended: false }
    }

    /// The rest of the file from the cursor on, in chunks of `size` bytes, as a stream. The last
    /// chunk may be shorter; those of a pipe, a socket or a terminal hold what is there. The cursor
    /// is behind the last chunk taken. A size of 0 is an error of the first item.
    ///
    /// A chunk costs one system call where it is cached, one operation of the backend where not.
    ///
    /// # Cancel safety
    /// Dropping the stream loses nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
    /// let mut file = aiofile::async_open("/proc/self/exe", "rb").await?;
    /// file.read_bytes(1).await?;
    /// let first = file.iter_chunked(3).next().await.transpose()?;
    /// assert_eq!(first.unwrap(), "ELF");
    /// # Ok(()) }
    /// ```
    pub fn iter_chunked(&mut self, size: usize) -> Chunks<'_> {
        Chunks { handle: self, size, ended: false }
    }
}

/// The lines of a [`File`]. Made by [`File::line_stream`].
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
/// # std::fs::write(&path, "one\ntwo\r\nthree\n")?;
/// let mut file = aiofile::async_open(&path, "r").await?; // one\n two\r\n three\n
/// let mut lines = file.line_stream();
/// assert_eq!(lines.next().await.transpose()?.unwrap_or_default(), "one");
/// assert_eq!(lines.next().await.transpose()?.unwrap_or_default(), "two");
/// assert_eq!(file.readline().await?, "three\n");
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Lines<'a> {
    handle: &'a mut File,
    separator: Vec<u8>,
    strip_return: bool,
    ended: bool,
}

impl Lines<'_> {
    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// As for [`File::read_bytes`]. An error ends the stream.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Lines<'_> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Self { handle, separator, strip_return, ended } = self.get_mut();
        if *ended {
            return Poll::Ready(None);
        }
        let result = match check_separator(separator) {
            Ok(()) => {
                handle.refresh();
                ready!(handle.poll_line(cx, separator, usize::MAX))
            }
            Err(error) => Err(error),
        };
        *ended = result.as_ref().map_or(true, Bytes::is_empty);
        Poll::Ready(match result {
            Ok(line) if line.is_empty() => None,
            result => {
                Some(result.map(|line| strip(line, separator, *strip_return)).map_err(Into::into))
            }
        })
    }
}

/// The chunks of a [`File`]. Made by [`File::iter_chunked`].
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
/// # std::fs::write(&path, "0123456789")?;
/// use futures_util::TryStreamExt;
///
/// let mut file = aiofile::async_open(&path, "r").await?; // 0123456789
/// let chunks: Vec<_> = file.iter_chunked(4).try_collect().await?;
/// assert_eq!(chunks, ["0123", "4567", "89"]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct Chunks<'a> {
    handle: &'a mut File,
    size: usize,
    ended: bool,
}

impl Chunks<'_> {
    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// As for [`File::read_bytes`]. An error ends the stream.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Chunks<'_> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Self { handle, size, ended } = self.get_mut();
        if *ended {
            return Poll::Ready(None);
        }
        if *size == 0 {
            *ended = true;
            let error = Error::new(ErrorKind::InvalidInput, "chunks of 0 bytes have no end");
            return Poll::Ready(Some(Err(error.into())));
        }
        let result = ready!(poll_chunk(handle, cx, *size));
        *ended = result.as_ref().map_or(true, Bytes::is_empty);
        Poll::Ready(match result {
            Ok(chunk) if chunk.is_empty() => None,
            result => Some(result.map_err(Into::into)),
        })
    }
}

fn poll_chunk(handle: &mut File, cx: &mut Context<'_>, size: usize) -> Poll<Result<Bytes>> {
    handle.refresh();
    while handle.ahead().len() < size {
        if !handle.ahead().is_empty() && !handle.is_seekable() {
            break;
        }
        // Reading on doubles what is there, so that a size beyond the file's takes no memory.
        let missing = (size - handle.ahead().len()).min(CHUNK_BYTES_MAX);
        if ready!(handle.poll_fill(cx, missing))? == 0 {
            break;
        }
    }
    Poll::Ready(Ok(handle.take_ahead(size.min(handle.ahead().len()))))
}

fn strip(mut line: Bytes, separator: &[u8], strip_return: bool) -> Bytes {
    if line.ends_with(separator) {
        line.truncate(line.len() - separator.len());
        if strip_return && line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
    }
    line
}
