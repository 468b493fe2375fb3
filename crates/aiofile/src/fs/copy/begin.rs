//! The first hop of a copy: both files are opened, and what one thread does best is done.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;

use caio::{Error, ErrorKind, FileClass, Result, SharedFile};
use rustix::fs::{Mode, OFlags, fcntl_setfl, ftruncate, open};
use rustix::io::Errno;

use super::extents::Extents;
use super::job::Job;
use super::outcome::{Copied, CopyMethod, CopyPhase};
use super::place;
use super::settle::{self, Filled};
use super::spot::{Landing, Spot};
use super::{answered, in_kernel, plain, refused};

/// What is copied by the same thread that opened it, in bytes, where the kernel does not copy.
const SMALL_BYTES: u64 = 128 * 1024;

/// What is read and written faster than the kernel copies it, in bytes: that takes a pipe.
const TINY_BYTES: u64 = 32 * 1024;

/// How far the first hop came.
pub(super) enum Begun {
    Done(Copied),
    Opened(Box<Opened>, Work),
    /// One of both is no regular file, and opening it may have to wait.
    Special {
        source: Box<Metadata>,
        spot: Option<Spot>,
    },
}

/// Two open files.
pub(super) struct Opened {
    pub(super) source: SharedFile,
    pub(super) metadata: Metadata,
    pub(super) target: SharedFile,
    pub(super) landing: Landing,
    /// The target is a device, a FIFO or a socket.
    pub(super) is_special: bool,
}

/// What is left to do before the copy can be settled.
pub(super) enum Work {
    Nothing(Filled),
    /// To copy the rest by blocks, of so many bytes in all, in a file of that length.
    Blocks {
        rest: Extents,
        bytes: u64,
        len: u64,
    },
    /// To copy from the start to the end, wherever that is.
    Stream,
}

/// Opens both files where that needs no waiting, and copies what one thread copies best.
///
/// # Errors
/// What speaks against the copy, before anything is written; else what the system answers.
pub(super) fn begin(job: &Job) -> Result<Begun> {
    if let Some(within) = &job.within {
        return regular(job, Spot::within(within, job)?);
    }
    let source = fs::metadata(&job.from).map_err(|error| answered(error, "open", &job.from))?;
    if source.is_dir() {
        return Err(refused("it is a directory, not one file", &job.from));
    }
    if job.settings.regular_only && !source.is_file() {
        return Err(refused("it is neither a regular file nor a link to one", &job.from));
    }
    let spot = match place::find(job, &source)? {
        Some(spot) if source.is_file() => return regular(job, spot),
        spot => spot,
    };
    in_kernel::refuse_always(job)?;
    refuse_verify(job)?;
    Ok(Begun::Special { source: Box::new(source), spot })
}

/// Only what gives the same bytes a second time can be compared.
fn refuse_verify(job: &Job) -> Result<()> {
    if job.settings.verify {
        let message = "only regular files can be read again and compared";
        return Err(Error::new(ErrorKind::InvalidInput, message).doing("verify").on(&job.from));
    }
    Ok(())
}

/// Both are regular files.
fn regular(job: &Job, spot: Spot) -> Result<Begun> {
    let (source, metadata) = open_source(job)?;
    let is_made_up = is_made_up(job, &source, &metadata)?;
    if is_made_up {
        refuse_verify(job)?;
        if job.settings.direct {
            return Err(refused("it has no size, so that O_DIRECT cannot read it", &job.from));
        }
        fcntl_setfl(&source, OFlags::empty())
            .map_err(|answer| answered(answer, "open", &job.from))?;
    }
    let (target, landing) = spot.open(job, &metadata)?;
    let size = metadata.len();
    if in_kernel::share(job, &source, &target, size)? {
        let filled = Filled { method: CopyMethod::Reflink, bytes: size, len: size };
        return opened(job, source, metadata, (target, landing), Work::Nothing(filled));
    }
    let (target, landing) = make_room(job, &metadata, target, landing)?;
    let work = match is_made_up {
        true => Work::Stream,
        false => fill(job, &source, &metadata, &target)?,
    };
    opened(job, source, metadata, (target, landing), work)
}

