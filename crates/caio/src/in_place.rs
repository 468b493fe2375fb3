//! Doing an operation on the caller's thread, where that cannot wait for a device.
//!
//! A read of cached data takes a microsecond and any hand-over takes several, so the data is tried
//! for in place first, with a system call that answers EAGAIN instead of waiting. An O_DIRECT file
//! is never tried: there the call would wait for the device.

mod dirty;
mod hold_off;
mod may_wait;

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use crate::buffer::Buffer;
use crate::file::{FileClass, FileSystem, SharedFile, is_refusal};
use crate::sys::file_size_limit;
use crate::sys::nowait::{self, Wait};

pub(crate) use hold_off::HoldOff;

/// Whether reads of this file can ever be done in place.
#[inline]
pub(crate) fn can_read(file: &SharedFile) -> bool {
    is_candidate(file) && !file.refuses_in_place(false).load(Ordering::Relaxed)
}

/// Whether a write of so many bytes to this file can be done in place, as one call; `may_wait`
/// where the program takes it that such a call could wait.
pub(crate) fn can_write(
    file: &SharedFile,
    length: usize,
    bytes_max: usize,
    may_wait: bool,
) -> bool {
    let may_wait = may_wait && may_wait::is_candidate(file);
    // What is appended in two pieces may have another's between them: it has to be one call, and
    // one that the kernel does not cut short where it would wait.
    let whole = !file.is_append() || length <= bytes_max && (may_wait || is_in_memory(file));
    whole
        // The kernel begins to write out what is not to stay cached, which may wait.
        && file.rw_flags(true) == 0
        && (may_wait || can_write_without_waiting(file))
        // Beyond such a limit the calling thread would get SIGXFSZ; a worker blocks it.
        && !file_size_limit::is_set()
}

/// ext4 answers every non-blocking buffered write with EOPNOTSUPP, so it is not even asked.
fn can_write_without_waiting(file: &SharedFile) -> bool {
    is_candidate(file)
        && file.file_system() != FileSystem::Ext4
        && !file.refuses_in_place(true).load(Ordering::Relaxed)
}

/// Reads what is cached. `None`: nothing, it has to go another way. Fewer bytes than asked for need
/// not mean the end of the file.
///
/// Always inlined, as is all on the way to the system call: see `sys::linux::direct_call`.
#[inline(always)]
pub(crate) fn read(
    file: &SharedFile,
    buffer: &mut Buffer,
    range: Range<usize>,
    offset: u64,
) -> Option<usize> {
    let flags = file.rw_flags(false);
    loop {
        match nowait::read(file.as_fd(), buffer, range.clone(), offset, wait(file), flags) {
            Ok(bytes) => return Some(bytes),
            Err(error) if is_interrupted(&error) => {}
            Err(error) if flags != 0 && is_refusal(&error) => {
                return read_without_flags(file, buffer, range, offset);
            }
            Err(error) => return refused(&error, file, false),
        }
    }
}

/// Writes what can be taken without waiting, or where nothing says that it will be waited for.
/// `None`: nothing.
pub(crate) fn write(file: &SharedFile, bytes: &[u8], offset: u64, may_wait: bool) -> Option<usize> {
    // An append must not be cut short.
    let is_tried = can_write_without_waiting(file) && (!file.is_append() || is_in_memory(file));
    let written = if is_tried { write_without_waiting(file, bytes, offset) } else { None };
    match written {
        None if may_wait && may_wait::is_candidate(file) => may_wait::write(file, bytes, offset),
        written => written,
    }
}

fn write_without_waiting(file: &SharedFile, bytes: &[u8], offset: u64) -> Option<usize> {
    loop {
        match nowait::write(file.as_fd(), bytes, offset, wait(file)) {
            Ok(0) => return None,
            Ok(bytes) => return Some(bytes),
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return refused(&error, file, true),
        }
    }
}

/// Finds out whether the file system refuses the flags, or reads in place.
#[cold]
fn read_without_flags(
    file: &SharedFile,
    buffer: &mut Buffer,
    range: Range<usize>,
    offset: u64,
) -> Option<usize> {
    let read = nowait::read(file.as_fd(), buffer, range, offset, wait(file), 0);
    match read {
        Err(error) if is_refusal(&error) => refused(&error, file, false),
        read => {
            file.refuse_dont_cache();
            read.ok()
        }
    }
}

#[inline]
fn is_candidate(file: &SharedFile) -> bool {
    !file.is_direct() && matches!(file.class(), FileClass::Regular | FileClass::Block)
}

#[inline]
fn wait(file: &SharedFile) -> Wait {
    if is_in_memory(file) { Wait::Allowed } else { Wait::Never }
}

/// Whether there is no device to wait for.
#[inline]
fn is_in_memory(file: &SharedFile) -> bool {
    file.file_system() == FileSystem::Memory && file.class() == FileClass::Regular
}

#[inline]
fn is_interrupted(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINTR)
}

/// No error of a mere try is believed: the operation goes another way, whose answer counts. What a
/// file or a filter for system calls does not support is remembered for this file alone, since the
/// next file may lie on another file system.
#[cold]
fn refused(error: &io::Error, file: &SharedFile, write: bool) -> Option<usize> {
    if is_refusal(error) {
        file.refuses_in_place(write).store(true, Ordering::Relaxed);
    }
    None
}
