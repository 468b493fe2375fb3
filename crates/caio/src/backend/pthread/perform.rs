//! One operation, done by the calling thread through libc: pread(2) and its kin write straight
//! into the buffer's memory.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use nix::poll::PollFlags;

use crate::backend::patience::{needed, patient, uninterrupted};
use crate::file::SharedFile;
use crate::op::{Op, Output};
use crate::sys::descriptor;
use crate::sys::transfer::{Way, transfer};

/// Does `op` and says what it gave. A done [`Op::Close`] is replaced by the resourceless
/// [`Op::Metadata`].
pub(super) fn perform(op: &mut Op, file: Option<&SharedFile>) -> io::Result<Output> {
    match op {
        Op::Read { .. } | Op::ReadVectored { .. } => moved(op, needed(file)?, PollFlags::POLLIN),
        Op::Write { .. } | Op::WriteVectored { .. } => moved(op, needed(file)?, PollFlags::POLLOUT),
        Op::Fsync => sync(needed(file)?, false),
        Op::Fdatasync => sync(needed(file)?, true),
        Op::Open { path, flags, mode } => {
            uninterrupted(|| descriptor::open(path, *flags, *mode)).map(Output::File)
        }
        Op::ReadFile { path } => {
            std::fs::read(OsStr::from_bytes(path.as_bytes())).map(Output::Contents)
        }
        // Only std can make its own type; underneath it is the same fstat(2).
        Op::Metadata => needed(file)?.file().metadata().map(Box::new).map(Output::Metadata),
        Op::SetLength { length } => {
            let file = needed(file)?;
            uninterrupted(|| descriptor::set_length(file.as_fd(), *length))?;
            Ok(Output::Done)
        }
        Op::Close { .. } => close(op),
    }
}

/// With the offset, or without it where the file turns out (ESPIPE) not to know offsets.
fn moved(op: &mut Op, file: &SharedFile, event: PollFlags) -> io::Result<Output> {
    let mut way = if file.is_seekable() { Way::AtOffset } else { Way::InSequence };
    loop {
        match patient(file, event, || transfer(op, file.as_fd(), way, usize::MAX)) {
            Err(error)
                if way == Way::AtOffset && error.raw_os_error() == Some(nix::libc::ESPIPE) =>
            {
                way = Way::InSequence;
            }
            result => return result.map(Output::Bytes),
        }
    }
}

fn sync(file: &SharedFile, data_alone: bool) -> io::Result<Output> {
    uninterrupted(|| descriptor::sync(file.as_fd(), data_alone))?;
    Ok(Output::Done)
}

/// The descriptor is released even where close(2) was interrupted, so that is no failure.
fn close(op: &mut Op) -> io::Result<Output> {
    let Op::Close { file } = std::mem::replace(op, Op::Metadata) else {
        unreachable!("the caller matched Op::Close")
    };
    match descriptor::close(file) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(Output::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::pool_tests;

    #[test]
    fn a_signal_interrupts_no_operation() {
        pool_tests::a_signal_interrupts_no_operation(perform);
    }

    #[test]
    fn a_non_blocking_descriptor_is_waited_for() {
        pool_tests::a_non_blocking_descriptor_is_waited_for(perform);
    }
}
