//! A reader that gives so many bytes at once, and a while after it was asked.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, ReadBuf};

/// Pieces of some bytes.
#[derive(Debug)]
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    position: usize,
    size: usize,
    waited: bool,
    /// What is answered instead of bytes, once.
    pub(crate) failure: Option<io::Error>,
    /// How often bytes were asked for.
    pub(crate) polls: usize,
}

impl Pieces {
    pub(crate) fn new(bytes: &[u8], size: usize) -> Self {
        let (bytes, position, waited) = (bytes.to_vec(), 0, false);
        Self { bytes, position, size, waited, failure: None, polls: 0 }
    }
}

impl AsyncBufRead for Pieces {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        this.polls += 1;
        this.waited = !this.waited;
        if this.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(failure) = this.failure.take() {
            return Poll::Ready(Err(failure));
        }
        let rest = &this.bytes[this.position..];
        Poll::Ready(Ok(&rest[..rest.len().min(this.size)]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().position += amount;
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        panic!("text is read through the buffer");
    }
}

impl AsyncSeek for Pieces {
    fn start_seek(self: Pin<&mut Self>, to: io::SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        this.position = match to {
            io::SeekFrom::Start(offset) => offset as usize,
            io::SeekFrom::End(_) => this.bytes.len(),
            io::SeekFrom::Current(_) => this.position,
        };
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position as u64))
    }
}
