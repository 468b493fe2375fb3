//! preadv2(2) and pwritev2(2), which can be told not to wait.

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

pub(crate) use libc::{RWF_ATOMIC, RWF_DONTCACHE};

use super::direct_call::{PREADV2, PWRITEV2, call};
use crate::buffer::Buffer;

/// Whether a transfer in place may wait for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// `RWF_NOWAIT`: what would wait answers EAGAIN.
    Never,
    /// No flag: the file is memory and has no device to wait for, or a wait is put up with.
    Allowed,
}

/// Reads into `range` of the buffer's capacity from `offset`, with further flags, and notes what
/// was initialised.
#[allow(unsafe_code)]
#[inline(always)]
pub(crate) fn read(
    file: BorrowedFd<'_>,
    buffer: &mut Buffer,
    range: Range<usize>,
    offset: u64,
    wait: Wait,
    flags: libc::c_int,
) -> io::Result<usize> {
    assert!(buffer.is_writable() && range.start <= range.end && range.end <= buffer.capacity());
    // SAFETY: `range.start` is within the capacity, checked above.
    let start = unsafe { buffer.as_mut_ptr().add(range.start) };
    let vector = libc::iovec { iov_base: start.cast(), iov_len: range.len() };
    // SAFETY: the descriptor is borrowed and the buffer mutably borrowed for the whole call, which
    // writes at most `range.len()` bytes from `start` on and keeps no reference.
    let bytes = unsafe {
        call(PREADV2, file.as_raw_fd(), &raw const vector, 1, position(offset), flags | flag(wait))
    }?;
    // SAFETY: the kernel has just written these bytes.
    unsafe { buffer.assume_filled(range.start, bytes) };
    Ok(bytes)
}

/// Writes these bytes to `offset`.
#[allow(unsafe_code)]
#[inline]
pub(crate) fn write(
    file: BorrowedFd<'_>,
    bytes: &[u8],
    offset: u64,
    wait: Wait,
) -> io::Result<usize> {
    let vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: the descriptor and the bytes are borrowed for the whole call, which only reads them.
    unsafe { call(PWRITEV2, file.as_raw_fd(), &raw const vector, 1, position(offset), flag(wait)) }
}

/// Whether the byte at `offset` can be read without waiting, or lies behind the end of the file.
#[allow(unsafe_code)]
pub(crate) fn is_cached(file: BorrowedFd<'_>, offset: u64) -> bool {
    let mut byte = 0_u8;
    let vector = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: the descriptor is borrowed and the byte lives for the whole call, which writes at
    // most this one.
    let read = unsafe {
        call(PREADV2, file.as_raw_fd(), &raw const vector, 1, position(offset), libc::RWF_NOWAIT)
    };
    read.is_ok()
}

/// readv(2) or writev(2), for what has no offsets, which answers EAGAIN instead of waiting.
///
/// # Safety
/// The vectors are good for reading (of a write) or for writing (of a read) for the whole call.
#[allow(unsafe_code)]
pub(crate) unsafe fn in_sequence(
    is_write: bool,
    file: RawFd,
    vectors: *const libc::iovec,
    count: libc::c_int,
) -> libc::ssize_t {
    let call = if is_write { libc::pwritev2 } else { libc::preadv2 };
    // SAFETY: the caller has seen to the vectors, and the kernel keeps no reference.
    unsafe { call(file, vectors, count, -1, libc::RWF_NOWAIT) }
}

/// preadv(2) or pwritev(2) at `offset`; with flags preadv2(2) or pwritev2(2).
///
/// # Safety
/// As for [`in_sequence`].
#[allow(unsafe_code)]
pub(crate) unsafe fn at_offset(
    is_write: bool,
    file: RawFd,
    vectors: *const libc::iovec,
    count: libc::c_int,
    offset: libc::off_t,
    flags: libc::c_int,
) -> libc::ssize_t {
    // A sandbox may forbid what nothing but flags needs.
    if flags == 0 {
        let call = if is_write { libc::pwritev } else { libc::preadv };
        // SAFETY: the caller has seen to the vectors, and the kernel keeps no reference.
        return unsafe { call(file, vectors, count, offset) };
    }
    let call = if is_write { libc::pwritev2 } else { libc::preadv2 };
    // SAFETY: as above.
    unsafe { call(file, vectors, count, offset, flags) }
}

fn position(offset: u64) -> libc::off_t {
    libc::off_t::try_from(offset).expect("an operation's offset was checked when it was made")
}

fn flag(wait: Wait) -> libc::c_int {
    match wait {
        Wait::Never => libc::RWF_NOWAIT,
        Wait::Allowed => 0,
    }
}
