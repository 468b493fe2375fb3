//! Whose the cursor of the file below is: the reading half's, which is ahead, or the writing
//! half's.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncSeek, AsyncWrite};

use super::TextFile;

/// Where the cursor of the file below is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was not asked.
    Unknown,
    /// Where the reading half reads on.
    Reading,
    /// Where the next text goes. Nothing is read ahead.
    Writing,
    /// It has to be moved to this offset. Nothing is read ahead.
    Seek(u64),
}

impl<F: AsyncBufRead + AsyncWrite + AsyncSeek + Unpin> TextFile<F> {
    /// Makes ready for a read at the cursor.
    pub(super) fn poll_reading(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drained(cx))?;
        match self.turn {
            Turn::Reading => {}
            Turn::Seek(offset) => {
                ready!(self.poll_seek(SeekFrom::Start(offset), cx))?;
            }
            Turn::Unknown | Turn::Writing => {
                let offset = ready!(self.poll_position(cx))?;
                if self.seekable {
                    self.input.restart(offset);
                }
            }
        }
        self.turn = Turn::Reading;
        Poll::Ready(Ok(()))
    }

    /// Makes ready for a write at the cursor.
    pub(super) fn poll_writing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.turn == Turn::Reading && self.seekable && !self.appends {
            let offset = self.input.position();
            self.input.restart(offset);
            self.turn = Turn::Seek(offset);
        }
        if self.input.chosen && self.turn != Turn::Writing {
            self.output.encoder = self.input.encoder();
        }
        let begins = match self.turn {
            Turn::Writing => return Poll::Ready(Ok(())),
            Turn::Seek(offset) => {
                ready!(self.poll_seek(SeekFrom::Start(offset), cx))?;
                offset == 0 && !self.appends
            }
            Turn::Unknown => ready!(self.poll_position(cx))? == 0,
            Turn::Reading => false,
        };
        if begins {
            self.output.encoder.restart();
        } else {
            self.output.encoder.begun(self.input.decoder.order());
        }
        self.turn = Turn::Writing;
        Poll::Ready(Ok(()))
    }

    /// Writes what was collected.
    pub(super) fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_drain(Pin::new(&mut self.file), cx)
    }

    /// The cursor of the file below; 0 where there is none.
    fn poll_position(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match ready!(self.poll_seek(SeekFrom::Current(0), cx)) {
            Err(error) if error.kind() == io::ErrorKind::NotSeekable => {
                self.seekable = false;
                Poll::Ready(Ok(0))
            }
            outcome => Poll::Ready(outcome),
        }
    }

    /// Moves the cursor of the file below, after a seek that was begun before and not awaited.
    pub(super) fn poll_seek(
        &mut self,
        to: SeekFrom,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<u64>> {
        let mut file = Pin::new(&mut self.file);
        loop {
            let outcome = ready!(file.as_mut().poll_complete(cx));
            if self.seeking.take() == Some(to) {
                return Poll::Ready(outcome);
            }
            file.as_mut().start_seek(to)?;
            self.seeking = Some(to);
        }
    }
}
