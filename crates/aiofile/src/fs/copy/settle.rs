//! The last hop of a copy: its attributes, its way to the device, its name.

use std::fs::{File, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use caio::{Error, ErrorKind, Result};
use nix::unistd::close;
use rustix::fs::{fsync, ftruncate};

use super::extents::Extents;
use super::job::Job;
use super::options::Replace;
use super::outcome::{Copied, CopyMethod};
use super::spot::{Landing, Spot};
use super::{Scratch, answered, attributes, in_kernel, plain};

/// How the contents got there.
pub(super) struct Filled {
    pub(super) method: CopyMethod,
    /// Bytes of data.
    pub(super) bytes: u64,
    /// The length of the file.
    pub(super) len: u64,
}

/// Completes a copy whose contents are there.
///
/// # Errors
/// What the system answers; then a new file is removed.
pub(super) fn settle(
    job: &Job,
    source: &File,
    metadata: &Metadata,
    target: File,
    landing: Landing,
    filled: Filled,
    is_special: bool,
) -> Result<Copied> {
    let mut copied = Copied {
        method: filled.method,
        bytes: filled.bytes,
        len: filled.len,
        to_special: is_special,
        in_place: landing.in_place,
        unkept: Vec::new(),
    };
    if !is_special {
        let is_new = landing.scratch.is_some();
        copied.unkept = attributes::keep(job, source, metadata, &target, is_new);
    }
    if job.settings.refuse_changed {
        refuse_changed(job, source, metadata)?;
    }
    finish(job, target)?;
    let directory = match (landing.scratch, landing.rename_to) {
        (Some(scratch), Some(spot)) => match spot.take(scratch) {
            Ok(()) => spot.into_directory(),
            Err((answer, scratch)) => {
                let reason = answered(answer, "rename a file to", &job.to);
                if job.settings.replace == Replace::ByRename {
                    return Err(reason);
                }
                overwrite(job, source, metadata, scratch, spot, reason, &mut copied)?
            }
        },
        (Some(scratch), None) => {
            scratch.keep();
            landing.directory
        }
        (None, _) => None,
    };
    if job.settings.durable
        && let Some(directory) = directory
    {
        fsync(&directory).map_err(|answer| answered(answer, "sync the directory of", &job.to))?;
    }
    Ok(copied)
}

/// Refuses a source that is not what it was when its copy began.
fn refuse_changed(job: &Job, source: &File, before: &Metadata) -> Result<()> {
    let now = source.metadata().map_err(|error| answered(error, "copy", &job.from))?;
    let seen = |found: &Metadata| (found.len(), found.mtime(), found.mtime_nsec());
    if seen(&now) == seen(before) {
        return Ok(());
    }
    let message = "it was changed while it was copied";
    Err(Error::new(ErrorKind::InvalidData, message).doing("copy").on(&job.from))
}

/// Syncs the file, if that is asked for, and closes it.
fn finish(job: &Job, target: File) -> Result<()> {
    if job.settings.durable {
        fsync(&target).map_err(|answer| answered(answer, "fsync", &job.to))?;
    }
    close(target).map_err(|answer| answered(answer, "close", &job.to))
}

/// Copies a complete scratch file over what could not be replaced by it. The directory, where that
/// made a new name.
fn overwrite(
    job: &Job,
    source: &File,
    metadata: &Metadata,
    scratch: Scratch,
    spot: Spot,
    reason: Error,
    copied: &mut Copied,
) -> Result<Option<OwnedFd>> {
    let complete = scratch.reopen().map_err(|answer| answered(answer, "open", &job.to))?;
    let (target, landing) = spot.overwrite(job, metadata, Some(reason))?;
    let found = complete.metadata().map_err(|error| answered(error, "copy", &job.to))?;
    let len = found.len();
    let extents = Extents::whole(len);
    let at = in_kernel::copy_range(job, &complete, &target, &extents)?;
    plain::copy(job, len, &complete, &target, &extents.from(at))?;
    ftruncate(&target, len).map_err(|answer| answered(answer, "truncate", &job.to))?;
    copied.in_place = landing.in_place;
    copied.unkept = attributes::keep(job, source, metadata, &target, landing.scratch.is_some());
    finish(job, target)?;
    if let Some(made) = landing.scratch {
        made.keep();
    }
    Ok(landing.directory)
}
