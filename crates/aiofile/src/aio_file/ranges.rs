//! Many ranges of one file at once.
//!
//! The ranges are sorted and neighbours are read together, what is cached is read in place, and the
//! rest goes to the backend as one batch, in pieces where it is large. Each range is a slice of
//! what was read: nothing is copied.

mod coalesced;
mod piece;
mod plan;
mod slab;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use caio::{Error, ErrorKind, OpKind};
use futures_core::Stream;

use super::AioFile;
use coalesced::CoalescedReads;
use plan::check;

/// How ranges are read together.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// use aiofile::{AioFile, RangeOptions};
///
/// let file = AioFile::open("/proc/self/exe", "r").await?;
/// let together = RangeOptions::new().gap_max(64 << 10);
/// let parts = file.read_ranges_with(&[0..4, 50_000..50_016], &together).await?;
/// assert_eq!((&parts[0][..], parts[1].len()), (&b"\x7fELF"[..], 16));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until ranges are read with them"]
pub struct RangeOptions {
    gap_max: u64,
    coalesced_bytes_max: u64,
}

impl RangeOptions {
    /// Gaps up to 4 KiB are read along, and neighbours together up to 1 MiB: one more page costs
    /// less than one more operation, both from the cache and from a device, and beyond a megabyte
    /// one operation keeps a device less busy than several.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, [b'.'; 100])?;
    /// use aiofile::{AioFile, RangeOptions};
    ///
    /// let file = AioFile::open(&path, "r").await?; // 100 bytes
    /// file.read_ranges_with(&[0..10, 20..30], &RangeOptions::new()).await?;
    /// assert_eq!(file.context().metrics().bytes_read, 30, "the gap came along");
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self { gap_max: 4 << 10, coalesced_bytes_max: 1 << 20 }
    }

    /// Reads neighbours together where no more bytes than this lie between them. More is right
    /// where the device takes long for each operation, such as a rotating disk or a network.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, [b'.'; 100])?;
    /// use aiofile::{AioFile, RangeOptions};
    ///
    /// let file = AioFile::open(&path, "r").await?; // 100 bytes
    /// let apart = RangeOptions::new().gap_max(0);
    /// file.read_ranges_with(&[0..10, 20..30], &apart).await?;
    /// assert_eq!(file.context().metrics().bytes_read, 20);
    /// # Ok(()) }
    /// ```
    pub fn gap_max(mut self, bytes: u64) -> Self {
        self.gap_max = bytes;
        self
    }

    /// Reads neighbours together up to so many bytes. A range that is larger is read alone. A part
    /// of what was read together keeps all of it in memory.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, [b'.'; 100])?;
    /// use aiofile::{AioFile, RangeOptions};
    ///
    /// let file = AioFile::open(&path, "r").await?; // 100 bytes
    /// let small = RangeOptions::new().coalesced_bytes_max(25);
    /// file.read_ranges_with(&[0..10, 12..22, 24..34], &small).await?;
    /// assert_eq!(file.context().metrics().bytes_read, 22 + 10);
    /// # Ok(()) }
    /// ```
    pub fn coalesced_bytes_max(mut self, bytes: u64) -> Self {
        self.coalesced_bytes_max = bytes;
        self
    }
}

