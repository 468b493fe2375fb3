//! What preadv2(2) and pwritev2(2) would do; here they are always refused.

use std::io;
use std::ops::Range;
use std::os::fd::{BorrowedFd, RawFd};

use nix::errno::Errno;

use crate::buffer::Buffer;

/// Whether a transfer in place may wait for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// What would wait answers EAGAIN.
    Never,
    /// The file is memory and has no device to wait for, or a wait is put up with.
    Allowed,
}

/// Always EOPNOTSUPP, which the caller remembers for the file.
pub(crate) fn read(
    _file: BorrowedFd<'_>,
    _buffer: &mut Buffer,
    _range: Range<usize>,
    _offset: u64,
    _wait: Wait,
) -> io::Result<usize> {
    Err(Errno::EOPNOTSUPP.into())
}

/// Always EOPNOTSUPP, which the caller remembers for the file.
pub(crate) fn write(
    _file: BorrowedFd<'_>,
    _bytes: &[u8],
    _offset: u64,
    _wait: Wait,
) -> io::Result<usize> {
    Err(Errno::EOPNOTSUPP.into())
}

/// Never known.
pub(crate) fn is_cached(_file: BorrowedFd<'_>, _offset: u64) -> bool {
    false
}

/// Always -1, with EOPNOTSUPP.
///
/// # Safety
/// None is needed: the vectors are not looked at.
#[allow(unsafe_code)]
pub(crate) unsafe fn in_sequence(
    _is_write: bool,
    _file: RawFd,
    _vectors: *const libc::iovec,
    _count: libc::c_int,
) -> libc::ssize_t {
    Errno::EOPNOTSUPP.set();
    -1
}
