//! The writer that collects.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use super::Writer;
use crate::aio_file::AioFile;
use crate::boxed::BoxedFuture;

/// What is collected unless said otherwise.
const CAPACITY_BYTES: usize = 64 * 1024;

/// What is reserved before any of it is used: the caller may name any. Beyond
/// that memory grows with what is collected.
const RESERVED_BYTES_MAX: usize = 1 << 20;

/// Collects small pieces and writes them together: the one writer here that buffers, and so the one
/// that has to be flushed.
///
/// `Ok` from a write means no more than that the bytes are in memory. When the buffer is full it is
/// written while the next one fills. [`flush`](Self::flush) writes what is left.
///
/// # Dropping it
/// **What was not flushed is lost when the writer is dropped**, without an error: call
/// [`flush`](Self::flush), [`sync`](Self::sync) or tokio's `shutdown` before.
/// [`unflushed`](Self::unflushed) says how many bytes would be lost.
///
/// # When a write fails
/// The call that finds it returns the error; where that is found while a buffer fills, the next
/// call of any kind does. The bytes stay, and each following call tries again to write them first:
/// the error repeats until it succeeds, for example since there is space again, or until
/// [`discard`](Self::discard).
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("squares");
/// use aiofile::{AioFile, BufferedWriter};
///
/// let file = AioFile::open(&path, "w+").await?;
/// let mut writer = BufferedWriter::new(&file);
/// for number in 1..=4 {
///     writer.write_all(format!("{}\n", number * number)).await?;
/// }
/// assert_eq!(writer.unflushed(), 9);
/// writer.flush().await?;
/// assert_eq!((writer.unflushed(), writer.position()), (0, 9));
/// assert_eq!(file.read_to_end(0).await?, "1\n4\n9\n16\n");
/// # Ok(()) }
/// ```
pub struct BufferedWriter {
    writer: Writer,
    capacity: usize,
    /// What is being written, or could not be.
    outgoing: Bytes,
    write: Option<BoxedFuture<io::Result<usize>>>,
    /// What came after that.
    buffer: BytesMut,
    /// What is outgoing could not be written the last time.
    failed: bool,
    /// The error of that, as long as no call has returned it.
    unreported: Option<io::Error>,
}

