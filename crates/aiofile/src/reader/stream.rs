//! Chunks as a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use super::Reader;

/// A file in chunks. Made by [`Reader::chunks`].
///
/// An error ends the stream; asked once more after that, it tries again from where it stands.
///
/// ```
/// # #[tokio::main] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("digits");
/// # std::fs::write(&path, "0123456789")?;
/// use aiofile::{AioFile, Reader};
///
/// let file = AioFile::open(&path, "r").await?; // 0123456789
/// let mut chunks = Reader::new(file).chunk_size(4).chunks();
/// assert_eq!(chunks.next().await.transpose()?.unwrap(), "0123");
/// let mut rest = chunks.into_inner();
/// assert_eq!((rest.position(), rest.fill().await?), (4, &b"4567"[..]));
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct ChunkStream {
    reader: Reader,
    /// It ended with an error, and has not said so yet.
    failed: bool,
}

impl ChunkStream {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, failed: false }
    }

    /// The next chunk; `None` at the end of the file.
    ///
    /// # Errors
    /// As for [`Reader::fill`].
    ///
    /// # Cancel safety
    /// As for [`Reader::fill`].
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The reader underneath.
    #[must_use]
    pub fn get_ref(&self) -> &Reader {
        &self.reader
    }

    /// The reader underneath. Bytes taken from it are missing in the stream.
    pub fn get_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }

    /// Gives the reader back, at the next chunk.
    #[must_use]
    pub fn into_inner(self) -> Reader {
        self.reader
    }
}

impl Stream for ChunkStream {
    type Item = io::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if std::mem::take(&mut self.failed) {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.reader.poll_next_chunk(cx)).transpose();
        self.failed = matches!(chunk, Some(Err(_)));
        Poll::Ready(chunk.map(|chunk| chunk.map_err(io::Error::from)))
    }
}
