//! Single steps of a transfer, for callers that drive it by polling and keep its state themselves:
//! a reader that holds its next chunk across polls has no place for a future that borrows.

use std::ops::Range;
use std::task::{Context as TaskContext, Poll, ready};

use super::Context;
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::file::SharedFile;
use crate::in_place::{self, Attempt};
use crate::op::{self, OpKind};

impl Context {
    /// Reads into `range` of the buffer's capacity on the calling thread, where that needs no
    /// waiting: one system call. The buffer's contents then end with the last byte read.
    ///
    /// `None` says that nothing was done and that the bytes have to come through
    /// [`submit`](Self::submit): they are not cached, or this context or this file does nothing in
    /// place. Fewer bytes than asked for do not mean the end of the file; only 0 does.
    ///
    /// `Pending` asks to let other tasks run first; nothing was done, and the waker is arranged
    /// for.
    ///
    /// It is inlined down to the system call, so that a loop of reads can have all of it in one
    /// function: the first function to return after a system call is slow to do so.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) as for
    /// [`read`](Self::read); else what the system answers.
    ///
    /// ```
    /// use std::task::{Context, Poll, Waker};
    /// use caio::Buffer;
    ///
    /// let context = caio::Context::builder().build()?;
    /// let file = caio::SharedFile::new(std::fs::File::open("/proc/self/exe")?, "exe")?;
    /// let mut buffer = Buffer::from(Vec::with_capacity(4));
    /// let mut cx = Context::from_waker(Waker::noop());
    /// match context.poll_read_in_place(&mut cx, &file, &mut buffer, 0..4, 0) {
    ///     Poll::Ready(Some(bytes)) => assert_eq!(buffer.as_slice(), &b"\x7fELF"[..bytes?]),
    ///     Poll::Ready(None) => assert!(buffer.is_empty(), "the file is not cached"),
    ///     Poll::Pending => assert!(buffer.is_empty(), "others go first"),
    /// }
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[inline(always)]
    pub fn poll_read_in_place(
        &self,
        cx: &mut TaskContext<'_>,
        file: &SharedFile,
        buffer: &mut Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> Poll<Option<Result<usize>>> {
        if let Err(error) = op::check_read(buffer, &range, offset) {
            return Poll::Ready(Some(Err(error.on(file.path()))));
        }
        if !self.inner.config.in_place || self.is_shut_down() || !in_place::can_read(file) {
            return Poll::Ready(None);
        }
        if range.is_empty() {
            buffer.set_len(range.start);
            return Poll::Ready(Some(Ok(0)));
        }
        let bytes_max = range.len().min(self.inner.config.in_place_bytes_max);
        let piece = range.start..range.start + ready!(self.poll_budget(cx, bytes_max));
        Poll::Ready(match in_place::read(file, buffer, piece.clone(), offset) {
            Attempt::Done(bytes) => {
                self.inner.counters().in_place(OpKind::Read, bytes, piece.len());
                buffer.set_len(piece.start + bytes);
                Some(Ok(bytes))
            }
            Attempt::Elsewhere => None,
            Attempt::Failed(error) => {
                let error = Error::system(error).during(OpKind::Read);
                Some(Err(error.on(file.path()).at(offset)))
            }
        })
    }
}
