//! Reads and writes that are complete: in place first, then through the backend, on and on until
//! the range is done, the file ends or an error comes. The one place where short transfers are
//! handled.

mod reading;
mod writing;

use std::future::Future;
use std::ops::Range;
use std::task::{Context as TaskContext, Poll, ready};

use reading::Reading;
use writing::Writing;

use super::{Context, Inner};
use crate::buffer::{Buffer, IntoBuffer};
use crate::completion::Outcome;
use crate::config::BufferedWrites;
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::in_place;
use crate::op::{self, Op, OpKind, Output};

/// A transfer's count of bytes, and its buffer. The buffer is empty where the operation was
/// abandoned at a shutdown, or did not end by the deadline of a layer: the kernel has kept it.
pub type Transfer = (Result<usize>, Buffer);

impl Context {
    /// Fills `range` of the buffer's capacity from `offset`. Fewer bytes come only at the end of
    /// the file; from a stream or a character device, what is there; with `O_DIRECT`, up to where
    /// the system stopped within a block, from which it could not go on. The buffer's contents end
    /// with the last byte read.
    ///
    /// Cached data costs one system call on the calling thread and no hop. What is not cached
    /// costs one operation of the backend. An empty range costs nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] before anything is done, for a range outside the capacity, a
    /// read-only buffer and an offset that overflows; else what the system answers. An error
    /// after some bytes is not lost: these bytes are returned, and the next read meets it again.
    /// Only where the bytes went with the buffer, at a shutdown or after the deadline of a layer,
    /// is the error returned at once.
    ///
    /// # Cancel safety
    /// Dropping the future loses the buffer's contents and nothing else.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"some text")?;
    /// use caio::Buffer;
    ///
    /// let empty = Buffer::from(Vec::with_capacity(64));
    /// let (read, buffer) = context.read(&file, empty, 0..64, 5).await;
    /// assert_eq!((read?, buffer.as_slice()), (4, &b"text"[..]));
    /// # Ok(())
    /// # });
    /// ```
    pub fn read<'a>(
        &'a self,
        file: &'a SharedFile,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> impl Future<Output = Transfer> + Send + Sync + 'a {
        Reading::new(self, Progress { file, range, offset, done: 0 }, buffer, true)
    }

    /// As [`read`](Self::read), with nothing tried in place: for who has tried that already, with
    /// [`poll_try_read`](Self::poll_try_read). One operation of the backend.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// # Cancel safety
    /// As for [`read`](Self::read).
    pub fn read_elsewhere<'a>(
        &'a self,
        file: &'a SharedFile,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> impl Future<Output = Transfer> + Send + Sync + 'a {
        Reading::new(self, Progress { file, range, offset, done: 0 }, buffer, false)
    }

