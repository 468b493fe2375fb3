//! read(2), write(2) and their kin, straight between the kernel and a buffer's memory: nothing is
//! zeroed first and nothing is copied.

use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::nowait;
use crate::buffer::Buffer;
use crate::op::{Op, TRANSFER_BYTES_MAX, VECTOR_BUFFERS_MAX};

/// Where a transfer happens in the file, and whether it may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// At the operation's offset: pread(2) and the like.
    AtOffset,
    /// Where the file is, for what has no offsets: read(2) and the like.
    InSequence,
    /// As in sequence, but with EAGAIN where it would wait, and with EOPNOTSUPP where the
    /// system cannot be told so.
    InSequenceNow,
}

/// Does a reading or writing operation once, as one system call; moves at most `bytes_max` bytes.
pub(crate) fn transfer(
    op: &mut Op,
    file: BorrowedFd<'_>,
    way: Way,
    bytes_max: usize,
) -> io::Result<usize> {
    let bytes_max = bytes_max.min(TRANSFER_BYTES_MAX);
    match op {
        Op::Read { buffer, range, offset } => {
            let range = range.start..range.end.min(range.start.saturating_add(bytes_max));
            read(file, buffer, range, *offset, way)
        }
        Op::Write { buffer, range, offset } => {
            let range = range.start..range.end.min(range.start.saturating_add(bytes_max));
            let bytes = buffer.as_slice().get(range).ok_or_else(outside)?;
            write(file, bytes, *offset, way)
        }
        Op::ReadVectored { buffers, skip, offset } => {
            if !buffers.iter().all(Buffer::is_writable) {
                return Err(outside());
            }
            let bytes = Vectors::to_fill(buffers, *skip, bytes_max).read(file, *offset, way)?;
            note_filled(buffers, *skip, bytes);
            Ok(bytes)
        }
        Op::WriteVectored { buffers, skip, offset } => {
            Vectors::to_write(buffers, *skip, bytes_max).write(file, *offset, way)
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the operation moves no bytes")),
    }
}

#[allow(unsafe_code)]
fn read(
    file: BorrowedFd<'_>,
    buffer: &mut Buffer,
    range: Range<usize>,
    offset: u64,
    way: Way,
) -> io::Result<usize> {
    if !buffer.is_writable() || range.start > range.end || range.end > buffer.capacity() {
        return Err(outside());
    }
    let (fd, length) = (file.as_raw_fd(), range.len());
    // SAFETY: `range.start` is within the capacity, checked above.
    let start = unsafe { buffer.as_mut_ptr().add(range.start) };
    let result = match way {
        Way::AtOffset => {
            let offset = signed(offset)?;
            // SAFETY: `start` is good for `length` bytes of the buffer, which is borrowed mutably
            // for the whole call, and the kernel keeps no reference.
            unsafe { libc::pread(fd, start.cast(), length, offset) }
        }
        // SAFETY: as above.
        Way::InSequence => unsafe { libc::read(fd, start.cast(), length) },
        Way::InSequenceNow => {
            let vector = libc::iovec { iov_base: start.cast(), iov_len: length };
            // SAFETY: as above, and the vector is a local.
            unsafe { nowait::readv(fd, &raw const vector, 1) }
        }
    };
    let bytes = counted(result)?;
    // SAFETY: the kernel has just written these bytes of the range.
    unsafe { buffer.assume_filled(range.start, bytes) };
    Ok(bytes)
}

#[allow(unsafe_code)]
fn write(file: BorrowedFd<'_>, bytes: &[u8], offset: u64, way: Way) -> io::Result<usize> {
    let (fd, start) = (file.as_raw_fd(), bytes.as_ptr());
    counted(match way {
        Way::AtOffset => {
            let offset = signed(offset)?;
            // SAFETY: the bytes are borrowed for the whole call, which only reads them.
            unsafe { libc::pwrite(fd, start.cast(), bytes.len(), offset) }
        }
        // SAFETY: as above.
        Way::InSequence => unsafe { libc::write(fd, start.cast(), bytes.len()) },
        Way::InSequenceNow => {
            let vector = libc::iovec { iov_base: start.cast_mut().cast(), iov_len: bytes.len() };
            // SAFETY: as above, and the vector is a local.
            unsafe { nowait::writev(fd, &raw const vector, 1) }
        }
    })
}

/// The memory of several buffers, borrowed from them for as long as this lives.
struct Vectors<'a> {
    list: Vec<libc::iovec>,
    buffers: PhantomData<&'a mut [Buffer]>,
}

