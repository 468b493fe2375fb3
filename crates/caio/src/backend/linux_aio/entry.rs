//! A request as the kernel sees it: from operation to control block, from event to answer.

use std::io;
use std::os::fd::AsRawFd;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::op::{Op, Output, TRANSFER_BYTES_MAX};
use crate::request::Request;
use crate::sys::aio::{Command, ControlBlock, Extent};

/// A request that was taken, with all that its control block names: it stays here until the
/// kernel has answered.
#[derive(Debug)]
pub(super) struct Entry {
    request: Request,
    /// Without its data, which is the token of the place where this entry lies.
    pub(super) block: ControlBlock,
    /// What a vectored block names. The kernel copies it on submission, which may come twice.
    extents: Vec<Extent>,
}

impl Entry {
    /// The control block of a request, and what the block names beside the request's buffers.
    ///
    /// # Errors
    /// What is wrong with the request: no file, an operation that kernel AIO does not have, a
    /// range outside its buffer.
    pub(super) fn describe(request: &mut Request) -> io::Result<(ControlBlock, Vec<Extent>)> {
        let (op, file) = request.parts_mut();
        let Some(descriptor) = file.map(AsRawFd::as_raw_fd) else {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        };
        let (command, memory, offset, extents) =
            describe(op).map_err(io::Error::from_raw_os_error)?;
        Ok((ControlBlock::new(command, descriptor, memory, offset), extents))
    }

    pub(super) fn new(request: Request, block: ControlBlock, extents: Vec<Extent>) -> Self {
        Self { request, block, extents }
    }

    pub(super) fn into_request(self) -> Request {
        self.request
    }

    /// Delivers an error while the kernel may still use what is here: all of it stays for ever.
    pub(super) fn leak(self, error: Error) {
        let Self { request, extents, .. } = self;
        std::mem::forget(extents);
        request.leak(error);
    }
}

/// Completes a request with what its event says: bytes, or an errno below zero.
pub(super) fn finish(mut request: Request, result: i64) {
    let answer = match usize::try_from(result) {
        Ok(bytes) => Ok(accept(request.op_mut(), bytes)),
        Err(_) => {
            let errno = i32::try_from(-result).unwrap_or(libc::EIO);
            Err(io::Error::from_raw_os_error(errno))
        }
    };
    request.complete(answer);
}

type Description = (Command, (usize, usize), u64, Vec<Extent>);

/// Command, address and length, offset, and the extents that the address is that of.
fn describe(op: &mut Op) -> Result<Description, i32> {
    match op {
        Op::Read { buffer, range, offset } => {
            // The constructors of `Op` have checked this. The kernel would write where the range
            // says, so it is checked again here, where the address is handed out.
            let sound =
                buffer.is_writable() && range.start <= range.end && range.end <= buffer.capacity();
            let memory = bytes_at(buffer.as_mut_ptr(), range.start, range.len());
            sound.then_some((Command::Read, memory, *offset, Vec::new())).ok_or(libc::EFAULT)
        }
        Op::Write { buffer, range, offset } => {
            let bytes = buffer.as_slice().get(range.clone()).ok_or(libc::EFAULT)?;
            let memory = bytes_at(bytes.as_ptr(), 0, bytes.len());
            Ok((Command::Write, memory, *offset, Vec::new()))
        }
        Op::ReadVectored { buffers, skip, offset } => {
            if !buffers.iter().all(Buffer::is_writable) {
                return Err(libc::EFAULT);
            }
            let parts = buffers
                .iter_mut()
                .map(|buffer| (buffer.as_mut_ptr().expose_provenance(), buffer.capacity()));
            let extents = remaining(parts, *skip);
            let memory = (extents.as_ptr().expose_provenance(), extents.len());
            Ok((Command::ReadVectored, memory, *offset, extents))
        }
        Op::WriteVectored { buffers, skip, offset } => {
            let parts =
                buffers.iter().map(|buffer| (buffer.as_ptr().expose_provenance(), buffer.len()));
            let extents = remaining(parts, *skip);
            let memory = (extents.as_ptr().expose_provenance(), extents.len());
            Ok((Command::WriteVectored, memory, *offset, extents))
        }
        Op::Fsync
        | Op::Fdatasync
        | Op::Open { .. }
        | Op::ReadFile { .. }
        | Op::Metadata
        | Op::SetLength { .. }
        | Op::Close { .. }
        | Op::Path { .. }
        | Op::Run { .. } => Err(libc::EOPNOTSUPP),
    }
}

