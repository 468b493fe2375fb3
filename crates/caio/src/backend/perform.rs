//! One operation, done by the calling thread through std and nix, without `unsafe`.
//!
//! It blocks for as long as the file does. EINTR ends here; short transfers go up as they are.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::PollFlags;
use nix::sys::stat::Mode;

use super::patience::{needed, patient, uninterrupted};
use crate::buffer::Buffer;
use crate::file::SharedFile;
use crate::op::{Op, Output, TRANSFER_BYTES_MAX, VECTOR_BUFFERS_MAX};
use crate::sys::flush::flush;
use crate::sys::open_flags;

/// Does `op` and says what it gave.
///
/// A done [`Op::Close`] is replaced by the resourceless [`Op::Metadata`]: its descriptor is gone,
/// whatever close(2) said about it.
pub(crate) fn perform(op: &mut Op, file: Option<&SharedFile>) -> io::Result<Output> {
    match op {
        Op::Read { buffer, range, offset } => {
            let end = range.end.min(range.start.saturating_add(TRANSFER_BYTES_MAX));
            let target = buffer.writable(range.start..end);
            read(needed(file)?, target, *offset).map(Output::Bytes)
        }
        Op::Write { buffer, range, offset } => {
            let end = range.end.min(range.start.saturating_add(TRANSFER_BYTES_MAX));
            let source = &buffer.as_slice()[range.start..end];
            write(needed(file)?, source, *offset).map(Output::Bytes)
        }
        Op::ReadVectored { buffers, skip, offset } => {
            read_vectored(needed(file)?, buffers, *skip, *offset).map(Output::Bytes)
        }
        Op::WriteVectored { buffers, skip, offset } => {
            write_vectored(needed(file)?, buffers, *skip, *offset).map(Output::Bytes)
        }
        Op::Fsync => flush(needed(file)?.file(), false).map(|()| Output::Done),
        Op::Fdatasync => flush(needed(file)?.file(), true).map(|()| Output::Done),
        Op::Open { path, flags, mode } => {
            let flags = OFlag::from_bits_retain(*flags) | OFlag::O_CLOEXEC;
            let mode = Mode::from_bits_truncate(*mode as nix::libc::mode_t);
            uninterrupted(|| Ok(nix::fcntl::open(path.as_c_str(), flags, mode)?)).map(Output::File)
        }
        Op::ReadFile { path } => {
            std::fs::read(OsStr::from_bytes(path.as_bytes())).map(Output::Contents)
        }
        Op::Metadata => {
            uninterrupted(|| needed(file)?.file().metadata()).map(Box::new).map(Output::Metadata)
        }
        Op::SetLength { length } => {
            let length = *length;
            uninterrupted(|| needed(file)?.file().set_len(length)).map(|()| Output::Done)
        }
        Op::Close { .. } => close(op),
    }
}

/// The descriptor is released even where close(2) was interrupted (see its manual), so that is no
/// failure and never a reason to call it again: the number may be another file's by then.
fn close(op: &mut Op) -> io::Result<Output> {
    let Op::Close { file } = std::mem::replace(op, Op::Metadata) else {
        unreachable!("the caller matched Op::Close")
    };
    match nix::unistd::close(file) {
        Ok(()) | Err(Errno::EINTR) => Ok(Output::Done),
        Err(error) => Err(error.into()),
    }
}

fn read(file: &SharedFile, target: &mut [u8], offset: u64) -> io::Result<usize> {
    positioned(
        file,
        PollFlags::POLLIN,
        target,
        |file, target| file.read_at(target, offset),
        |file, target| Ok(nix::unistd::read(file, target)?),
    )
}

fn write(file: &SharedFile, mut source: &[u8], offset: u64) -> io::Result<usize> {
    positioned(
        file,
        PollFlags::POLLOUT,
        &mut source,
        |file, source| file.write_at(source, offset),
        |file, source| Ok(nix::unistd::write(file, source)?),
    )
}

