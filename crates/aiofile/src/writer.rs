//! Writing a file from front to back.

mod buffered;
mod cursor;
mod sequence;

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use caio::IntoBuffer;
use tokio::io::AsyncWrite;

use crate::aio_file::AioFile;
use crate::boxed::BoxedFuture;
pub use buffered::BufferedWriter;
use cursor::Cursor;

/// The most bytes that one `poll_write` copies, so that a large slice does not double its memory.
const COPY_BYTES_MAX: usize = 1 << 20;

/// Writes one piece behind the other. It holds a cursor and nothing else: nothing is buffered, and
/// `Ok` means that the kernel has the bytes.
///
/// The clones of a writer share the cursor. A write takes its place when it is *called*, not when
/// it is first polled, so that the pieces of concurrent callers lie in the order of the calls and
/// never overlap, while the writes themselves run side by side. At the end of a file opened to
/// append, and into a pipe, they run one after the other; whichever of their futures is polled
/// carries out those that were called before it, too, so that they may be awaited in any order. Of
/// those that wait, small ones are written as one, but for sockets and with O_DIRECT; each is told
/// what became of its own bytes.
///
/// # When a write fails
/// The cursor goes back to where the failed write was to begin, as if it had not been called,
/// unless a later one has taken the place behind it. Then the file has a gap: the error says so,
/// and every later write and sync fails and names it, until [`take_gaps`](Self::take_gaps) hands it
/// over for the caller to fill or to accept. Dropping the future of a write counts as a failure.
///
/// Where writes run one after the other there are no gaps; the cursor counts what was accepted. A
/// dropped future takes its write along, unless that has begun, which may be the doing of a later
/// one; then it goes on when the next future is polled.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("report");
/// use aiofile::{AioFile, Writer};
/// use futures_util::future::try_join3;
///
/// let file = AioFile::open(&path, "w+").await?;
/// let writer = Writer::new(&file);
/// try_join3(writer.write_all("one,"), writer.write_all("two,"), writer.write_all("three")).await?;
/// assert_eq!(writer.position(), 13);
/// assert_eq!(file.read_to_end(0).await?, "one,two,three");
/// # Ok(()) }
/// ```
pub struct Writer {
    cursor: Arc<Cursor>,
    /// The write behind `poll_write`, of this handle alone.
    in_flight: Option<InFlight>,
}

struct InFlight {
    bytes: Bytes,
    write: BoxedFuture<io::Result<usize>>,
}

