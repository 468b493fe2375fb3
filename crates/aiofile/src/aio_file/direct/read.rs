//! Reads into memory of any kind: as they are, or widened to whole blocks.

use std::ops::Range;

use bytes::Bytes;
use caio::{Buffer, DirectAlignment, FileClass, Result, SharedFile};

use super::{Part, alignment, read_block, widen};
use crate::aio_file::AioFile;
use crate::aio_file::memory::{reserve, share};

impl AioFile {
    /// Reads up to `length` bytes into memory of their own. Fewer come only at the end of the file,
    /// or from what comes in pieces.
    pub(in crate::aio_file) async fn read_new(
        &self,
        file: &SharedFile,
        length: usize,
        offset: u64,
    ) -> Result<Bytes> {
        let block = if length == 0 { 1 } else { read_block(file) };
        let wide = widen(file, length, offset, block)?;
        let buffer = reserve(file, wide.length, offset)?;
        let (mut result, mut buffer) =
            self.context.read(file, buffer, 0..wide.length, wide.offset).await;
        if let Some(block) = cut_within(file, &result, wide.length) {
            let rest = self.read_on(file, block, result, buffer, 0..wide.length, wide.offset);
            (result, buffer) = Box::pin(rest).await;
        }
        let available = result?;
        let start = wide.lead.min(available);
        let end = (wide.lead + length).min(available);
        Ok(share(buffer).slice(start..end))
    }

    /// Fills a range of the buffer's capacity. Fewer bytes come only at the end of the file, or
    /// from what comes in pieces.
    pub(crate) async fn read_buffer(
        &self,
        mut buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let file = match self.file() {
            Ok(file) => file,
            Err(error) => return (Err(error), buffer),
        };
        if goes_as_it_is(file, &buffer, &range, offset) {
            let (result, buffer) = self.context.read(file, buffer, range.clone(), offset).await;
            return match cut_within(file, &result, range.len()) {
                Some(block) => {
                    Box::pin(self.read_on(file, block, result, buffer, range, offset)).await
                }
                None => (result, buffer),
            };
        }
        match self.read_new(file, range.len(), offset).await {
            Ok(bytes) => {
                let end = range.start + bytes.len();
                buffer.writable(range.start..end).copy_from_slice(&bytes);
                buffer.set_len(end);
                (Ok(bytes.len()), buffer)
            }
            Err(error) => (Err(error), buffer),
        }
    }

    /// Fills the capacities of the buffers, one after the other.
    pub(in crate::aio_file) async fn read_buffers(
        &self,
        file: &SharedFile,
        mut buffers: Vec<Buffer>,
        offset: u64,
    ) -> (Result<usize>, Vec<Buffer>) {
        let Some(DirectAlignment { memory, read, .. }) = alignment(file) else {
            return self.context.read_vectored(file, buffers, offset).await;
        };
        // What is read-only is refused there.
        let is_writable = buffers.iter().all(Buffer::is_writable);
        let at_block = offset.is_multiple_of(read);
        let fits =
            |buffer: &Buffer| Part::of(buffer, 0, buffer.capacity()).fits(memory, read, at_block);
        let total = buffers.iter().map(Buffer::capacity).sum();
        let mut done = 0;
        if !is_writable || buffers.iter().all(fits) {
            let result;
            (result, buffers) = self.context.read_vectored(file, buffers, offset).await;
            match result {
                Ok(bytes) => done = bytes,
                Err(error) => return (Err(error), buffers),
            }
            let is_cut = done < total && !buffers.is_empty();
            if !is_cut || self.is_at_end(file, offset + done as u64, read).await {
                return (Ok(done), buffers);
            }
        }
        match self.read_new(file, total - done, offset + done as u64).await {
            Ok(bytes) => {
                scatter(&mut buffers, done, &bytes);
                (Ok(done + bytes.len()), buffers)
            }
            // The next read meets it again.
            Err(_) if done > 0 => (Ok(done), buffers),
            Err(error) => (Err(error), buffers),
        }
    }

    /// The rest of a read of whole blocks. A backend or a file system may cut one within a block,
    /// where O_DIRECT cannot go on: then the block is read again. In a box, since it is rare and
    /// would be a part of each read that waits.
    pub(in crate::aio_file) async fn read_on(
        &self,
        file: &SharedFile,
        block: u64,
        mut result: Result<usize>,
        mut buffer: Buffer,
        range: Range<usize>,
        offset: u64,
    ) -> (Result<usize>, Buffer) {
        let (mut from, mut done) = (0, 0);
        loop {
            let reached = match result {
                Ok(bytes) => from + bytes,
                // An operation that was abandoned keeps the memory.
                Err(error) if done == 0 || buffer.capacity() == 0 => return (Err(error), buffer),
                Err(_) => done,
            };
            let is_new = reached > done;
            done = done.max(reached);
            if !is_new
                || done == range.len()
                || self.is_at_end(file, offset + done as u64, block).await
            {
                buffer.set_len(range.start + done);
                return (Ok(done), buffer);
            }
            from = done - done % block as usize;
            let (rest, at) = (range.start + from..range.end, offset + from as u64);
            (result, buffer) = self.context.read(file, buffer, rest, at).await;
        }
    }

    /// Whether a read that ended here has met the end of the file. The engine itself goes on from
    /// the end of a block.
    async fn is_at_end(&self, file: &SharedFile, position: u64, block: u64) -> bool {
        if position.is_multiple_of(block) {
            return true;
        }
        file.class() == FileClass::Regular
            && self.context.metadata(file).await.is_ok_and(|metadata| metadata.len() <= position)
    }
}

/// Whether this part of the buffer can be read into from there.
pub(in crate::aio_file) fn goes_as_it_is(
    file: &SharedFile,
    buffer: &Buffer,
    range: &Range<usize>,
    offset: u64,
) -> bool {
    let part = Part::of(buffer, range.start, range.len());
    alignment(file).is_none_or(|DirectAlignment { memory, read, .. }| {
        part.fits(memory, read, offset.is_multiple_of(read))
    })
}

/// The block within which an O_DIRECT read may have been cut that gave fewer bytes than `length`.
pub(in crate::aio_file) fn cut_within(
    file: &SharedFile,
    result: &Result<usize>,
    length: usize,
) -> Option<u64> {
    let bytes = *result.as_ref().ok()?;
    alignment(file).filter(|_| (1..length).contains(&bytes)).map(|alignment| alignment.read)
}

/// Puts bytes into the capacities of the buffers, behind the first `skip` bytes of them all.
fn scatter(buffers: &mut [Buffer], skip: usize, bytes: &[u8]) {
    let filled = skip + bytes.len();
    let mut start = 0;
    for buffer in buffers {
        let end = start + buffer.capacity();
        let (from, to) = (skip.clamp(start, end), filled.clamp(start, end));
        if from < to {
            let part = &bytes[from - skip..to - skip];
            buffer.writable(from - start..to - start).copy_from_slice(part);
        }
        buffer.set_len(to - start);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_scattered_behind_those_that_are_there() {
        let room = |bytes| Buffer::from(Vec::with_capacity(bytes));
        let mut buffers = [room(4), room(0), room(4), room(4)];
        scatter(&mut buffers, 0, b"01234");
        scatter(&mut buffers, 5, b"567");
        let found: Vec<_> = buffers.iter().map(Buffer::as_slice).collect();
        assert_eq!(found, [&b"0123"[..], b"", b"4567", b""]);
    }
}