    /// Reads into `range` of the buffer's capacity on the calling thread, where that needs no
    /// waiting: one system call, of at most [`Config::in_place_bytes_max`](crate::Config) bytes.
    /// The buffer's contents then end with the last byte read.
    ///
    /// `None` says that nothing was done and that the bytes have to come through
    /// [`submit`](Self::submit): they are not cached, this context or this file does nothing in
    /// place, or there are layers, which have to let it in first (it may be done in place after
    /// that). Fewer bytes than asked for do not mean the end of the file; only 0 does.
    ///
    /// `Pending` lets other tasks run first, by the runtime's own cooperative budget, with the
    /// waker arranged for.
    ///
    /// It is inlined down to the system call, so that a loop of reads can have all of it in one
    /// function: the first function to return after a system call is slow to do so.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) as for
    /// [`read`](Self::read). No error of the system: what fails here is to be done elsewhere.
    ///
    /// ```
    /// use std::task::{Context, Poll, Waker};
    /// use caio::Buffer;
    ///
    /// let context = caio::Context::builder().build()?;
    /// let file = caio::SharedFile::new(std::fs::File::open("/proc/self/exe")?, "exe")?;
    /// let mut buffer = Buffer::from(Vec::with_capacity(4));
    /// let mut cx = Context::from_waker(Waker::noop());
    /// match context.poll_try_read(&mut cx, &file, &mut buffer, 0..4, 0) {
    ///     Poll::Ready(Ok(Some(_))) => assert_eq!(buffer.as_slice(), b"\x7fELF"),
    ///     Poll::Ready(Ok(None)) => assert!(buffer.is_empty(), "the file is not cached"),
    ///     Poll::Ready(Err(error)) => return Err(error),
    ///     Poll::Pending => assert!(buffer.is_empty(), "others go first"),
    /// }
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[inline(always)]
    pub fn poll_try_read(
        &self,
        cx: &mut TaskContext<'_>,
        file: &SharedFile,
        buffer: &mut Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> Poll<Result<Option<usize>>> {
        if let Err(error) = op::check_read(buffer, &range, offset) {
            return Poll::Ready(Err(error.on(file.path())));
        }
        if !self.inner.in_place || self.is_shut_down() || !in_place::can_read(file) {
            return Poll::Ready(Ok(None));
        }
        if range.is_empty() {
            buffer.set_len(range.start);
            return Poll::Ready(Ok(Some(0)));
        }
        let length = range.len().min(self.inner.config.in_place_bytes_max);
        ready!(self.poll_proceed(cx, length));
        let read = in_place::read(file, buffer, range.start..range.start + length, offset);
        if let Some(bytes) = read {
            self.inner.metrics.in_place(OpKind::Read, bytes, length);
            buffer.set_len(range.start + bytes);
        }
        Poll::Ready(Ok(read))
    }

    /// Writes `range` of the buffer's contents to `offset`, all of it unless an error comes in
    /// between. On a file opened with `O_APPEND` Linux ignores the offset.
    ///
    /// A write costs one hop, or none where the file system can take it without waiting (XFS,
    /// btrfs, tmpfs), or where [`BufferedWrites::InPlace`](crate::BufferedWrites) is chosen.
    /// `Ok(n)` means that the kernel has accepted n bytes; nothing is buffered here.
    ///
    /// # Errors
    /// As for [`read`](Self::read). An error after some bytes is not lost: their count is
    /// returned, and writing the rest meets it again.
    ///
    /// # Cancel safety
    /// Dropping the future cancels what has not begun; any part may still be written.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"some data")?;
    /// use std::os::unix::fs::FileExt;
    /// use caio::Buffer;
    ///
    /// let (written, _) = context.write(&file, Buffer::from(&b"text"[..]), 0..4, 5).await;
    /// assert_eq!(written?, 4);
    /// let mut contents = [0; 9];
    /// file.file().read_exact_at(&mut contents, 0)?;
    /// assert_eq!(&contents, b"some text");
    /// # Ok(())
    /// # });
    /// ```
    pub fn write<'a>(
        &'a self,
        file: &'a SharedFile,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> impl Future<Output = Transfer> + Send + Sync + 'a {
        Writing::new(self, Progress { file, range, offset, done: 0 }, buffer, |buffer| buffer)
    }

    /// As [`write`](Self::write), of bytes that may be borrowed: they are copied only where they go
    /// another way than in place. The buffer that comes back is empty where they do not.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    ///
    /// # Cancel safety
    /// As for [`write`](Self::write).
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"some data")?;
    /// use std::os::unix::fs::FileExt;
    ///
    /// assert_eq!(context.write_bytes(&file, "text", 5).await.0?, 4);
    /// let mut contents = [0; 9];
    /// file.file().read_exact_at(&mut contents, 0)?;
    /// assert_eq!(&contents, b"some text");
    /// # Ok(())
    /// # });
    /// ```
    pub fn write_bytes<'a, B: IntoBuffer + 'a>(
        &'a self,
        file: &'a SharedFile,
        bytes: B,
        offset: u64,
    ) -> impl Future<Output = Transfer> + 'a {
        let range = 0..bytes.as_slice().len();
        Writing::new(self, Progress { file, range, offset, done: 0 }, bytes, |_| Buffer::default())
    }
}

impl Inner {
    /// What does buffered writes to this file.
    pub(super) fn buffered_writes(&self, file: Option<&SharedFile>) -> BufferedWrites {
        file.and_then(SharedFile::buffered_writes).unwrap_or(self.config.buffered_writes)
    }

    /// Whether those are done in place that could wait.
    pub(super) fn writes_may_wait(&self, file: &SharedFile) -> bool {
        self.buffered_writes(Some(file)) == BufferedWrites::InPlace
    }
}

/// How far a transfer has come.
struct Progress<'a> {
    file: &'a SharedFile,
    range: Range<usize>,
    offset: u64,
    done: usize,
}

impl Progress<'_> {
    fn is_done(&self) -> bool {
        self.done == self.range.len()
    }

    /// The next part of the buffer, of at most `bytes_max` bytes.
    fn rest(&self, bytes_max: usize) -> Range<usize> {
        let start = self.range.start + self.done;
        start..self.range.end.min(start.saturating_add(bytes_max))
    }

    fn position(&self) -> u64 {
        self.offset + self.done as u64
    }

    /// Whether a read that came back short is over, although it did not come back empty.
    fn ends_short(&self) -> bool {
        match self.file.is_direct() {
            // O_DIRECT stops in the middle of a block only at the end of the file, and would
            // refuse to go on from there.
            true => self
                .file
                .direct_alignment()
                .is_some_and(|alignment| !self.position().is_multiple_of(alignment.read)),
            false => self.file.class().reads_what_is_there(),
        }
    }

    /// Progress counts for more than a later error, which the next transfer meets again.
    fn settle(&self, result: Result<()>) -> Result<usize> {
        match result {
            Err(error) if self.done == 0 => Err(error),
            _ => Ok(self.done),
        }
    }
}

/// Takes the buffer back and the count out.
fn count(outcome: Outcome, buffer: &mut Buffer) -> Result<usize> {
    if let Some(Op::Read { buffer: back, .. } | Op::Write { buffer: back, .. }) = outcome.op {
        *buffer = back;
    }
    bytes(outcome.result)
}

/// The count of a transfer; a backend from outside may have answered in another kind.
pub(super) fn bytes(result: Result<Output>) -> Result<usize> {
    match result? {
        Output::Bytes(bytes) => Ok(bytes),
        other => Err(misfit(&other)),
    }
}

pub(super) fn misfit(output: &Output) -> Error {
    let message = format!("the backend answered with {output:?}, which does not fit the operation");
    Error::new(ErrorKind::Abandoned, message)
}