impl Writer {
    /// A writer from the start of the file, with a handle of its own on it: takes an [`AioFile`]
    /// or a reference to one.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let writer = Writer::new(&AioFile::open(&path, "w").await?);
    /// writer.write_all("first").await?;
    /// assert_eq!(aiofile::fs::read(&path).await?, b"first");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(file: impl Into<AioFile>) -> Self {
        Self { cursor: Arc::new(Cursor::new(file.into(), 0)), in_flight: None }
    }

    /// Starts at this byte offset. Separate from the clones made before. Without effect on a file
    /// opened to append, and on a pipe.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// file.write_all_at("keep, replace", 0).await?;
    /// let writer = Writer::new(&file).offset(6);
    /// writer.write_all("written").await?;
    /// assert_eq!(file.read_to_end(0).await?, "keep, written");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn offset(self, offset: u64) -> Self {
        Self { cursor: Arc::new(Cursor::new(self.cursor.file().clone(), offset)), in_flight: None }
    }

    /// Writes all of the buffer behind what was written so far.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](caio::ErrorKind::InvalidInput) where the file would end beyond
    /// 2^63 - 1; [`ErrorKind::InvalidData`](caio::ErrorKind::InvalidData) while there is a gap;
    /// [`ErrorKind::Closed`](caio::ErrorKind::Closed); else what the system answers. An unknown
    /// part was written then.
    ///
    /// # Cancel safety
    /// Dropping the future counts as a failed write; any part may still be written.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// let writer = Writer::new(&file);
    /// let first = writer.write_all("called first, ");
    /// let second = writer.write_all("called second");
    /// second.await?;
    /// first.await?;
    /// assert_eq!(file.read_to_end(0).await?, "called first, called second");
    /// # Ok(()) }
    /// ```
    pub fn write_all<B: IntoBuffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static + use<B> {
        let write = self.cursor.write(buffer.into_owned_buffer());
        async move { Ok(write?.all().await?) }
    }

    /// Writes the buffer behind what was written so far: all of it, unless an error comes in
    /// between, and then as much as was accepted before; the cursor stands behind that.
    ///
    /// # Errors
    /// As for [`write_all`](Self::write_all), where nothing was accepted or a gap would remain.
    ///
    /// # Cancel safety
    /// As for [`write_all`](Self::write_all).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let writer = Writer::new(&AioFile::open(&path, "w").await?);
    /// assert_eq!(writer.write("12345").await?, 5);
    /// let writer = Writer::new(&AioFile::open("/dev/full", "w").await?);
    /// assert!(writer.write("12345").await.is_err());
    /// assert_eq!(writer.position(), 0);
    /// # Ok(()) }
    /// ```
    pub fn write<B: IntoBuffer>(
        &self,
        buffer: B,
    ) -> impl Future<Output = io::Result<usize>> + Send + 'static + use<B> {
        let write = self.cursor.write(buffer.into_owned_buffer());
        async move { Ok(write?.some().await?) }
    }

    /// Does nothing: nothing is buffered. For code that also takes a [`BufferedWriter`].
    ///
    /// # Errors
    /// While there is a gap, the error that names it.
    ///
    /// # Cancel safety
    /// There is nothing to cancel.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Error, Writer};
    ///
    /// let writer = Writer::new(&AioFile::open(&path, "w").await?);
    /// let dropped = writer.write_all("lost");
    /// writer.write_all("kept").await?;
    /// writer.flush().await?;
    /// drop(dropped);
    /// assert_eq!(Error::from(writer.flush().await.unwrap_err()).offset(), Some(0));
    /// # Ok(()) }
    /// ```
    pub async fn flush(&self) -> io::Result<()> {
        Ok(self.cursor.check()?)
    }

    /// fdatasync(2), after the writes that have started. See [`AioFile::fdatasync`].
    ///
    /// # Errors
    /// While there is a gap, the error that names it; else as for [`AioFile::fdatasync`].
    ///
    /// # Cancel safety
    /// As for [`AioFile::fdatasync`].
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("journal");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let file = AioFile::open(&path, "w").await?;
    /// let writer = Writer::new(&file);
    /// writer.write_all("paid 10\n").await?;
    /// let before = file.context().metrics();
    /// writer.sync().await?;
    /// assert!(file.context().metrics().submitted > before.submitted);
    /// # Ok(()) }
    /// ```
    pub async fn sync(&self) -> io::Result<()> {
        self.cursor.check()?;
        self.cursor.file().fdatasync().await
    }

    /// Byte offset behind the writes called so far; where writes run one after the other, the
    /// bytes that those which have ended had accepted.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let writer = Writer::new(&AioFile::open(&path, "w").await?);
    /// let write = writer.write_all("12345");
    /// assert_eq!(writer.position(), 5);
    /// write.await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// The ranges that failed writes have left unwritten between others, for the caller to fill
    /// with [`AioFile::write_all_at`] or to accept. The writer then goes on behind them.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("gap");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let file = AioFile::open(&path, "w+").await?;
    /// let writer = Writer::new(&file);
    /// let dropped = writer.write_all("lost");
    /// writer.write_all("kept").await?;
    /// drop(dropped);
    /// assert!(writer.write_all("more").await.is_err());
    /// assert_eq!(writer.take_gaps(), [0..4]);
    /// writer.write_all("more").await?;
    /// assert_eq!(file.read_to_end(0).await?, "\0\0\0\0keptmore");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn take_gaps(&self) -> Vec<Range<u64>> {
        self.cursor.take_gaps()
    }

    /// The file that is written.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// use aiofile::{AioFile, Writer};
    ///
    /// let writer = Writer::new(&AioFile::open(&path, "w").await?);
    /// writer.write_all("12345").await?;
    /// assert_eq!(writer.file().len().await?, 5);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn file(&self) -> &AioFile {
        self.cursor.file()
    }

    /// Ends the write that `poll_write` has begun.
    fn poll_in_flight(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if let Some(in_flight) = &mut self.in_flight {
            let result = ready!(in_flight.write.poll(cx));
            self.in_flight = None;
            result?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Writer {
    /// `Ready` when the kernel has the bytes. A call that was given up while it was pending may
    /// have written its bytes; other bytes are written behind them then.
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let Some(in_flight) = &mut self.in_flight else {
                let copy = Bytes::copy_from_slice(&bytes[..bytes.len().min(COPY_BYTES_MAX)]);
                let write = BoxedFuture::new(self.write(copy.clone()));
                self.in_flight = Some(InFlight { bytes: copy, write });
                continue;
            };
            let result = ready!(in_flight.write.poll(cx));
            let ours = bytes.starts_with(&in_flight.bytes);
            self.in_flight = None;
            match result {
                Ok(written) if ours => return Poll::Ready(Ok(written)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_in_flight(cx))?;
        Poll::Ready(self.cursor.check().map_err(Into::into))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Clone for Writer {
    /// Another handle on the same cursor.
    fn clone(&self) -> Self {
        Self { cursor: Arc::clone(&self.cursor), in_flight: None }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("file", self.cursor.file())
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