impl BufferedWriter {
    /// A writer from the start of the file, with a handle of its own on it: takes an [`AioFile`]
    /// or a reference to one.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let mut writer = BufferedWriter::new(&AioFile::open(&path, "w").await?);
    /// writer.write_all("collected").await?;
    /// writer.flush().await?;
    /// assert_eq!(aiofile::fs::read(&path).await?, b"collected");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(file: impl Into<AioFile>) -> Self {
        Self {
            writer: Writer::new(file),
            capacity: CAPACITY_BYTES,
            outgoing: Bytes::new(),
            write: None,
            buffer: BytesMut::new(),
            failed: false,
            unreported: None,
        }
    }

    /// Starts at this byte offset. What was collected so far is written there.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// let mut writer = BufferedWriter::new(&file).offset(2);
    /// writer.write_all("abc").await?;
    /// writer.flush().await?;
    /// assert_eq!(file.read_to_end(0).await?, "\0\0abc");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.write = None;
        self.writer = Writer::new(self.writer.file()).offset(offset);
        self
    }

    /// Collects so many bytes before it writes: 64 KiB unless said, and at least 1.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// let mut writer = BufferedWriter::new(&file).capacity(8);
    /// writer.write_all("more than eight bytes").await?;
    /// assert!(writer.unflushed() <= 16, "one buffer is written while another fills");
    /// writer.flush().await?;
    /// assert_eq!(file.read_to_end(0).await?, "more than eight bytes");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Takes the bytes, and writes where the buffer is full.
    ///
    /// # Errors
    /// What the system answers to the bytes of this and of earlier calls. Those of this call that
    /// were taken stay, and are written when the next call does so.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it open how many of these bytes were taken; those that were are
    /// written once and in order.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("numbers");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// let mut writer = BufferedWriter::new(&file);
    /// for number in 0..1000 {
    ///     writer.write_all(format!("{number:03}\n")).await?;
    /// }
    /// writer.flush().await?;
    /// assert_eq!(file.read_at(8, 3992).await?, "998\n999\n");
    /// # Ok(()) }
    /// ```
    pub async fn write_all(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut bytes = bytes.as_ref();
        loop {
            let taken = poll_fn(|cx| self.poll_take(cx, bytes)).await?;
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Writes everything that was collected. Syncs nothing.
    ///
    /// # Errors
    /// What the system answers; the bytes stay, and the next call tries again.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the next call goes on.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let file = AioFile::open(&path, "w").await?;
    /// let mut writer = BufferedWriter::new(&file);
    /// writer.write_all("collected").await?;
    /// assert_eq!(file.len().await?, 0);
    /// writer.flush().await?;
    /// assert_eq!(file.len().await?, 9);
    /// # Ok(()) }
    /// ```
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_out(cx)).await
    }

    /// Writes everything and makes it durable, with fdatasync(2).
    ///
    /// # Errors
    /// As for [`flush`](Self::flush) and [`AioFile::fdatasync`].
    ///
    /// # Cancel safety
    /// As for [`flush`](Self::flush) and [`AioFile::fdatasync`].
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("journal");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// let mut writer = BufferedWriter::new(&file);
    /// writer.write_all("paid 10\n").await?;
    /// writer.sync().await?;
    /// assert_eq!(writer.unflushed(), 0);
    /// assert_eq!(file.read_to_end(0).await?, "paid 10\n");
    /// # let before = file.context().metrics();
    /// # writer.sync().await?;
    /// # assert!(file.context().metrics().submitted > before.submitted);
    /// # Ok(()) }
    /// ```
    pub async fn sync(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.writer.sync().await
    }

    /// Bytes that were taken and that the kernel has not accepted yet.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let mut writer = BufferedWriter::new(&AioFile::open(&path, "w").await?);
    /// writer.write_all("collected").await?;
    /// assert_eq!(writer.unflushed(), 9);
    /// writer.flush().await?;
    /// assert_eq!(writer.unflushed(), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn unflushed(&self) -> usize {
        self.outgoing.len() + self.buffer.len()
    }

    /// Forgets the bytes that were not written, and says how many those were. Where a write of
    /// them is under way, any part may still be written.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let mut writer = BufferedWriter::new(&AioFile::open("/dev/full", "w").await?);
    /// writer.write_all("no room for it").await?;
    /// assert!(writer.flush().await.is_err());
    /// assert_eq!(writer.discard(), 14);
    /// writer.flush().await?;
    /// # Ok(()) }
    /// ```
    pub fn discard(&mut self) -> usize {
        let forgotten = self.unflushed();
        self.write = None;
        self.outgoing = Bytes::new();
        self.buffer.clear();
        self.failed = false;
        self.unreported = None;
        forgotten
    }

    /// Byte offset behind everything that was taken; see [`Writer::position`].
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let mut writer = BufferedWriter::new(&AioFile::open(&path, "w").await?).offset(100);
    /// writer.write_all("12345").await?;
    /// assert_eq!(writer.position(), 105);
    /// # writer.flush().await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn position(&self) -> u64 {
        let in_flight = if self.write.is_some() && !self.writer.cursor.is_in_sequence() {
            self.outgoing.len() as u64
        } else {
            0
        };
        self.writer.position() - in_flight + self.unflushed() as u64
    }

    /// The file that is written.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, BufferedWriter};
    ///
    /// let mut writer = BufferedWriter::new(&AioFile::open(&path, "w").await?);
    /// writer.write_all("12345").await?;
    /// writer.flush().await?;
    /// assert_eq!(writer.file().len().await?, 5);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(&self) -> &AioFile {
        self.writer.file()
    }

    fn poll_take(&mut self, cx: &mut TaskContext<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take_unreported()?;
        // An error that can be found is found before more bytes are taken.
        if self.poll_outgoing(cx)?.is_pending() && (self.failed || self.is_full()) {
            return Poll::Pending;
        }
        if self.is_full() {
            self.outgoing = self.buffer.split().freeze();
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.buffer.is_empty() {
            self.buffer.reserve(self.capacity.min(RESERVED_BYTES_MAX));
        }
        let taken = bytes.len().min(self.capacity - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.is_full() && self.outgoing.is_empty() {
            self.outgoing = self.buffer.split().freeze();
        }
        // Begun now so that it runs while the buffer fills. An error is for the next call, since
        // the bytes of this one are taken.
        if self.write.is_none()
            && let Poll::Ready(Err(error)) = self.poll_outgoing(cx)
        {
            self.unreported = Some(error);
        }
        Poll::Ready(Ok(taken))
    }

    fn is_full(&self) -> bool {
        self.buffer.len() >= self.capacity
    }

    /// Fails with what no call has returned yet.
    fn take_unreported(&mut self) -> io::Result<()> {
        self.unreported.take().map_or(Ok(()), Err)
    }

    /// Writes what is outgoing.
    fn poll_outgoing(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let write = match &mut self.write {
                Some(write) => write,
                None => {
                    self.write.insert(BoxedFuture::new(self.writer.write(self.outgoing.clone())))
                }
            };
            let result = ready!(write.poll(cx));
            self.write = None;
            match result {
                Ok(written) => self.outgoing.advance(written),
                Err(error) => {
                    self.failed = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
        self.failed = false;
        Poll::Ready(Ok(()))
    }

    fn poll_out(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.take_unreported()?;
        loop {
            ready!(self.poll_outgoing(cx))?;
            if self.buffer.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.outgoing = self.buffer.split().freeze();
        }
    }
}

impl AsyncWrite for BufferedWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_take(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.poll_out(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for BufferedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedWriter")
            .field("writer", &self.writer)
            .field("unflushed", &self.unflushed())
            .finish_non_exhaustive()
    }
}
