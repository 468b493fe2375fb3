//! The cursor: seek and tell.

use std::io::{self, Seek, SeekFrom};
use std::task::{Context, Poll, ready};

use caio::{Error, ErrorKind, FileClass, Result};

use super::File;
use super::pending_write::Half;
use crate::aio_file::AioFile;
use crate::boxed::BoxedFuture;

/// A seek through tokio's trait that could not be done at once.
#[derive(Debug)]
pub(super) enum Seeking {
    /// It waits for the change under way, which may move the cursor.
    Waiting(SeekFrom),
    /// It waits for the file's length.
    Length(BoxedFuture<Result<u64>>, i64),
}

impl File {
    /// The position of the cursor, in bytes from the start; of a stream, the bytes that were read
    /// and written. Costs one system call where the descriptor was opened elsewhere.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// let mut file = aiofile::async_open(&path, "w+").await?;
    /// assert_eq!(file.tell(), 0);
    /// file.write_owned("12345").await?;
    /// assert_eq!(file.tell(), 5);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "stream_position")]
    #[must_use]
    pub fn tell(&self) -> u64 {
        self.shared_position().unwrap_or_else(|| self.settled_position(false))
    }

    /// Seeks at once where that is possible, else keeps it for later.
    pub(super) fn begin_seek(&mut self, to: SeekFrom) -> Result<()> {
        self.check_seekable()?;
        self.seeking = None;
        if !self.is_idle() || matches!(to, SeekFrom::End(_)) {
            self.seeking = Some(Seeking::Waiting(to));
            return Ok(());
        }
        self.adopt_position();
        self.seek_now(to).map(drop)
    }

    /// Finishes the seek that was begun, if one was.
    pub(super) fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64>> {
        ready!(self.poll_no_write(cx, Half::Write));
        self.adopt_position();
        loop {
            match self.seeking.take() {
                None => return Poll::Ready(Ok(self.position)),
                Some(Seeking::Waiting(SeekFrom::End(distance))) => {
                    let file = self.file.clone();
                    let work = BoxedFuture::new(async move { end(&file).await });
                    self.seeking = Some(Seeking::Length(work, distance));
                }
                Some(Seeking::Waiting(to)) => return Poll::Ready(self.seek_now(to)),
                Some(Seeking::Length(mut work, distance)) => match work.poll(cx) {
                    Poll::Ready(end) => return Poll::Ready(self.seek_by(end?, distance)),
                    Poll::Pending => {
                        self.seeking = Some(Seeking::Length(work, distance));
                        return Poll::Pending;
                    }
                },
            }
        }
    }

    fn seek_now(&mut self, to: SeekFrom) -> Result<u64> {
        self.check_seekable()?;
        match to {
            SeekFrom::Start(position) => self.seek_by(position, 0),
            SeekFrom::Current(distance) => self.seek_by(self.position, distance),
            SeekFrom::End(_) => unreachable!("the end is asked for before"),
        }
    }

    fn seek_by(&mut self, from: u64, distance: i64) -> Result<u64> {
        let position = from.checked_add_signed(distance);
        match position.filter(|position| i64::try_from(*position).is_ok()) {
            Some(position) => {
                self.seek_to(position)?;
                Ok(position)
            }
            None => {
                let message =
                    format!("there is no position {distance} bytes from {from}: 0 to 2^63 - 1 are");
                let error = Error::new(ErrorKind::InvalidInput, message);
                Err(self.file.file().map_or(error.clone(), |file| error.on(file.path())))
            }
        }
    }

    fn check_seekable(&self) -> Result<()> {
        let file = self.file.file()?;
        if file.is_seekable() {
            return Ok(());
        }
        let error = Error::system(io::ErrorKind::NotSeekable.into()).on(file.path());
        Err(error.hint("a pipe, a socket or a terminal is read and written in order"))
    }
}

/// Where a seekable file ends.
pub(crate) async fn end(file: &AioFile) -> Result<u64> {
    let shared = file.file()?;
    if shared.class() == FileClass::Block {
        // fstat(2) does not know a device's size. The kernel's own cursor is of no use to us.
        let end = shared.file().seek(SeekFrom::End(0));
        return end.map_err(|error| Error::system(error).on(shared.path()));
    }
    Ok(file.len().await?)
}
