//! Writes from memory of any kind: as they are, through the page cache, or refused.

use std::io;
use std::ops::Range;

use caio::{Buffer, DirectAlignment, Error, ErrorKind, OpKind, Result, SharedFile};

use super::{Part, alignment, misaligned};
use crate::aio_file::AioFile;

impl AioFile {
    /// Writes all of the buffer, as [`write_buffer`](Self::write_buffer) does. Many wait here at
    /// once, so what is rare is in boxes.
    pub(in crate::aio_file) async fn write_whole(
        &self,
        buffer: Buffer,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let range = 0..buffer.len();
        let Some(file) = self.file().ok().filter(|file| goes_as_it_is(file, &buffer, offset))
        else {
            return Box::pin(self.write_buffer(buffer, range, offset)).await;
        };
        let (length, (result, buffer)) =
            (range.len(), self.context.write(file, buffer, range, offset).await);
        match result {
            // A write that was cut within a block goes on from there; a later one meets an error.
            Ok(done @ 1..) if done < length && alignment(file).is_some() => {
                let rest = self.write_buffer(buffer, done..length, offset + done as u64);
                let (result, buffer) = Box::pin(rest).await;
                (Ok(done + result.unwrap_or(0)), buffer)
            }
            result => (result, buffer),
        }
    }

    /// Writes a range of the buffer: all of it, unless an error comes in between, and then as much
    /// as was accepted before. What lies before the range in the buffer must be what lies before
    /// `offset` in the file: a write that was cut within a block goes on from the beginning of the
    /// block.
    pub(crate) async fn write_buffer(
        &self,
        mut buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let file = match self.file() {
            Ok(file) => file,
            Err(error) => return (Err(error), buffer),
        };
        let Some(alignment) = alignment(file).filter(|_| !range.is_empty()) else {
            return self.context.write(file, buffer, range, offset).await;
        };
        let mut done = 0;
        loop {
            let (rest, at) = (range.start + done..range.end, offset + done as u64);
            let result;
            (result, buffer) = self.write_direct(file, alignment, buffer, rest, at).await;
            match result {
                Ok(bytes) => done += bytes,
                Err(error) if done == 0 => return (Err(error), buffer),
                Err(_) => return (Ok(done), buffer),
            }
            if done == range.len() {
                return (Ok(done), buffer);
            }
        }
    }

    /// Writes the contents of the buffers, one after the other; all of them unless an error comes
    /// in between.
    pub(in crate::aio_file) async fn write_buffers(
        &self,
        file: &SharedFile,
        buffers: Vec<Buffer>,
        offset: u64,
    ) -> (Result<usize>, Vec<Buffer>) {
        let Some(alignment) = alignment(file) else {
            return self.context.write_vectored(file, buffers, offset).await;
        };
        let DirectAlignment { memory, write, .. } = alignment;
        let mut parts = buffers.iter().map(|buffer| Part::of(buffer, 0, buffer.len()));
        let at_block = offset.is_multiple_of(write);
        // An offset within a block is wrong for each part that has bytes.
        if let Some(part) = parts.find(|part| !part.fits(memory, write, at_block)) {
            return match &self.bounce {
                Some(through) => self.context.write_vectored(through, buffers, offset).await,
                None => (Err(misaligned(file, part, offset, alignment)), buffers),
            };
        }
        let (result, mut buffers) = self.context.write_vectored(file, buffers, offset).await;
        let Ok(mut done) = result else { return (result, buffers) };
        // What was cut goes on buffer by buffer.
        let mut start = 0;
        for place in &mut buffers {
            let end = start + place.len();
            if done < end {
                let buffer = std::mem::take(place);
                let at = offset + done as u64;
                let result;
                (result, *place) = self.write_buffer(buffer, done - start..end - start, at).await;
                done += result.unwrap_or(0);
                if done < end {
                    break;
                }
            }
            start = end;
        }
        (Ok(done), buffers)
    }

    /// One write to a file with O_DIRECT, which may be cut.
    async fn write_direct(
        &self,
        file: &SharedFile,
        alignment: DirectAlignment,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let DirectAlignment { memory, write, .. } = alignment;
        let part = Part::of(&buffer, range.start, range.len());
        if file.is_append() {
            // Where the file ends the kernel alone knows. It takes all or nothing.
            if part.fits(memory, write, true) {
                let (result, buffer) = self.context.write(file, buffer, range.clone(), 0).await;
                return match result {
                    Err(error) if is_refused(&error) => {
                        self.bounce(buffer, range, 0, || misaligned(file, part, offset, alignment))
                            .await
                    }
                    result => (result, buffer),
                };
            }
        } else {
            let back = (offset % write) as usize;
            let whole = || Part::of(&buffer, range.start - back, range.len() + back);
            if back <= range.start && whole().fits(memory, write, true) {
                let (rest, at) = (range.start - back..range.end, offset - back as u64);
                let (result, buffer) = self.context.write(file, buffer, rest, at).await;
                return (result.and_then(|bytes| beyond(file, bytes, back, offset)), buffer);
            }
        }
        self.bounce(buffer, range, offset, || misaligned(file, part, offset, alignment)).await
    }

    /// Writes through the page cache where the file may do that, and else refuses.
    async fn bounce(
        &self,
        buffer: Buffer,
        range: Range<usize>,
        offset: u64,
        refusal: impl FnOnce() -> Error,
    ) -> (Result<usize>, Buffer) {
        match &self.bounce {
            None => (Err(refusal()), buffer),
            Some(through) => self.context.write(through, buffer, range, offset).await,
        }
    }
}

/// The bytes that a write has accepted beyond the first `back`, which were accepted before.
fn beyond(file: &SharedFile, bytes: usize, back: usize, offset: u64) -> Result<usize> {
    match bytes.checked_sub(back) {
        Some(more) if more > 0 || bytes == 0 => Ok(more),
        _ => {
            let error = Error::new(ErrorKind::WriteZero, "the system accepted no byte");
            Err(error.during(OpKind::Write).on(file.path()).at(offset))
        }
    }
}

/// Whether the system takes all of the buffer there.
fn goes_as_it_is(file: &SharedFile, buffer: &Buffer, offset: u64) -> bool {
    let part = Part::of(buffer, 0, buffer.len());
    alignment(file).is_none_or(|DirectAlignment { memory, write, .. }| {
        !file.is_append() && part.fits(memory, write, offset.is_multiple_of(write))
    })
}

/// Whether the system says of a transfer that it is not aligned.
fn is_refused(error: &Error) -> bool {
    error.raw_os_error().is_some() && error.io_kind() == io::ErrorKind::InvalidInput
}
