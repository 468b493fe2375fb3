//! Reading a file from front to back.

mod chunks;
mod piece;
mod stream;

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use caio::{Buffer, Result};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use crate::aio_file::AioFile;
pub(crate) use chunks::{Chunk, Chunks};
pub use stream::ChunkStream;

/// Reads a file chunk by chunk, from an offset to its end. It holds a cursor and nothing else: any
/// number of readers go over one open file at once, each on its own.
///
/// Three ways to take the bytes, which may be mixed: [`fill`](Self::fill) lends them,
/// [`next_chunk`](Self::next_chunk) gives them away, and tokio's [`AsyncRead`] and [`AsyncBufRead`]
/// make it fit wherever a reader is asked for. [`chunks`](Self::chunks) makes a stream of it.
///
/// A cached chunk costs one system call on the calling thread when it is asked for. Where a chunk
/// has to wait for the device, the next ones are already being read while it is consumed
/// ([`read_ahead`](Self::read_ahead)); what another task writes there in the meantime may then be
/// missed. Lending reuses its memory: nothing is allocated for each chunk.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// use aiofile::{AioFile, Reader};
///
/// let file = AioFile::open("/proc/self/exe", "r").await?;
/// let mut reader = Reader::new(&file).offset(1).chunk_size(16 << 10);
/// let (mut bytes, mut lines) = (0, 0);
/// loop {
///     let chunk = reader.fill().await?;
///     if chunk.is_empty() {
///         break;
///     }
///     let length = chunk.len();
///     bytes += length as u64;
///     lines += chunk.iter().filter(|byte| **byte == b'\n').count();
///     reader.consume(length);
/// }
/// assert_eq!(bytes, file.len().await? - 1);
/// assert_eq!(reader.position(), file.len().await?);
/// assert!(lines > 0);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Reader {
    chunks: Chunks,
    /// The chunk that is being consumed, and which of its bytes are left.
    buffer: Buffer,
    rest: Range<usize>,
}

