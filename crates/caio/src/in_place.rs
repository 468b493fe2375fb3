//! Doing an operation on the caller's thread, where that cannot wait for a device.
//!
//! A read of cached data takes a microsecond and any hand-over takes several, so the data is tried
//! for in place first, with a system call that answers EAGAIN instead of waiting. An O_DIRECT file
//! is never tried: there the call would wait for the device.

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use crate::buffer::Buffer;
use crate::file::{FileClass, FileSystem, SharedFile};
use crate::sys::nowait::{self, Wait};

/// How an attempt in place ended.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// Done, with so many bytes. Fewer than asked for need not mean the end of the file.
    Done(usize),
    /// It has to wait or cannot be done in place: go another way.
    Elsewhere,
    /// The file answered with a real error.
    Failed(io::Error),
}

/// Whether reads of this file can ever be done in place.
#[inline]
pub(crate) fn can_read(file: &SharedFile) -> bool {
    is_candidate(file) && !file.refuses_in_place(false).load(Ordering::Relaxed)
}

/// Whether writes to this file can ever be done in place.
pub(crate) fn can_write(file: &SharedFile) -> bool {
    // ext4 answers every non-blocking buffered write with EOPNOTSUPP, so it is not even asked.
    is_candidate(file)
        && file.file_system() != FileSystem::Ext4
        && !file.refuses_in_place(true).load(Ordering::Relaxed)
}

/// Always inlined, as is all on the way to the system call: see `sys::linux::direct_call`.
#[inline(always)]
pub(crate) fn read(
    file: &SharedFile,
    buffer: &mut Buffer,
    range: Range<usize>,
    offset: u64,
) -> Attempt {
    loop {
        let result = nowait::read(file.as_fd(), buffer, range.clone(), offset, wait(file));
        if let Some(attempt) = judge(result, file, false) {
            return attempt;
        }
    }
}

pub(crate) fn write(
    file: &SharedFile,
    buffer: &Buffer,
    range: Range<usize>,
    offset: u64,
) -> Attempt {
    loop {
        let result = nowait::write(file.as_fd(), buffer, range.clone(), offset, wait(file));
        if let Some(attempt) = judge(result, file, true) {
            return attempt;
        }
    }
}

#[inline]
fn is_candidate(file: &SharedFile) -> bool {
    !file.is_direct() && matches!(file.class(), FileClass::Regular | FileClass::Block)
}

#[inline]
fn wait(file: &SharedFile) -> Wait {
    match file.file_system() {
        FileSystem::Memory if file.class() == FileClass::Regular => Wait::Memory,
        _ => Wait::Never,
    }
}

/// `None` asks for another try. What a file does not support is remembered for this file alone:
/// the next file may lie on another file system.
#[inline]
fn judge(result: io::Result<usize>, file: &SharedFile, write: bool) -> Option<Attempt> {
    match result {
        Ok(bytes) => Some(Attempt::Done(bytes)),
        Err(error) => match error.raw_os_error() {
            Some(libc::EINTR) => None,
            Some(libc::EAGAIN) => Some(Attempt::Elsewhere),
            Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => {
                file.refuses_in_place(write).store(true, Ordering::Relaxed);
                Some(Attempt::Elsewhere)
            }
            _ => Some(Attempt::Failed(error)),
        },
    }
}
