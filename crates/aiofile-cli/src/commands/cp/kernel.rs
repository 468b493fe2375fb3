//! Copying within the kernel: copy_file_range, which saves a copy of every byte.
//!
//! Neither io_uring nor kernel AIO has it, so that no backend could serve it.

use std::ops::Range;

use aiofile::AioFile;
use rustix::fs::copy_file_range;

use super::extents::Extents;
use super::progress::Progress;
use super::shrunk;
use crate::blocking::blocking;
use crate::failure::Failure;

/// The most that one call copies: milliseconds, after which the progress shows and an interruption
/// is heeded.
const PIECE_BYTES: u64 = 16 << 20;

/// Copies the extents; what lies between them is a hole in the target. False where the kernel does
/// not copy between these two files, with nothing copied.
pub(super) async fn copy(
    source: &AioFile,
    target: &AioFile,
    size: u64,
    extents: &Extents,
    progress: &Progress,
) -> Result<bool, Failure> {
    progress.expect(extents.bytes());
    let mut begun = false;
    for extent in extents.iter() {
        let mut rest = extent.clone();
        while !rest.is_empty() {
            let next = rest.start..rest.end.min(rest.start + PIECE_BYTES);
            match piece(source, target, next).await {
                Ok(0) if begun => return Err(shrunk(source, size, rest.start).into()),
                Err(error) if begun => {
                    let path = target.path().unwrap_or("".as_ref()).display();
                    return Err(Failure::during(format_args!("copy_file_range to {path}"), error));
                }
                // Other file systems, one of the kernel's own, or a seccomp filter: reading and
                // writing either works there or says why it does not.
                Ok(0) | Err(_) => return Ok(false),
                Ok(copied) => {
                    rest.start += copied;
                    progress.add(copied);
                }
            }
            begun = true;
        }
    }
    target.set_len(size).await?;
    Ok(true)
}

/// One call. Returns the bytes copied, which may be fewer than asked for.
async fn piece(source: &AioFile, target: &AioFile, range: Range<u64>) -> std::io::Result<u64> {
    let (source, target) = (source.clone(), target.clone());
    let call = move || {
        let (mut from, mut to) = (range.start, range.start);
        let length = usize::try_from(range.end - range.start).expect("a piece fits in memory");
        rustix::io::retry_on_intr(|| {
            copy_file_range(&source, Some(&mut from), &target, Some(&mut to), length)
        })
    };
    Ok(blocking(call).await? as u64)
}