impl Default for RangeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl AioFile {
    /// Reads these ranges, whole and in this order. They may overlap and be empty.
    ///
    /// Neighbours are read together, see [`RangeOptions`]. What is cached costs one system call
    /// on the calling thread; the rest goes to the backend in one batch, with one system call
    /// where it takes one, and pieces of 256 KiB at once. Ranges of up to 32 KiB share memory,
    /// 256 KiB at a time: copy a small one that is kept for long. The memory of what has 64 KiB
    /// or more may be half as large again, and is used for later reads when its last `Bytes` is
    /// dropped: 64 MiB are kept for that at most, and what was not used for a second is given back
    /// with the next large read, or its drop.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] before anything is read, for a range that is reversed or ends
    /// beyond 2^63 - 1 and for a pipe, a socket or a terminal; [`ErrorKind::UnexpectedEof`] for a
    /// range beyond the end of the file, naming it; [`ErrorKind::Closed`]; else what the system
    /// answers.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the reads and loses nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// let file = aiofile::AioFile::open("/proc/self/exe", "r").await?;
    /// let parts = file.read_ranges(&[100_000..100_100, 0..4]).await?;
    /// assert_eq!((parts[0].len(), &parts[1][..]), (100, &b"\x7fELF"[..]));
    /// # Ok(()) }
    /// ```
    pub async fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        self.read_ranges_with(ranges, &RangeOptions::new()).await
    }

    /// As [`read_ranges`](Self::read_ranges), with other options.
    ///
    /// # Errors
    /// As for [`read_ranges`](Self::read_ranges).
    ///
    /// # Cancel safety
    /// As for [`read_ranges`](Self::read_ranges).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "head, a long middle, tail")?;
    /// use aiofile::{AioFile, RangeOptions};
    ///
    /// let file = AioFile::open(&path, "r").await?; // head, a long middle, tail
    /// let apart = RangeOptions::new().gap_max(4);
    /// let parts = file.read_ranges_with(&[21..25, 0..4], &apart).await?;
    /// assert_eq!(parts, ["tail", "head"]);
    /// assert_eq!(file.context().metrics().bytes_read, 8);
    /// assert!(file.read_ranges_with(&[0..26], &apart).await.is_err(), "beyond the end");
    /// # Ok(()) }
    /// ```
    pub async fn read_ranges_with(
        &self,
        ranges: &[Range<u64>],
        options: &RangeOptions,
    ) -> io::Result<Vec<Bytes>> {
        let mut stream = self.stream_ranges(ranges, options)?;
        let mut read = vec![Bytes::new(); ranges.len()];
        while let Some(ready) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
            let (index, bytes) = ready?;
            read[index] = bytes;
        }
        Ok(read)
    }

    /// Reads these ranges and gives each with its index as soon as it is ready, in whatever order.
    ///
    /// The ranges are read as the stream is polled, at most 256 operations ahead of it.
    ///
    /// # Errors
    /// As for [`read_ranges`](Self::read_ranges) where nothing has been read yet; the others come
    /// in the stream, and those ranges that can be read come all the same.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::{AioFile, RangeOptions};
    ///
    /// let file = AioFile::open("/proc/self/exe", "r").await?;
    /// let mut stream = file.stream_ranges(&[0..4, 9_000..9_010], &RangeOptions::new())?;
    /// let mut seen = [false; 2];
    /// while let Some(range) = stream.next().await {
    ///     let (index, bytes) = range?;
    ///     assert_eq!(bytes.len(), [4, 10][index]);
    ///     seen[index] = true;
    /// }
    /// assert_eq!(seen, [true; 2]);
    /// # Ok(()) }
    /// ```
    pub fn stream_ranges(
        &self,
        ranges: &[Range<u64>],
        options: &RangeOptions,
    ) -> io::Result<RangeStream> {
        let file = self.file()?;
        if !file.is_seekable() {
            let error = Error::new(ErrorKind::InvalidInput, "this file has no ranges");
            let error = error.during(OpKind::Read).on(file.path());
            return Err(error.hint("read it with a Reader, from front to back").into());
        }
        check(ranges).map_err(|error| error.on(file.path()))?;
        Ok(RangeStream { reads: CoalescedReads::new(self, ranges, options) })
    }
}

/// Ranges of a file, each as soon as it is ready. Made by [`AioFile::stream_ranges`].
///
/// Dropping it cancels the reads that have not completed.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
/// # std::fs::write(&path, "head, a long middle, tail")?;
/// use aiofile::{AioFile, RangeOptions};
/// use futures_util::TryStreamExt;
/// use std::collections::HashMap;
///
/// let file = AioFile::open(&path, "r").await?; // head, a long middle, tail
/// let stream = file.stream_ranges(&[0..4, 21..25], &RangeOptions::new())?;
/// let read: HashMap<_, _> = stream.try_collect().await?;
/// assert_eq!((&read[&0][..], &read[&1][..]), (&b"head"[..], &b"tail"[..]));
/// # Ok(()) }
/// ```
pub struct RangeStream {
    reads: CoalescedReads,
}

impl RangeStream {
    /// The next range that is ready, with its index; `None` after the last.
    ///
    /// # Errors
    /// As for [`AioFile::read_ranges`], of this range alone.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<io::Result<(usize, Bytes)>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for RangeStream {
    type Item = io::Result<(usize, Bytes)>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<(usize, Bytes)>>> {
        let read = ready!(self.reads.poll_ready(cx));
        Poll::Ready(read.map(|(index, bytes)| Ok((index, bytes?))))
    }
}

impl fmt::Debug for RangeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RangeStream({} operations to come)", self.reads.left())
    }
}
