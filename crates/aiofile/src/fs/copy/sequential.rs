//! Copying what has no size, from its start to its end: pipes, devices, files of `/proc`.

use caio::{Buffer, Context, Result, SharedFile};
use futures_util::future::join;

use super::blocks::write_full;
use super::job::Job;
use super::no_memory;

/// A pipe holds 64 KiB, and a larger block gets no more at once from what is read here.
const BLOCK_BYTES_MAX: usize = 1 << 20;

/// Reads the next block while the last one is written. Returns the bytes copied.
///
/// # Errors
/// What the system answers.
pub(super) async fn copy(
    context: &Context,
    job: &Job,
    (source, target): (&SharedFile, &SharedFile),
) -> Result<u64> {
    let room = job.settings.block_size.min(BLOCK_BYTES_MAX);
    let (first, mut full) = context.read(source, buffer(room)?, 0..room, 0).await;
    let mut copied = 0;
    let mut bytes = first? as u64;
    let mut empty = buffer(room)?;
    while bytes > 0 {
        let write = write_full(context, target, full, copied);
        let read = context.read(source, empty, 0..room, copied + bytes);
        let (written, (next, block)) = join(write, read).await;
        empty = written?;
        copied += bytes;
        job.meter.add(bytes);
        full = block;
        bytes = next? as u64;
    }
    Ok(copied)
}

fn buffer(room: usize) -> Result<Buffer> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(room).map_err(|_| no_memory(room as u64))?;
    Ok(buffer.into())
}