fn bytes_at(memory: *const u8, start: usize, length: usize) -> (usize, usize) {
    (memory.expose_provenance().wrapping_add(start), length.min(TRANSFER_BYTES_MAX))
}

/// What lies behind the first `skip` bytes of the parts.
fn remaining(parts: impl Iterator<Item = (usize, usize)>, mut skip: usize) -> Vec<Extent> {
    parts
        .filter_map(|(address, length)| {
            let skipped = skip.min(length);
            skip -= skipped;
            let length = length - skipped;
            (length > 0).then_some(Extent { address: address + skipped, length })
        })
        .collect()
}

/// Notes what the kernel has put into the buffers.
#[allow(unsafe_code)]
fn accept(op: &mut Op, bytes: usize) -> Output {
    match op {
        Op::Read { buffer, range, .. } => {
            // SAFETY: the kernel says that it has filled `bytes` bytes from `range.start`, and it
            // was given no more than the range, which was checked to lie within the capacity.
            unsafe { buffer.assume_filled(range.start, bytes) };
            Output::Bytes(bytes)
        }
        Op::ReadVectored { buffers, skip, .. } => {
            let (mut skip, mut left) = (*skip, bytes);
            for buffer in buffers {
                let start = skip.min(buffer.capacity());
                let filled = left.min(buffer.capacity() - start);
                // SAFETY: the kernel fills the extents in order, and they are the buffers'
                // capacities from `skip` on, so this part of `bytes` went to here.
                unsafe { buffer.assume_filled(start, filled) };
                skip -= start;
                left -= filled;
            }
            Output::Bytes(bytes)
        }
        Op::Write { .. } | Op::WriteVectored { .. } => Output::Bytes(bytes),
        _ => Output::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainingextents_begin_behind_what_is_done() {
        let parts = [(1000, 10), (2000, 0), (3000, 10)];
        let lengths = |skip| {
            let extents = remaining(parts.into_iter(), skip);
            extents.iter().map(|extent| (extent.address, extent.length)).collect::<Vec<_>>()
        };
        assert_eq!(lengths(0), [(1000, 10), (3000, 10)]);
        assert_eq!(lengths(4), [(1004, 6), (3000, 10)]);
        assert_eq!(lengths(13), [(3003, 7)]);
        assert_eq!(lengths(20), []);
    }

    #[test]
    fn a_read_that_filled_nothing_of_a_buffer_makes_nothing_of_it_visible() {
        let filled = vec![1; 4];
        let untouched = Vec::with_capacity(filled.capacity());
        let mut op =
            Op::ReadVectored { buffers: vec![filled.into(), untouched.into()], skip: 2, offset: 0 };
        assert!(matches!(accept(&mut op, 2), Output::Bytes(2)));
        let Op::ReadVectored { mut buffers, .. } = op else { unreachable!() };
        buffers.iter_mut().for_each(|buffer| buffer.set_len(4));
        assert_eq!(buffers.iter().map(Buffer::len).collect::<Vec<_>>(), [4, 0]);
    }

    #[test]
    fn a_range_outside_its_buffer_never_reaches_the_kernel() {
        let buffer = || Buffer::from(Vec::with_capacity(8));
        let mut beyond = Op::Read { buffer: buffer(), range: 0..4096, offset: 0 };
        assert_eq!(describe(&mut beyond).unwrap_err(), libc::EFAULT);
        let mut beyond = Op::Write { buffer: buffer(), range: 0..1, offset: 0 };
        assert_eq!(describe(&mut beyond).unwrap_err(), libc::EFAULT);
        let mut constant = Op::Read { buffer: b"data"[..].into(), range: 0..4, offset: 0 };
        assert_eq!(describe(&mut constant).unwrap_err(), libc::EFAULT);
    }
}