impl<'a> Vectors<'a> {
    /// The capacities after the first `skip` bytes; all buffers are writable.
    #[allow(unsafe_code)]
    fn to_fill(buffers: &'a mut [Buffer], skip: usize, bytes_max: usize) -> Self {
        let parts = buffers.iter_mut().map(|buffer| (buffer.as_mut_ptr(), buffer.capacity()));
        Self::after(parts, skip, bytes_max)
    }

    /// The contents after the first `skip` bytes.
    fn to_write(buffers: &'a [Buffer], skip: usize, bytes_max: usize) -> Self {
        let parts = buffers.iter().map(|buffer| (buffer.as_ptr().cast_mut(), buffer.len()));
        Self::after(parts, skip, bytes_max)
    }

    fn after(
        parts: impl Iterator<Item = (*mut u8, usize)>,
        mut skip: usize,
        mut bytes_max: usize,
    ) -> Self {
        let mut list = Vec::with_capacity(parts.size_hint().0.min(VECTOR_BUFFERS_MAX));
        for (start, length) in parts {
            let skipped = skip.min(length);
            skip -= skipped;
            let iov_len = (length - skipped).min(bytes_max);
            if iov_len > 0 && list.len() < VECTOR_BUFFERS_MAX {
                let iov_base = start.wrapping_add(skipped).cast();
                list.push(libc::iovec { iov_base, iov_len });
                bytes_max -= iov_len;
            }
        }
        Self { list, buffers: PhantomData }
    }

    #[allow(unsafe_code)]
    fn read(&self, file: BorrowedFd<'_>, offset: u64, way: Way) -> io::Result<usize> {
        let (fd, list, count) = (file.as_raw_fd(), self.list.as_ptr(), self.count());
        counted(match way {
            Way::AtOffset => {
                let offset = signed(offset)?;
                // SAFETY: the vectors are parts of buffers that are borrowed for the whole call,
                // and the kernel keeps no reference.
                unsafe { libc::preadv(fd, list, count, offset) }
            }
            // SAFETY: as above.
            Way::InSequence => unsafe { libc::readv(fd, list, count) },
            // SAFETY: as above.
            Way::InSequenceNow => unsafe { nowait::readv(fd, list, count) },
        })
    }

    #[allow(unsafe_code)]
    fn write(&self, file: BorrowedFd<'_>, offset: u64, way: Way) -> io::Result<usize> {
        let (fd, list, count) = (file.as_raw_fd(), self.list.as_ptr(), self.count());
        counted(match way {
            Way::AtOffset => {
                let offset = signed(offset)?;
                // SAFETY: the vectors are parts of buffers that are borrowed for the whole call,
                // which only reads them.
                unsafe { libc::pwritev(fd, list, count, offset) }
            }
            // SAFETY: as above.
            Way::InSequence => unsafe { libc::writev(fd, list, count) },
            // SAFETY: as above.
            Way::InSequenceNow => unsafe { nowait::writev(fd, list, count) },
        })
    }

    fn count(&self) -> libc::c_int {
        libc::c_int::try_from(self.list.len()).expect("there are at most VECTOR_BUFFERS_MAX")
    }
}

#[allow(unsafe_code)]
fn note_filled(buffers: &mut [Buffer], mut skip: usize, mut bytes: usize) {
    for buffer in buffers {
        let capacity = buffer.capacity();
        let skipped = skip.min(capacity);
        skip -= skipped;
        let filled = bytes.min(capacity - skipped);
        bytes -= filled;
        if filled > 0 {
            // SAFETY: the kernel filled the capacities after `skip` one after the other, and
            // this is this buffer's share of the bytes that it reported.
            unsafe { buffer.assume_filled(skipped, filled) };
        }
    }
}

fn counted(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn signed(offset: u64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(offset).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the range lies outside the buffer's memory")
}