fn read_vectored(
    file: &SharedFile,
    buffers: &mut [Buffer],
    mut skip: usize,
    offset: u64,
) -> io::Result<usize> {
    let mut slices = Vec::with_capacity(buffers.len().min(VECTOR_BUFFERS_MAX));
    let mut left = TRANSFER_BYTES_MAX;
    for buffer in buffers {
        let range = part(buffer.capacity(), &mut skip, &mut left);
        if !range.is_empty() && slices.len() < VECTOR_BUFFERS_MAX {
            slices.push(IoSliceMut::new(buffer.writable(range)));
        }
    }
    positioned(
        file,
        PollFlags::POLLIN,
        &mut slices[..],
        |file, slices| Ok(nix::sys::uio::preadv(file, slices, signed(offset)?)?),
        |file, slices| Ok(nix::sys::uio::readv(file, slices)?),
    )
}

fn write_vectored(
    file: &SharedFile,
    buffers: &[Buffer],
    mut skip: usize,
    offset: u64,
) -> io::Result<usize> {
    let mut slices = Vec::with_capacity(buffers.len().min(VECTOR_BUFFERS_MAX));
    let mut left = TRANSFER_BYTES_MAX;
    for buffer in buffers {
        let range = part(buffer.len(), &mut skip, &mut left);
        if !range.is_empty() && slices.len() < VECTOR_BUFFERS_MAX {
            slices.push(IoSlice::new(&buffer.as_slice()[range]));
        }
    }
    positioned(
        file,
        PollFlags::POLLOUT,
        &mut slices[..],
        |file, slices| Ok(nix::sys::uio::pwritev(file, slices, signed(offset)?)?),
        |file, slices| Ok(nix::sys::uio::writev(file, slices)?),
    )
}

/// Which part of a buffer's `length` bytes belongs to a transfer that leaves out the first `skip`
/// of all buffers and moves at most `left`. More in one call is an error on some systems.
fn part(length: usize, skip: &mut usize, left: &mut usize) -> Range<usize> {
    let start = length.min(*skip);
    *skip -= start;
    let end = start + (length - start).min(*left);
    *left -= end - start;
    start..end
}

/// With the offset where the file knows offsets, and without it where it turns out (ESPIPE) that
/// it does not: some character devices only tell when asked. A write that appends goes without,
/// too, where the offset would count.
fn positioned<B: ?Sized>(
    file: &SharedFile,
    event: PollFlags,
    bytes: &mut B,
    at_offset: impl Fn(&File, &mut B) -> io::Result<usize>,
    in_sequence: impl Fn(&File, &mut B) -> io::Result<usize>,
) -> io::Result<usize> {
    let appends = file.is_append() && event == PollFlags::POLLOUT;
    if file.is_seekable() && (open_flags::OFFSETS_APPEND || !appends) {
        match patient(file, event, || at_offset(file.file(), bytes)) {
            Err(error) if error.raw_os_error() == Some(nix::libc::ESPIPE) => {}
            result => return result,
        }
    }
    patient(file, event, || in_sequence(file.file(), bytes))
}

fn signed(offset: u64) -> io::Result<i64> {
    i64::try_from(offset).map_err(|_| Errno::EINVAL.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::pool_tests;

    #[test]
    fn a_transfer_goes_on_after_what_is_skipped_and_ends_at_the_most_bytes() {
        let (mut skip, mut left) = (5, 6);
        let parts = [4, 4, 0, 4, 4].map(|length| part(length, &mut skip, &mut left));
        assert_eq!(parts, [4..4, 1..4, 0..0, 0..3, 0..0]);
    }

    #[test]
    fn a_signal_interrupts_no_operation() {
        pool_tests::a_signal_interrupts_no_operation(perform);
    }

    #[test]
    fn a_non_blocking_descriptor_is_waited_for() {
        pool_tests::a_non_blocking_descriptor_is_waited_for(perform);
    }
}
