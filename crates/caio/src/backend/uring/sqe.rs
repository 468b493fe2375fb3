//! One operation as a submission entry, and the kernel's answer to it.
//!
//! `Op`'s parts are public, so all that safety depends on is checked here again.

use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use io_uring::squeue::Entry;
use io_uring::{opcode, types};
use nix::errno::Errno;

use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind};
use crate::op::{Op, Output, TRANSFER_BYTES_MAX, VECTOR_BUFFERS_MAX};
use crate::request::Request;

/// The addresses that a vectored operation works on. The kernel may read them until the operation
/// completes, so they lie on the heap, beside the request.
#[derive(Debug, Default)]
pub(super) struct Vectors(Vec<libc::iovec>);

// SAFETY: the addresses are only numbers here; nothing follows them but the kernel, for which the
// request beside them keeps the buffers alive.
#[allow(unsafe_code)]
unsafe impl Send for Vectors {}

impl Vectors {
    /// The allocation for use again, if there is one.
    pub(super) fn recycled(mut self) -> Option<Self> {
        self.0.clear();
        (self.0.capacity() > 0).then_some(self)
    }
}

/// The submission entry, still without user data. It points into the request's buffers and into
/// `vectors`: both must be kept until the operation has completed.
///
/// # Errors
/// The operation is wrong in itself, or none that a ring does.
pub(super) fn build(request: &mut Request, vectors: &mut Vectors) -> io::Result<Entry> {
    let (op, file) = request.parts_mut();
    let Some(file) = file else { return Err(Errno::EBADF.into()) };
    let fd = types::Fd(file.as_raw_fd());
    let position = |offset: u64| match i64::try_from(offset) {
        Ok(_) => Ok(offset),
        Err(_) => Err(invalid("the offset is beyond the largest, 2^63 - 1")),
    };
    let entry = match op {
        Op::Read { buffer, range, offset } => {
            let (address, length) = to_fill(buffer, range)?;
            opcode::Read::new(fd, address, length).offset(position(*offset)?).build()
        }
        Op::Write { buffer, range, offset } => {
            let bytes = buffer.as_slice().get(range.clone()).ok_or_else(outside)?;
            let length = transfer_length(bytes.len());
            opcode::Write::new(fd, bytes.as_ptr(), length).offset(position(*offset)?).build()
        }
        Op::ReadVectored { buffers, skip, offset } => {
            let (address, count) = vectors_to_fill(vectors, buffers, *skip)?;
            opcode::Readv::new(fd, address, count).offset(position(*offset)?).build()
        }
        Op::WriteVectored { buffers, skip, offset } => {
            let (address, count) = vectors_to_write(vectors, buffers, *skip);
            opcode::Writev::new(fd, address, count).offset(position(*offset)?).build()
        }
        // The kernel hands a sync to one of few workers that all rings share: a pool does better.
        Op::Fsync
        | Op::Fdatasync
        | Op::Open { .. }
        | Op::ReadFile { .. }
        | Op::Metadata
        | Op::SetLength { .. }
        | Op::Close { .. }
        | Op::Path { .. }
        | Op::Run { .. } => {
            return Err(Errno::EOPNOTSUPP.into());
        }
    };
    Ok(entry)
}

/// What the kernel's number means for this operation. Bytes that were read become part of what
/// the buffer may show; its length is left to whoever asked for the read.
#[allow(unsafe_code)]
pub(super) fn outcome(op: &mut Op, result: i32) -> io::Result<Output> {
    let Ok(bytes) = usize::try_from(result) else {
        return Err(io::Error::from_raw_os_error(-result));
    };
    match op {
        Op::Read { buffer, range, .. } => {
            // SAFETY: the kernel says that it wrote this many bytes from the start of the range,
            // which `build` found to lie within the capacity.
            unsafe { buffer.assume_filled(range.start, bytes.min(range.len())) };
        }
        Op::ReadVectored { buffers, skip, .. } => {
            let (mut skip, mut bytes) = (*skip, bytes);
            for buffer in buffers {
                let start = skip.min(buffer.capacity());
                let here = bytes.min(buffer.capacity() - start);
                (skip, bytes) = (skip - start, bytes - here);
                // SAFETY: the kernel says that it filled the vectors in order with this many
                // bytes, and this buffer's vector spans its capacity from `start` on.
                unsafe { buffer.assume_filled(start, here) };
            }
        }
        Op::Write { .. } | Op::WriteVectored { .. } => {}
        Op::Fsync
        | Op::Fdatasync
        | Op::Open { .. }
        | Op::ReadFile { .. }
        | Op::Metadata
        | Op::SetLength { .. }
        | Op::Close { .. }
        | Op::Path { .. }
        | Op::Run { .. } => {
            return Err(Errno::EOPNOTSUPP.into());
        }
    }
    Ok(Output::Bytes(bytes))
}