impl Reader {
    /// A reader from the start of the file, with a handle of its own on it: takes an [`AioFile`] or
    /// a reference to one.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "some bytes")?;
    /// use aiofile::{AioFile, Reader};
    /// use tokio::io::AsyncReadExt;
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?); // some bytes
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text).await?;
    /// assert_eq!(text, "some bytes");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(file: impl Into<AioFile>) -> Self {
        let chunks = Chunks::new(file.into());
        Self { chunks, buffer: Buffer::default(), rest: 0..0 }
    }

    /// Starts at this byte offset.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "headbody")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let file = AioFile::open(&path, "r").await?; // headbody
    /// let mut reader = Reader::new(&file).offset(4);
    /// assert_eq!(reader.fill().await?, b"body");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.jump(offset);
        self
    }

    /// Reads so many bytes at once: 64 KiB unless said, and whole blocks for an O_DIRECT file.
    /// With 0 every read fails.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
    /// # std::fs::write(&path, "0123456789")?;
    /// use aiofile::{AioFile, Reader};
    /// use futures_util::TryStreamExt;
    ///
    /// let file = AioFile::open(&path, "r").await?; // 0123456789
    /// let chunks: Vec<_> = Reader::new(file).chunk_size(4).chunks().try_collect().await?;
    /// assert_eq!(chunks, ["0123", "4567", "89"]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn chunk_size(mut self, bytes: usize) -> Self {
        self.chunks.set_chunk_bytes(bytes);
        self
    }

    /// Reads so many chunks ahead while one is consumed: 2 unless said, and 0 for none.
    /// Only where a chunk was not cached, and never for pipes, devices and `/proc`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
    /// # std::fs::write(&path, "0123456789")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let file = AioFile::open(&path, "r").await?; // 0123456789
    /// let mut reader = Reader::new(&file).chunk_size(4).read_ahead(0);
    /// assert_eq!(reader.fill().await?, b"0123");
    /// assert_eq!(file.context().metrics().bytes_read, 4);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn read_ahead(mut self, chunks: usize) -> Self {
        self.chunks.set_chunks_ahead(chunks);
        self
    }

    /// Byte offset of the next byte that this reader gives. For a pipe, the bytes given so far.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
    /// # std::fs::write(&path, "0123456789")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?).offset(2); // 0123456789
    /// assert_eq!(reader.fill().await?.len(), 8);
    /// assert_eq!(reader.position(), 2);
    /// reader.consume(3);
    /// assert_eq!(reader.position(), 5);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn position(&self) -> u64 {
        self.chunks.position() - self.rest.len() as u64
    }

    /// Goes on from another offset. Everything is read afresh from there.
    ///
    /// # Errors
    /// [`InvalidInput`](caio::ErrorKind::InvalidInput) for a pipe, a socket or a terminal, and
    /// [`Closed`](caio::ErrorKind::Closed); nothing has moved then.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
    /// # std::fs::write(&path, "0123456789")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?); // 0123456789
    /// while reader.next_chunk().await?.is_some() {}
    /// reader.seek_to(7)?;
    /// assert_eq!(reader.fill().await?, b"789");
    /// # Ok(()) }
    /// ```
    pub fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        self.chunks.check_seekable()?;
        self.jump(offset);
        Ok(())
    }

    /// The file that is read.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "abcabcabc")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?).chunk_size(3); // abcabcabc
    /// reader.next_chunk().await?;
    /// let left = reader.file().len().await? - reader.position();
    /// assert_eq!(left, 6);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(&self) -> &AioFile {
        self.chunks.file()
    }

    /// Lends the bytes that were read and not yet consumed, and reads some where there are none.
    /// Nothing but the end of the file gives an empty slice; asked again, a reader looks whether
    /// the file has grown.
    ///
    /// # Errors
    /// What the system answers; the position stays, and the next call tries again.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing, also from a pipe: the read goes on and is picked up by
    /// the next call.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "a-b-c-d")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?); // a-b-c-d
    /// assert_eq!(reader.fill().await?, b"a-b-c-d");
    /// reader.consume(4);
    /// assert_eq!(reader.fill().await?, b"c-d");
    /// reader.consume(3);
    /// assert!(reader.fill().await?.is_empty());
    /// # Ok(()) }
    /// ```
    pub async fn fill(&mut self) -> io::Result<&[u8]> {
        if self.rest.is_empty() {
            poll_fn(|cx| self.poll_fill(cx)).await?;
        }
        Ok(self.available())
    }

    /// The bytes that were read and not yet consumed.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "0123456789")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?).chunk_size(4); // 0123456789
    /// assert!(reader.available().is_empty());
    /// reader.fill().await?;
    /// assert_eq!(reader.available(), b"0123");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn available(&self) -> &[u8] {
        &self.buffer.as_slice()[self.rest.clone()]
    }

    /// Moves the position over bytes that were lent.
    ///
    /// # Panics
    /// For more bytes than were lent.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "word, word")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?); // word, word
    /// let comma = reader.fill().await?.iter().position(|byte| *byte == b',');
    /// reader.consume(comma.unwrap_or(0));
    /// assert_eq!(reader.available(), b", word");
    /// # Ok(()) }
    /// ```
    pub fn consume(&mut self, bytes: usize) {
        assert!(bytes <= self.rest.len(), "no more can be consumed than was lent");
        self.rest.start += bytes;
    }

    /// The next bytes, as memory of their own; `None` at the end of the file. They are a whole
    /// chunk, but at the end of the file, after a part was consumed otherwise, and from what has
    /// no stable length, such as a pipe, which gives what it has.
    ///
    /// # Errors
    /// As for [`fill`](Self::fill).
    ///
    /// # Cancel safety
    /// As for [`fill`](Self::fill).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "0123456789")?;
    /// use aiofile::{AioFile, Reader};
    ///
    /// let mut reader = Reader::new(&AioFile::open(&path, "r").await?).chunk_size(6); // 0123456789
    /// let first = reader.next_chunk().await?.unwrap_or_default();
    /// let second = reader.next_chunk().await?.unwrap_or_default();
    /// assert_eq!((&first[..], &second[..]), (&b"012345"[..], &b"6789"[..]));
    /// assert_eq!(reader.next_chunk().await?, None);
    /// # Ok(()) }
    /// ```
    pub async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        Ok(poll_fn(|cx| self.poll_next_chunk(cx)).await?)
    }

    /// The bytes that are left as a stream of chunks.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::{AioFile, Reader};
    ///
    /// let file = AioFile::open("/proc/self/exe", "r").await?;
    /// let (mut chunks, mut bytes) = (Reader::new(&file).chunks(), 0);
    /// while let Some(chunk) = chunks.next().await {
    ///     bytes += chunk?.len() as u64;
    /// }
    /// assert_eq!(bytes, file.len().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "into_stream")]
    pub fn chunks(self) -> ChunkStream {
        ChunkStream::new(self)
    }

    fn poll_next_chunk(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Option<Bytes>>> {
        ready!(self.poll_fill(cx))?;
        if self.rest.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let rest = std::mem::replace(&mut self.rest, 0..0);
        let bytes = std::mem::take(&mut self.buffer).into_bytes();
        Poll::Ready(Ok(Some(bytes.slice(rest))))
    }

    fn poll_fill(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<()>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.recycle();
        if let Some(chunk) = ready!(self.chunks.poll_next(cx))? {
            self.buffer = chunk.buffer;
            self.rest = chunk.range;
        }
        Poll::Ready(Ok(()))
    }

    fn jump(&mut self, offset: u64) {
        self.recycle();
        self.chunks.seek_to(offset);
    }

    fn recycle(&mut self) {
        self.rest = 0..0;
        self.chunks.recycle(std::mem::take(&mut self.buffer));
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_fill(cx))?;
        let bytes = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.available()[..bytes]);
        self.consume(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Reader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<&[u8]>> {
        let reader = self.get_mut();
        ready!(reader.poll_fill(cx))?;
        Poll::Ready(Ok(reader.available()))
    }

    fn consume(mut self: Pin<&mut Self>, bytes: usize) {
        Reader::consume(&mut self, bytes);
    }
}
