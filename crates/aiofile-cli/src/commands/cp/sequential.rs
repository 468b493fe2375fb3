//! Copying what has no size, from its start to its end: pipes, devices, files of `/proc`.

use aiofile::AioFile;

use super::progress::Progress;
use crate::failure::Failure;
use crate::size::Size;

/// A pipe holds 64 KiB, and a larger block gets no more at once from what is read here.
const BLOCK_BYTES_MAX: u64 = 1 << 20;

/// Reads the next block while the last one is written. Returns the bytes copied.
pub(super) async fn copy(
    source: &AioFile,
    target: &AioFile,
    block: Size,
    progress: &Progress,
) -> Result<u64, Failure> {
    let capacity = usize::try_from(block.0.min(BLOCK_BYTES_MAX)).expect("at most a MiB");
    let (first, mut full) = source.read_into(Vec::with_capacity(capacity), 0).await;
    let mut copied = 0;
    let mut bytes = first? as u64;
    let mut empty = Vec::with_capacity(capacity);
    while bytes > 0 {
        let (written, read) =
            tokio::join!(write(target, full, copied), source.read_into(empty, copied + bytes),);
        empty = written?;
        copied += bytes;
        progress.add(bytes);
        let (next, buffer) = read;
        full = buffer;
        bytes = next? as u64;
    }
    Ok(copied)
}

/// Writes all of the block, which comes back empty.
async fn write(target: &AioFile, block: Vec<u8>, offset: u64) -> Result<Vec<u8>, Failure> {
    let (written, mut block) = target.write_from(block, offset).await;
    let written = written?;
    if written < block.len() {
        // An error came in between, and the rest meets it again.
        target.write_all_at(block.split_off(written), offset + written as u64).await?;
    }
    block.clear();
    Ok(block)
}
