//! Small files and files of unknown length, by one thread that reads and writes.

use std::fs::File;
use std::os::unix::fs::FileExt;

use caio::Result;

use super::extents::Extents;
use super::job::Job;
use super::{answered, no_memory, shrunk};

/// The most bytes that are held at once.
const BUFFER_BYTES: u64 = 128 * 1024;

/// How many are at first, where nobody knows how many there are: mostly none, or a few.
const FEW_BYTES: u64 = 4096;

/// Copies the extents.
///
/// # Errors
/// Where the source ends before they do; else what the system answers.
pub(super) fn copy(
    job: &Job,
    size: u64,
    source: &File,
    target: &File,
    extents: &Extents,
) -> Result<()> {
    let mut buffer = buffer(extents.bytes())?;
    for extent in extents.iter() {
        let mut at = extent.start;
        while at < extent.end {
            let room = usize::try_from(extent.end - at).unwrap_or(usize::MAX);
            let read = piece(job, source, target, &mut buffer, room, at)?;
            if read == 0 {
                return Err(shrunk(&job.from, size, at));
            }
            at += read;
        }
    }
    Ok(())
}

/// Copies from `at` to the end of the source, wherever that is, which is returned.
///
/// # Errors
/// What the system answers.
pub(super) fn copy_to_end(job: &Job, source: &File, target: &File, mut at: u64) -> Result<u64> {
    let mut held = buffer(FEW_BYTES)?;
    loop {
        let read = piece(job, source, target, &mut held, usize::MAX, at)?;
        if read == 0 {
            return Ok(at);
        }
        at += read;
        if read == FEW_BYTES {
            held = buffer(BUFFER_BYTES)?;
        }
    }
}

fn buffer(bytes: u64) -> Result<Vec<u8>> {
    let bytes = bytes.min(BUFFER_BYTES);
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(bytes as usize).map_err(|_| no_memory(bytes))?;
    buffer.resize(bytes as usize, 0);
    Ok(buffer)
}

fn piece(
    job: &Job,
    source: &File,
    target: &File,
    buffer: &mut [u8],
    room: usize,
    at: u64,
) -> Result<u64> {
    job.meter.check()?;
    let room = room.min(buffer.len());
    let read = loop {
        match source.read_at(&mut buffer[..room], at) {
            Ok(read) => break read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(answered(error, "read", &job.from).at(at)),
        }
    };
    target
        .write_all_at(&buffer[..read], at)
        .map_err(|error| answered(error, "write", &job.to).at(at))?;
    job.meter.add(read as u64);
    Ok(read as u64)
}
