//! Copying within the kernel: shared blocks, and copy_file_range, which saves a copy of every byte.
//!
//! Neither io_uring nor kernel AIO has them, so that no backend could serve them. One thread makes
//! all the calls: each keeps a pipe for it, and its pages, and what was just copied is in its
//! caches.

use std::fs::File;
use std::sync::atomic::Ordering;

use caio::{Error, ErrorKind, Result};
use rustix::fs::{copy_file_range, ioctl_ficlone};
use rustix::io::{Errno, retry_on_intr};

use super::answered;
use super::extents::Extents;
use super::job::Job;
use super::options::Reflink;

/// The most that one call copies: milliseconds, after which the progress shows and an interruption
/// is heeded.
const PIECE_BYTES: u64 = 16 << 20;

/// Has the target share the blocks of the source, if it may; says whether it does.
///
/// # Errors
/// Where it must and cannot.
pub(super) fn share(job: &Job, source: &File, target: &File, size: u64) -> Result<bool> {
    match job.settings.reflink {
        Reflink::Never => return Ok(false),
        // Nothing to share: the call would say no where it is not supported, and nothing is lost.
        Reflink::Auto if size == 0 => return Ok(false),
        Reflink::Auto if job.shares_nothing.load(Ordering::Relaxed) => return Ok(false),
        Reflink::Auto | Reflink::Always => {}
    }
    match ioctl_ficlone(target, source) {
        Ok(()) => Ok(true),
        Err(answer) if job.settings.reflink == Reflink::Always => {
            Err(answered(answer, "share the blocks of", &job.from))
        }
        Err(answer) => {
            let is_for_all = matches!(answer, Errno::OPNOTSUPP | Errno::XDEV | Errno::NOTTY);
            job.shares_nothing.fetch_or(is_for_all, Ordering::Relaxed);
            Ok(false)
        }
    }
}

/// Refuses to copy what shares no blocks, where they must be shared.
pub(super) fn refuse_always(job: &Job) -> Result<()> {
    if job.settings.reflink == Reflink::Always {
        let message = "blocks are shared between regular files only";
        let error = Error::new(ErrorKind::InvalidInput, message).doing("share the blocks of");
        return Err(error.on(&job.from).to(&job.to));
    }
    Ok(())
}

/// Copies the extents, as far as the kernel does it, and returns how far that is: it does not
/// between any two files, and an error is for the way that reads and writes to meet and to name.
pub(super) fn copy_range(
    job: &Job,
    source: &File,
    target: &File,
    extents: &Extents,
) -> Result<u64> {
    let mut at = 0;
    for extent in extents.iter() {
        at = extent.start;
        while at < extent.end {
            job.meter.check()?;
            let length = usize::try_from(PIECE_BYTES.min(extent.end - at)).unwrap_or(usize::MAX);
            let copied = retry_on_intr(|| {
                let (mut from, mut to) = (at, at);
                copy_file_range(source, Some(&mut from), target, Some(&mut to), length)
            });
            match copied {
                Ok(0) | Err(_) => return Ok(at),
                Ok(copied) => {
                    at += copied as u64;
                    job.meter.add(copied as u64);
                }
            }
        }
    }
    Ok(at)
}
