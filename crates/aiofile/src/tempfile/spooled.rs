//! A temporary file in memory, which moves to disk when it grows.

use std::future::poll_fn;
use std::io::{self, Cursor, Seek, SeekFrom};
use std::mem;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use super::{Builder, File};
use crate::boxed::BoxedFuture;

/// A file that lives in memory up to a limit, and beyond it in a file without a name. Reading,
/// writing and seeking are the same in both.
///
/// In memory nothing costs a system call. The write that would go beyond the limit moves all to
/// disk first, which is one hop to make the file and one to write it.
///
/// # Cancel safety
/// A move to disk that has begun belongs to this file: dropping the future of a write or of
/// [`rollover`](Self::rollover) loses nothing, and the next operation goes on with it.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::io::SeekFrom;
/// use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// let mut file = aiofile::tempfile::spooled_tempfile(8);
/// file.write_all(b"small").await?;
/// assert!(!file.is_rolled());
/// file.write_all(b" and larger").await?;
/// assert!(file.is_rolled());
/// file.seek(SeekFrom::Start(0)).await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// assert_eq!(text, "small and larger");
/// # Ok(()) }
/// ```
#[doc(alias = "SpooledTemporaryFile")]
#[derive(Debug)]
pub struct SpooledTempFile {
    builder: Builder,
    bytes_max: usize,
    place: Place,
    /// What was begun and not completed.
    seeking: Option<SeekFrom>,
}

#[derive(Debug)]
enum Place {
    Memory(Cursor<Vec<u8>>),
    /// On the way to disk, from this position.
    Moving(BoxedFuture<Moved>, u64),
    Disk(Box<File>),
}

/// The file on disk, or the contents and why they could not be moved.
type Moved = Result<File, (io::Error, Bytes)>;

/// A file in memory, which moves to a file in [`temp_dir`](super::temp_dir()) once it has more than
/// so many bytes. Costs nothing yet.
#[doc(alias = "SpooledTemporaryFile")]
#[must_use]
pub fn spooled_tempfile(bytes_max: usize) -> SpooledTempFile {
    Builder::new().spooled(bytes_max)
}

impl SpooledTempFile {
    pub(super) fn new_of(builder: Builder, bytes_max: usize) -> Self {
        Self { builder, bytes_max, place: Place::Memory(Cursor::default()), seeking: None }
    }

    /// Whether it is on disk by now.
    #[doc(alias = "_rolled")]
    #[must_use]
    pub fn is_rolled(&self) -> bool {
        matches!(self.place, Place::Disk(_))
    }

    /// Moves it to disk now, if it is not there.
    ///
    /// # Errors
    /// As for [`Builder::unnamed`], and what write(2) answers. All is still in memory then.
    ///
    /// # Cancel safety
    /// The next operation goes on with it.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// let mut file = aiofile::tempfile::spooled_tempfile(1 << 20);
    /// file.rollover().await?;
    /// assert!(file.is_rolled());
    /// # Ok(()) }
    /// ```
    pub async fn rollover(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_disk(cx).map_ok(drop)).await
    }

    /// Cuts or extends it to so many bytes. The cursor stays. On disk one hop; a length beyond the
    /// limit moves it there.
    ///
    /// # Errors
    /// As for [`rollover`](Self::rollover), and what ftruncate(2) answers.
    ///
    /// # Cancel safety
    /// On disk, the next operation waits for what was begun.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// let mut file = aiofile::tempfile::spooled_tempfile(1000);
    /// file.set_len(1000).await?;
    /// assert!(!file.is_rolled());
    /// file.set_len(1001).await?;
    /// assert!(file.is_rolled());
    /// # Ok(()) }
    /// ```
    #[doc(alias = "truncate")]
    pub async fn set_len(&mut self, length: u64) -> io::Result<()> {
        poll_fn(|cx| self.poll_moved(cx)).await?;
        if let Place::Memory(memory) = &mut self.place
            && let Ok(length) = usize::try_from(length)
            && length <= self.bytes_max
        {
            memory.get_mut().resize(length, 0);
            return Ok(());
        }
        self.rollover().await?;
        match &mut self.place {
            Place::Disk(file) => file.truncate(length).await?,
            Place::Memory(_) | Place::Moving(..) => unreachable!("it was just moved to disk"),
        };
        Ok(())
    }

    /// The file on disk, where it moves first if it is not there. The cursor stays.
    ///
    /// # Errors
    /// As for [`rollover`](Self::rollover). The contents are lost then; call that first to keep
    /// them.
    ///
    /// # Cancel safety
    /// The contents go with the future.
    #[doc(alias = "into_inner")]
    pub async fn into_file(mut self) -> io::Result<File> {
        self.rollover().await?;
        match self.place {
            Place::Disk(file) => Ok(*file),
            Place::Memory(_) | Place::Moving(..) => unreachable!("it was just moved to disk"),
        }
    }

    /// The file on disk, where it goes if it is not there.
    fn poll_disk(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<&mut File>> {
        if let Place::Memory(memory) = &mut self.place {
            let memory = mem::take(memory);
            let position = memory.position();
            let moving = move_to_disk(self.builder.clone(), memory.into_inner().into(), position);
            self.place = Place::Moving(BoxedFuture::new(moving), position);
        }
        ready!(self.poll_moved(cx))?;
        match &mut self.place {
            Place::Disk(file) => Poll::Ready(Ok(file)),
            Place::Memory(_) | Place::Moving(..) => unreachable!("it was just moved to disk"),
        }
    }

    /// Waits for a move under way.
    fn poll_moved(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let Place::Moving(moving, position) = &mut self.place else { return Poll::Ready(Ok(())) };
        let position = *position;
        match ready!(moving.poll(cx)) {
            Ok(file) => {
                self.place = Place::Disk(Box::new(file));
                Poll::Ready(Ok(()))
            }
            Err((error, contents)) => {
                let mut memory = Cursor::new(Vec::from(contents));
                memory.set_position(position);
                self.place = Place::Memory(memory);
                Poll::Ready(Err(error))
            }
        }
    }

    /// Whether a write of so many bytes at the cursor goes beyond the limit.
    fn is_too_small_for(&self, length: usize) -> bool {
        let Place::Memory(memory) = &self.place else { return true };
        memory.position().saturating_add(length as u64) > self.bytes_max as u64
    }
}

