//! Copying a file of known size: several jobs, each with one block in hand.

use std::ops::Range;
use std::sync::Arc;

use aiofile::{AioFile, AlignedBuffer, Error};
use tokio::task::JoinSet;

use super::chunks::Chunks;
use super::extents::Extents;
use super::progress::Progress;
use super::{DIRECT_BYTES, shrunk};
use crate::failure::Failure;
use crate::size::Size;

/// What all jobs share.
#[derive(Debug, Clone)]
pub(super) struct Parallel {
    pub(super) source: AioFile,
    pub(super) target: AioFile,
    pub(super) size: u64,
    pub(super) block: Size,
    pub(super) direct: bool,
    pub(super) progress: Progress,
}

impl Parallel {
    /// Copies the extents with so many jobs; what lies between them is a hole in the target.
    /// Returns the bytes copied.
    pub(super) async fn run(self, extents: Extents, jobs: u16) -> Result<u64, Failure> {
        let bytes = extents.bytes();
        self.progress.expect(bytes);
        // A last block that is padded for O_DIRECT is cut off again.
        self.target.set_len(self.size).await?;
        let block = self.block.0.min(self.size.next_multiple_of(DIRECT_BYTES));
        let chunks = Arc::new(Chunks::new(extents, block));
        let mut running = JoinSet::new();
        for _ in 0..u64::from(jobs).min(bytes.div_ceil(block)) {
            running.spawn(self.clone().job(Arc::clone(&chunks), block));
        }
        while let Some(job) = running.join_next().await {
            job.map_err(|error| Failure::during("cp", error))??;
        }
        if self.direct {
            self.target.set_len(self.size).await?;
        }
        Ok(bytes)
    }

    async fn job(self, chunks: Arc<Chunks>, block: u64) -> Result<(), Error> {
        let mut block = buffer(block);
        while let Some(chunk) = chunks.next() {
            let length = chunk.end - chunk.start;
            if length == block.capacity() as u64 {
                block = self.copy(chunk, block).await?;
            } else {
                let room = if self.direct { length.next_multiple_of(DIRECT_BYTES) } else { length };
                self.copy(chunk, buffer(room)).await?;
            }
            self.progress.add(length);
        }
        Ok(())
    }

    /// Copies one block; the buffer comes back.
    async fn copy(&self, chunk: Range<u64>, buffer: AlignedBuffer) -> Result<AlignedBuffer, Error> {
        let length = usize::try_from(chunk.end - chunk.start).expect("a block fits in memory");
        let (read, mut buffer) = self.source.read_into(buffer, chunk.start).await;
        let read = read?;
        if read < length {
            return Err(shrunk(&self.source, self.size, chunk.start + read as u64));
        }
        let room = buffer.capacity();
        buffer.resize(if self.direct { room } else { length });
        buffer[length..].fill(0);
        let (written, buffer) = self.target.write_from(buffer, chunk.start).await;
        let written = written?;
        if written < buffer.len() {
            // An error came in between, and the rest meets it again.
            let rest = AlignedBuffer::copy_of(&buffer[written..], buffer.alignment());
            self.target.write_all_at(rest, chunk.start + written as u64).await?;
        }
        Ok(buffer)
    }
}

fn buffer(bytes: u64) -> AlignedBuffer {
    let bytes = usize::try_from(bytes).expect("a block fits in memory");
    AlignedBuffer::new(bytes, caio::DEFAULT_ALIGNMENT)
}