/// Whether the size of a regular file is made up, as in /proc and /sys. Files that have blocks are
/// not looked at closer.
pub(super) fn is_made_up(job: &Job, source: &File, metadata: &Metadata) -> Result<bool> {
    if metadata.blocks() > 0 {
        return Ok(false);
    }
    let own = source.try_clone().map_err(|error| answered(error, "open", &job.from))?;
    Ok(SharedFile::new(own, &job.from)?.class() != FileClass::Regular)
}

fn open_source(job: &Job) -> Result<(File, Metadata)> {
    // It was no FIFO a moment ago; should it be one by now, nobody is waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let flags = if job.settings.direct { flags | OFlags::DIRECT } else { flags };
    let opened = match &job.within {
        Some(within) => within.open_source(job, flags),
        None => open(&job.from, flags, Mode::empty()).map(File::from),
    };
    let file = opened.map_err(|answer| {
        let error = answered(answer, "open", &job.from);
        match answer {
            Errno::INVAL if job.settings.direct => {
                error.hint("this file system may not support O_DIRECT")
            }
            Errno::LOOP if job.within.is_some() => refused("it is a symbolic link", &job.from),
            _ => error,
        }
    })?;
    let metadata = file.metadata().map_err(|error| answered(error, "open", &job.from))?;
    match metadata.is_file() {
        true => Ok((file, metadata)),
        false => Err(refused("another kind of file took its place meanwhile", &job.from)),
    }
}

/// Overwrites what is there where the file system has no room for both.
fn make_room(
    job: &Job,
    source: &Metadata,
    target: File,
    mut landing: Landing,
) -> Result<(File, Landing)> {
    let needed = source.blocks();
    match landing.rename_to.take() {
        Some(spot) if spot.has_room_for_one_only(needed) => {
            drop((target, landing));
            let reason = Error::new(ErrorKind::InvalidInput, "there is no room for both files");
            spot.overwrite_because(job, source, reason)
        }
        spot => {
            landing.rename_to = spot;
            Ok((target, landing))
        }
    }
}

/// Copies what the kernel copies, and what is small.
///
/// # Errors
/// Where the source ends before its size; else what the system answers.
pub(super) fn fill(job: &Job, source: &File, metadata: &Metadata, target: &File) -> Result<Work> {
    let len = metadata.len();
    if len == 0 {
        let len = plain::copy_to_end(job, source, target, 0)?;
        return Ok(Work::Nothing(Filled { method: CopyMethod::Plain, bytes: len, len }));
    }
    let extents = match job.settings.sparse {
        true => Extents::of(source, len, metadata.blocks())
            .map_err(|error| answered(error, "find the holes of", &job.from))?,
        false => Extents::whole(len),
    };
    let bytes = extents.bytes();
    let end = extents.end();
    job.meter.begin(CopyPhase::Copying, bytes);
    let (mut rest, mut method) = (extents, CopyMethod::Blocks);
    if job.settings.copy_file_range && !job.settings.direct {
        if len > TINY_BYTES {
            let at = in_kernel::copy_range(job, source, target, &rest)?;
            rest = rest.from(at);
        }
        method = CopyMethod::CopyFileRange;
        if (1..=SMALL_BYTES).contains(&rest.bytes()) {
            plain::copy(job, len, source, target, &rest)?;
            rest = Extents::default();
            method = CopyMethod::Plain;
        }
    }
    let is_filled = rest.bytes() == 0;
    if !is_filled || end < len {
        // What is left out is a hole, also the last part; and a block at the end may be cut off.
        ftruncate(target, len).map_err(|answer| answered(answer, "truncate", &job.to))?;
    }
    Ok(match is_filled {
        true => Work::Nothing(Filled { method, bytes, len }),
        false => Work::Blocks { rest, bytes, len },
    })
}

/// Settles the copy at once where nothing is left to do.
fn opened(
    job: &Job,
    source: File,
    metadata: Metadata,
    (target, landing): (File, Landing),
    work: Work,
) -> Result<Begun> {
    match work {
        Work::Nothing(filled) if !job.settings.verify => {
            settle::settle(job, &source, &metadata, target, landing, filled, false).map(Begun::Done)
        }
        work => {
            let source = SharedFile::new(source, &job.from)?;
            let target = SharedFile::new(target, &job.to)?;
            let opened = Opened { source, metadata, target, landing, is_special: false };
            Ok(Begun::Opened(Box::new(opened), work))
        }
    }
}
