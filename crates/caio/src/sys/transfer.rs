//! preadv(2), pwritev(2) and their kin, straight between the kernel and a buffer's memory: nothing
//! is zeroed first and nothing is copied.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::nowait;
use crate::op::{Op, TRANSFER_BYTES_MAX, Vectors};

/// Where a transfer happens in the file, and whether it may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// At the operation's offset, with these flags: preadv2(2) and pwritev2(2).
    AtOffset { flags: libc::c_int },
    /// Where the file is, for what has no offsets: readv(2) and writev(2).
    InSequence,
    /// As in sequence, but with EAGAIN where it would wait, and with EOPNOTSUPP where the
    /// system cannot be told so.
    InSequenceNow,
}

/// Does a reading or writing operation once, as one system call; moves at most `bytes_max` bytes.
#[allow(unsafe_code)]
pub(crate) fn transfer(
    op: &mut Op,
    file: BorrowedFd<'_>,
    way: Way,
    bytes_max: usize,
) -> io::Result<usize> {
    let mut vectors = Vectors::default();
    let (start, length) = op.memory(&mut vectors, bytes_max.min(TRANSFER_BYTES_MAX))?;
    let single = libc::iovec { iov_base: start, iov_len: length };
    let (list, count) = match op.is_vectored() {
        true => (start.cast_const().cast(), length),
        false => (&raw const single, 1),
    };
    let count = libc::c_int::try_from(count).expect("there are at most VECTOR_BUFFERS_MAX");
    let (fd, is_write) = (file.as_raw_fd(), op.is_write());
    let result = match way {
        Way::AtOffset { flags } => {
            let offset = libc::off_t::try_from(op.offset().unwrap_or_default());
            let offset = offset.map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
            // SAFETY: the vectors name memory of buffers that are borrowed mutably for the whole
            // call, and the kernel keeps no reference.
            unsafe { nowait::at_offset(is_write, fd, list, count, offset, flags) }
        }
        Way::InSequence => {
            let call = if is_write { libc::writev } else { libc::readv };
            // SAFETY: as above.
            unsafe { call(fd, list, count) }
        }
        // SAFETY: as above.
        Way::InSequenceNow => unsafe { nowait::in_sequence(is_write, fd, list, count) },
    };
    let bytes = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has just moved these bytes of what it was given.
    unsafe { op.moved(bytes) };
    Ok(bytes)
}