fn to_fill(buffer: &mut Buffer, range: &Range<usize>) -> io::Result<(*mut u8, u32)> {
    if !buffer.is_writable() {
        return Err(read_only());
    }
    if range.start > range.end || range.end > buffer.capacity() {
        return Err(outside());
    }
    Ok((buffer.as_mut_ptr().wrapping_add(range.start), transfer_length(range.len())))
}

fn vectors_to_fill(
    vectors: &mut Vectors,
    buffers: &mut [Buffer],
    mut skip: usize,
) -> io::Result<(*const libc::iovec, u32)> {
    vectors.0.clear();
    for buffer in buffers {
        if !buffer.is_writable() {
            return Err(read_only());
        }
        let start = skip.min(buffer.capacity());
        skip -= start;
        let length = buffer.capacity() - start;
        vectors.add(buffer.as_mut_ptr().wrapping_add(start), length);
    }
    Ok(vectors.parts())
}

fn vectors_to_write(
    vectors: &mut Vectors,
    buffers: &[Buffer],
    mut skip: usize,
) -> (*const libc::iovec, u32) {
    vectors.0.clear();
    for buffer in buffers {
        let start = skip.min(buffer.len());
        skip -= start;
        vectors.add(buffer.as_ptr().wrapping_add(start).cast_mut(), buffer.len() - start);
    }
    vectors.parts()
}

impl Vectors {
    /// Adds a piece of memory. What is too much for one call is left out: it comes with the next,
    /// as after any short transfer.
    fn add(&mut self, address: *mut u8, length: usize) {
        if length > 0 && self.0.len() < VECTOR_BUFFERS_MAX {
            self.0.push(libc::iovec { iov_base: address.cast(), iov_len: length });
        }
    }

    fn parts(&self) -> (*const libc::iovec, u32) {
        let count = u32::try_from(self.0.len()).expect("at most VECTOR_BUFFERS_MAX are added");
        (self.0.as_ptr(), count)
    }
}

fn transfer_length(length: usize) -> u32 {
    u32::try_from(length.min(TRANSFER_BYTES_MAX)).expect("TRANSFER_BYTES_MAX fits")
}

fn outside() -> io::Error {
    invalid("the range lies outside the buffer")
}

fn read_only() -> io::Error {
    invalid("the buffer to read into is read-only")
}

fn invalid(message: &'static str) -> io::Error {
    Error::new(ErrorKind::InvalidInput, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{file_with, request};

    fn error_of(op: Op) -> io::Error {
        let file = file_with(b"contents");
        let (mut request, _completion) = request(op, Some(&file));
        build(&mut request, &mut Vectors::default()).unwrap_err()
    }

    #[test]
    fn operations_made_by_hand_cannot_reach_outside_their_buffers() {
        let buffer = || Buffer::from(vec![0; 8]);
        for op in [
            Op::Read { buffer: buffer(), range: 0..9, offset: 0 },
            Op::Read { buffer: buffer(), range: 0..8, offset: u64::MAX },
            Op::Read { buffer: Buffer::from(&b"constant"[..]), range: 0..8, offset: 0 },
            Op::Write { buffer: buffer(), range: 4..9, offset: 0 },
            #[allow(clippy::reversed_empty_ranges)]
            Op::Write { buffer: buffer(), range: 8..4, offset: 0 },
        ] {
            assert_eq!(error_of(op).kind(), io::ErrorKind::InvalidInput);
        }
        assert_eq!(error_of(Op::Metadata).raw_os_error(), Some(Errno::EOPNOTSUPP as i32));
    }

    #[test]
    fn a_read_shows_what_it_brought_and_nothing_beyond() {
        let buffer = Buffer::from(Vec::with_capacity(64));
        let mut op = Op::read(buffer, 8..64, 0).unwrap();
        let Op::Read { buffer, range, .. } = &mut op else { unreachable!() };
        let (address, length) = to_fill(buffer, range).unwrap();
        assert_eq!((address, length), (buffer.as_mut_ptr().wrapping_add(8), 56));
        for index in 0..4 {
            // SAFETY: within the capacity of the buffer above, which nothing else uses.
            #[allow(unsafe_code)]
            unsafe {
                address.wrapping_add(index).write(7)
            };
        }
        assert!(matches!(outcome(&mut op, 4), Ok(Output::Bytes(4))));
        let Op::Read { mut buffer, .. } = op else { unreachable!() };
        buffer.set_len(64);
        assert_eq!(buffer.as_slice(), [[0; 8].as_slice(), &[7; 4]].concat());
    }

    #[test]
    fn skipped_bytes_and_empty_buffers_have_no_vector() {
        let buffers = [b"ab".to_vec(), Vec::new(), b"cdef".to_vec()].map(Buffer::from);
        let mut vectors = Vectors::default();
        let (_, count) = vectors_to_write(&mut vectors, &buffers, 3);
        assert_eq!(count, 1);
        assert_eq!(vectors.0[0].iov_len, 3);
        assert_eq!(vectors.0[0].iov_base.cast_const().cast(), buffers[2].as_ptr().wrapping_add(1));
    }
}
