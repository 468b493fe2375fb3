//! Copying a file of known size: several blocks at once, each in a buffer of its own.

use std::ops::Range;

use caio::{Buffer, Context, FileClass, Result, SharedFile};
use futures_util::future::try_join_all;

use super::begin::Opened;
use super::chunks::Chunks;
use super::extents::Extents;
use super::job::Job;
use super::{DIRECT_BYTES, block, shrunk};

/// Copies the extents; what lies between them is a hole in the target, or was copied before.
///
/// # Errors
/// Where the source ends before they do; else what the system answers.
pub(super) async fn copy(
    context: &Context,
    job: &Job,
    opened: &Opened,
    extents: Extents,
    len: u64,
) -> Result<()> {
    let bytes = extents.bytes();
    let block = (job.settings.block_size as u64).min(len.next_multiple_of(DIRECT_BYTES));
    let workers = (job.settings.in_flight as u64).min(bytes.div_ceil(block));
    let copy = Copy {
        context,
        job,
        source: &opened.source,
        target: &opened.target,
        len,
        chunks: Chunks::new(extents, block),
    };
    try_join_all((0..workers).map(|_| copy.work(block))).await?;
    if job.settings.direct && opened.target.class() == FileClass::Regular {
        // The last block was padded.
        context.set_length(&opened.target, len).await?;
    }
    Ok(())
}

struct Copy<'a> {
    context: &'a Context,
    job: &'a Job,
    source: &'a SharedFile,
    target: &'a SharedFile,
    len: u64,
    chunks: Chunks,
}

impl Copy<'_> {
    async fn work(&self, bytes: u64) -> Result<()> {
        let mut buffer = block(bytes)?;
        while let Some(chunk) = self.chunks.next() {
            let length = chunk.end - chunk.start;
            buffer = self.copy(chunk, buffer).await?;
            self.job.meter.add(length);
        }
        Ok(())
    }

    /// Copies one block; the buffer comes back.
    async fn copy(&self, chunk: Range<u64>, buffer: Buffer) -> Result<Buffer> {
        let length = usize::try_from(chunk.end - chunk.start).unwrap_or(usize::MAX);
        let (read, mut buffer) =
            read_full(self.context, self.source, buffer, length, chunk.start).await?;
        if read < length {
            return Err(shrunk(&self.job.from, self.len, chunk.start + read as u64));
        }
        if !self.target.is_direct() {
            buffer.set_len(length);
            return write_full(self.context, self.target, buffer, chunk.start).await;
        }
        let padded = length.next_multiple_of(DIRECT_BYTES as usize);
        if padded > length && self.target.class() == FileClass::Block {
            // On a device the padding would overwrite what lies behind.
            buffer.set_len(length);
            let buffered = self.context.reopen_buffered(self.target).await?;
            let buffer = write_full(self.context, &buffered, buffer, chunk.start).await?;
            self.context.close(buffered, true).await?;
            return Ok(buffer);
        }
        buffer.writable(length..padded).fill(0);
        buffer.set_len(padded);
        write_full(self.context, self.target, buffer, chunk.start).await
    }
}

/// Reads `length` bytes from `offset`; fewer come only at the end of the file. A read that stops
/// within is no end: the next one there tells whether it is, or which error stopped it.
pub(super) async fn read_full(
    context: &Context,
    file: &SharedFile,
    mut buffer: Buffer,
    length: usize,
    offset: u64,
) -> Result<(usize, Buffer)> {
    let step = if file.is_direct() { DIRECT_BYTES as usize } else { 1 };
    let room = length.next_multiple_of(step);
    let mut done = 0;
    while done < length {
        let at = done - done % step;
        let (read, back) = context.read(file, buffer, at..room, offset + at as u64).await;
        let read = read?;
        buffer = back;
        let is_end = at + read <= done;
        done = at + read;
        if is_end {
            break;
        }
    }
    Ok((done.min(length), buffer))
}

/// Writes all of the buffer to `offset`. A write that stops within met an error, which writing the
/// rest meets again.
pub(super) async fn write_full(
    context: &Context,
    file: &SharedFile,
    mut buffer: Buffer,
    offset: u64,
) -> Result<Buffer> {
    let step = if file.is_direct() { DIRECT_BYTES as usize } else { 1 };
    let length = buffer.len();
    let mut done = 0;
    while done < length {
        let at = done - done % step;
        let (written, back) = context.write(file, buffer, at..length, offset + at as u64).await;
        let written = written?;
        buffer = back;
        done = at + written;
    }
    Ok(buffer)
}
