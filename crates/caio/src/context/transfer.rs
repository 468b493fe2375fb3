//! Reads and writes that are complete: in place first, then through the backend, on and on until
//! the range is done, the file ends or an error comes. The one place where short transfers are
//! handled.

use std::future::poll_fn;
use std::ops::Range;

use super::Context;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{FileClass, SharedFile};
use crate::in_place::{self, Attempt};
use crate::op::{self, Op, OpKind, Output, TRANSFER_BYTES_MAX};
use crate::slot::Outcome;

/// A transfer's count of bytes, and its buffer. The buffer is empty where the operation was
/// abandoned at a shutdown: the kernel has kept it.
pub type Transfer = (Result<usize>, Buffer);

impl Context {
    /// Fills `range` of the buffer's capacity from `offset`. Fewer bytes come only at the end of
    /// the file; from a stream or a character device, what is there. The buffer's contents end
    /// with the last byte read.
    ///
    /// Cached data costs one system call on the calling thread and no hop. What is not cached
    /// costs one operation of the backend. An empty range costs nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] before anything is done, for a range outside the capacity, a
    /// read-only buffer and an offset that overflows; else what the system answers. An error
    /// after some bytes is not lost: these bytes are returned, and the next read meets it again.
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
    pub async fn read(
        &self,
        file: &SharedFile,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> Transfer {
        self.read_whole(Progress { file, range, offset, done: 0 }, buffer, true).await
    }

    /// As [`read`](Self::read), with nothing tried in place: for who has tried that already, with
    /// [`poll_read_in_place`](Self::poll_read_in_place). One operation of the backend.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    ///
    /// # Cancel safety
    /// As for [`read`](Self::read).
    ///
    /// ```
    /// # async fn example(context: caio::Context, file: caio::SharedFile) -> caio::Result<()> {
    /// let buffer = Vec::with_capacity(4).into();
    /// let (read, buffer) = context.read_elsewhere(&file, buffer, 0..4, 0).await;
    /// assert_eq!((read?, buffer.as_slice()), (4, &b"\x7fELF"[..]));
    /// assert_eq!(context.counters().submitted, 1);
    /// # Ok(()) }
    /// # let context = caio::Context::builder().build()?;
    /// # let file = caio::SharedFile::new(std::fs::File::open("/proc/self/exe")?, "exe")?;
    /// # let mut example = std::pin::pin!(example(context, file));
    /// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// # while example.as_mut().poll(&mut cx).map(Result::unwrap).is_pending() {
    /// #     std::thread::yield_now();
    /// # }
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub async fn read_elsewhere(
        &self,
        file: &SharedFile,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> Transfer {
        self.read_whole(Progress { file, range, offset, done: 0 }, buffer, false).await
    }

    /// Writes `range` of the buffer's contents to `offset`, all of it unless an error comes in
    /// between. On a file opened with `O_APPEND` Linux ignores the offset.
    ///
    /// A write costs one hop, or none where the file system can take it without waiting (XFS,
    /// btrfs, tmpfs). `Ok(n)` means that the kernel has accepted n bytes; nothing is buffered here.
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
    pub async fn write(
        &self,
        file: &SharedFile,
        mut buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> Transfer {
        if let Err(error) = op::check_write(&buffer, &range, offset) {
            return (Err(error.on(file.path())), buffer);
        }
        let mut progress = Progress { file, range, offset, done: 0 };
        let result = match self.write_in_place(&buffer, &mut progress).await {
            Some(result) => result,
            None => self.write_by_backend(&mut buffer, &mut progress).await,
        };
        (progress.settle(result), buffer)
    }

    /// The contents of the buffer end with the last byte read.
    async fn read_whole(
        &self,
        mut progress: Progress<'_>,
        mut buffer: Buffer,
        in_place: bool,
    ) -> Transfer {
        let Progress { file, range, offset, .. } = &progress;
        if let Err(error) = op::check_read(&buffer, range, *offset) {
            return (Err(error.on(file.path())), buffer);
        }
        // What is empty is done there without a call.
        let tried = if in_place || progress.is_done() {
            self.read_in_place(&mut buffer, &mut progress).await
        } else {
            None
        };
        let result = match tried {
            Some(result) => result,
            None => self.read_by_backend(&mut buffer, &mut progress).await,
        };
        buffer.set_len(progress.range.start + progress.done);
        (progress.settle(result), buffer)
    }

    /// `None` when the rest has to go another way.
    async fn read_in_place(
        &self,
        buffer: &mut Buffer,
        progress: &mut Progress<'_>,
    ) -> Option<Result<()>> {
        while !progress.is_done() {
            let (rest, offset) = (progress.rest(TRANSFER_BYTES_MAX), progress.position());
            let read = poll_fn(|cx| {
                self.poll_read_in_place(cx, progress.file, buffer, rest.clone(), offset)
            });
            match read.await? {
                // Only nothing at all means the end: fewer bytes than asked for may also mean
                // that the following ones are not cached.
                Ok(0) => break,
                Ok(bytes) => progress.done += bytes,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(()))
    }

    async fn read_by_backend(
        &self,
        buffer: &mut Buffer,
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        loop {
            let range = progress.rest(TRANSFER_BYTES_MAX);
            let offset = progress.position();
            let op = Op::Read { buffer: std::mem::take(buffer), range, offset };
            let outcome = self.brief(Some(progress.file), op).await;
            let bytes = count(outcome, buffer)?;
            progress.done += bytes;
            if bytes == 0 || progress.is_done() || progress.ends_short() {
                return Ok(());
            }
        }
    }

    async fn write_in_place(
        &self,
        buffer: &Buffer,
        progress: &mut Progress<'_>,
    ) -> Option<Result<()>> {
        if progress.is_done() {
            return Some(Ok(()));
        }
        if !self.inner.config.in_place || !in_place::can_write(progress.file) {
            return None;
        }
        loop {
            let bytes_max = progress.rest(self.inner.config.in_place_bytes_max).len();
            let piece = progress.rest(poll_fn(|cx| self.poll_budget(cx, bytes_max)).await);
            let attempt =
                in_place::write(progress.file, buffer, piece.clone(), progress.position());
            match attempt {
                Attempt::Done(0) | Attempt::Elsewhere => return None,
                Attempt::Done(bytes) => {
                    self.inner.counters().in_place(OpKind::Write, bytes, piece.len());
                    progress.done += bytes;
                    if progress.is_done() {
                        return Some(Ok(()));
                    }
                }
                Attempt::Failed(error) => {
                    return Some(Err(progress.describe(error, OpKind::Write)));
                }
            }
        }
    }

    async fn write_by_backend(
        &self,
        buffer: &mut Buffer,
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        loop {
            let range = progress.rest(TRANSFER_BYTES_MAX);
            let offset = progress.position();
            let op = Op::Write { buffer: std::mem::take(buffer), range, offset };
            let outcome = self.brief(Some(progress.file), op).await;
            let bytes = count(outcome, buffer)?;
            progress.done += bytes;
            if progress.is_done() {
                return Ok(());
            }
            if bytes == 0 {
                let error = Error::new(ErrorKind::WriteZero, "the system accepted no byte");
                return Err(error.during(OpKind::Write).on(progress.file.path()).at(offset));
            }
        }
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
        match self.file.class() {
            FileClass::Stream | FileClass::Character => true,
            // O_DIRECT stops in the middle of a block only at the end of the file, and would
            // refuse to go on from there.
            _ if self.file.is_direct() => self
                .file
                .direct_alignment()
                .is_some_and(|alignment| !self.position().is_multiple_of(alignment.read)),
            _ => false,
        }
    }

    fn describe(&self, error: std::io::Error, kind: OpKind) -> Error {
        Error::system(error).during(kind).on(self.file.path()).at(self.position())
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
