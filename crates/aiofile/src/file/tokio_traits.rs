//! tokio's traits over the file's own buffers.

use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use caio::Buffer;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use super::File;
use super::ahead::CHUNK_BYTES;
use super::pending_write::Half;

/// Reads at least 64 KiB at once and serves them from memory.
impl AsyncRead for File {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let handle = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let most = handle.poll_bytes_max;
        ready!(handle.poll_ahead(cx, buf.remaining().max(CHUNK_BYTES).min(most)))?;
        let length = buf.remaining().min(handle.ahead().len()).min(most);
        buf.put_slice(&handle.ahead()[..length]);
        handle.pass_ahead(length);
        Poll::Ready(Ok(()))
    }
}

/// Reads 64 KiB at once.
impl AsyncBufRead for File {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let handle = self.get_mut();
        ready!(handle.poll_ahead(cx, CHUNK_BYTES))?;
        Poll::Ready(Ok(handle.ahead()))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().pass_ahead(amount);
    }
}

/// Writes through: a poll is ready when the kernel has accepted the bytes, at most
/// [`max_buf_size`](File::max_buf_size) of them. Where a part of them was accepted, the error comes
/// from the next write, flush, sync or close.
///
/// A write that was begun is finished, also where its future was dropped: where tokio says that a
/// dropped `write` has written nothing, this one may have. Offering the same bytes again, as a
/// `select!` in a loop does, waits for the same write; offering others writes them after it, and a
/// seek in between makes it a write of its own.
/// Shutting down flushes, which has nothing to do, and neither syncs nor closes.
impl AsyncWrite for File {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_offer(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_offer(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flushed(cx).map_err(io::Error::from)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Beyond the end is allowed: a write there leaves a hole. On a file opened to append a seek moves
/// reads alone. From the start and from the cursor it costs nothing; from the end one fstat(2), on
/// local file systems without a hop. A position before the start or beyond 2^63 - 1 is an error
/// ([`io::ErrorKind::InvalidInput`]), and so is a pipe, a socket or a terminal
/// ([`io::ErrorKind::NotSeekable`]); the cursor has not moved then. A seek that was begun and not
/// completed is forgotten when anything else is done.
impl AsyncSeek for File {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.get_mut().begin_seek(position).map_err(io::Error::from)
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.get_mut().poll_seek(cx).map_err(io::Error::from)
    }
}

impl File {
    /// Makes sure that there are bytes ahead, unless the file has ended.
    fn poll_ahead(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<()>> {
        self.file.file()?;
        if self.is_seekable() {
            ready!(self.poll_no_write(cx, Half::Read));
        }
        self.refresh();
        if self.ahead().is_empty() {
            ready!(self.poll_fill(cx, length))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_offer(
        &mut self,
        cx: &mut Context<'_>,
        offer: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(mut outcome) = ready!(self.poll_outcome(cx)) {
                let offered = outcome.offered.take();
                let same = offered.as_deref().is_some_and(|offered| begins_with(offer, offered));
                self.recycle(offered);
                if same {
                    return Poll::Ready(self.answer(outcome).map_err(io::Error::from));
                }
                self.keep_error(outcome);
            }
            ready!(self.poll_flushed(cx))?;
            self.file.file()?;
            let copy = self.copy_of(offer, self.poll_bytes_max);
            if copy.is_empty() {
                return Poll::Ready(Ok(0));
            }
            self.start_write(Buffer::from(copy.clone()), Some(copy));
        }
    }
}

/// Whether the offer begins with all of these bytes.
fn begins_with(offer: &[IoSlice<'_>], mut bytes: &[u8]) -> bool {
    for part in offer {
        let length = part.len().min(bytes.len());
        let (head, rest) = bytes.split_at(length);
        if part[..length] != *head {
            return false;
        }
        bytes = rest;
    }
    bytes.is_empty()
}