async fn move_to_disk(builder: Builder, contents: Bytes, position: u64) -> Moved {
    let moved = async {
        let mut file = builder.unnamed().await?;
        file.file().write_all_at(contents.clone(), 0).await?;
        Pin::new(&mut file).start_seek(SeekFrom::Start(position))?;
        poll_fn(|cx| Pin::new(&mut file).poll_complete(cx)).await?;
        Ok(file)
    };
    moved.await.map_err(|error| (error, contents))
}

impl AsyncRead for SpooledTempFile {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let spooled = self.get_mut();
        ready!(spooled.poll_moved(cx))?;
        match &mut spooled.place {
            Place::Memory(memory) => Pin::new(memory).poll_read(cx, buf),
            Place::Disk(file) => Pin::new(&mut **file).poll_read(cx, buf),
            Place::Moving(..) => unreachable!("the move has ended"),
        }
    }
}

impl AsyncBufRead for SpooledTempFile {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<&[u8]>> {
        let spooled = self.get_mut();
        ready!(spooled.poll_moved(cx))?;
        match &mut spooled.place {
            Place::Memory(memory) => Pin::new(memory).poll_fill_buf(cx),
            Place::Disk(file) => Pin::new(&mut **file).poll_fill_buf(cx),
            Place::Moving(..) => unreachable!("the move has ended"),
        }
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        match &mut self.get_mut().place {
            Place::Memory(memory) => Pin::new(memory).consume(amount),
            Place::Disk(file) => Pin::new(&mut **file).consume(amount),
            Place::Moving(..) => {}
        }
    }
}

impl AsyncWrite for SpooledTempFile {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let spooled = self.get_mut();
        ready!(spooled.poll_moved(cx))?;
        // Memory would be extended up to the cursor, as no file is.
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if spooled.is_too_small_for(buf.len()) {
            let file = ready!(spooled.poll_disk(cx))?;
            return Pin::new(file).poll_write(cx, buf);
        }
        match &mut spooled.place {
            Place::Memory(memory) => Pin::new(memory).poll_write(cx, buf),
            Place::Disk(_) | Place::Moving(..) => unreachable!("it is in memory"),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let spooled = self.get_mut();
        ready!(spooled.poll_moved(cx))?;
        match &mut spooled.place {
            Place::Disk(file) => Pin::new(&mut **file).poll_flush(cx),
            Place::Memory(_) | Place::Moving(..) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// A seek that was begun is done when it is completed.
impl AsyncSeek for SpooledTempFile {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.get_mut().seeking = Some(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<u64>> {
        let spooled = self.get_mut();
        ready!(spooled.poll_moved(cx))?;
        let begun = spooled.seeking.take();
        match &mut spooled.place {
            Place::Memory(memory) => {
                Poll::Ready(memory.seek(begun.unwrap_or(SeekFrom::Current(0))))
            }
            Place::Disk(file) => {
                let mut file = Pin::new(&mut **file);
                begun.map_or(Ok(()), |to| file.as_mut().start_seek(to))?;
                file.poll_complete(cx)
            }
            Place::Moving(..) => unreachable!("the move has ended"),
        }
    }
}
