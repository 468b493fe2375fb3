//! One operation, done by the calling thread: the one place where a pool calls the system.
//!
//! It blocks for as long as the file does. EINTR ends here; short transfers go up as they are.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::open::{open, read_file};
use crate::file::{FileClass, SharedFile, is_refusal};
use crate::op::{Op, Output};
use crate::sys::flush::flush;
use crate::sys::nowait::RWF_DONTCACHE;
use crate::sys::open_flags;
use crate::sys::transfer::{Way, transfer};

/// How far an operation came.
#[derive(Debug)]
pub(super) enum Executed {
    Completed(io::Result<Output>),
    /// Nothing was done: it opens a FIFO for writing that no process reads from yet.
    NoReader,
}

/// Does `op` and says what it gave. A done [`Op::Close`] is replaced by the resourceless
/// [`Op::Metadata`].
pub(super) fn execute(op: &mut Op, file: Option<&SharedFile>) -> Executed {
    let result = match op {
        Op::Open { path, flags, mode } => match open(path, *flags, *mode) {
            Ok(None) => return Executed::NoReader,
            Ok(Some(opened)) => Ok(Output::File(opened)),
            Err(error) => Err(error),
        },
        Op::ReadFile { path } => read_file(path),
        Op::Close { .. } => close(op),
        Op::Path { call } => call.make(),
        Op::Run { job } => {
            job.run();
            Ok(Output::Done)
        }
        op => needed(file).and_then(|file| execute_on(op, file)),
    };
    Executed::Completed(result)
}

/// Reads or writes, at the offset or without it where the file turns out (ESPIPE) not to know
/// offsets: some character devices only tell when asked. A write that appends goes without, too,
/// where the offset would count.
pub(super) fn move_bytes(op: &mut Op, file: &SharedFile) -> io::Result<usize> {
    let is_write = op.is_write();
    let event = if is_write { PollFlags::POLLOUT } else { PollFlags::POLLIN };
    let appends = file.is_append() && is_write;
    let at_offset = file.is_seekable() && (open_flags::OFFSETS_APPEND || !appends);
    let flags = file.rw_flags(is_write);
    let asked = Way::AtOffset { flags };
    let without_hint = Way::AtOffset { flags: flags & !RWF_DONTCACHE };
    let mut way = if at_offset { asked } else { Way::InSequence };
    loop {
        match retry_on_eintr(|| transfer(op, file.as_fd(), way, usize::MAX)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for(file, event)?,
            Err(error) if is(&error, Errno::ESPIPE) && way != Way::InSequence => {
                way = Way::InSequence;
            }
            Err(error) if way == asked && asked != without_hint && is_refusal(&error) => {
                way = without_hint;
            }
            result => {
                // It was the hint, then, that was refused.
                if way == without_hint && asked != without_hint && result.is_ok() {
                    file.refuse_dont_cache();
                }
                return result;
            }
        }
    }
}

/// Calls again as long as a signal came in between.
pub(super) fn retry_on_eintr<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

pub(super) fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}

fn execute_on(op: &mut Op, file: &SharedFile) -> io::Result<Output> {
    match op {
        // A read of nothing has no effect (read(2)), but one of an inotify descriptor waits.
        Op::Read { .. } | Op::ReadVectored { .. }
            if file.class() == FileClass::Stream && op.length() == 0 =>
        {
            Ok(Output::Bytes(0))
        }
        Op::Read { .. } | Op::Write { .. } | Op::ReadVectored { .. } | Op::WriteVectored { .. } => {
            move_bytes(op, file).map(Output::Bytes)
        }
        Op::Fsync => retry_on_eintr(|| flush(file.file(), false)).map(|()| Output::Done),
        Op::Fdatasync => retry_on_eintr(|| flush(file.file(), true)).map(|()| Output::Done),
        Op::Metadata => {
            retry_on_eintr(|| file.file().metadata()).map(Box::new).map(Output::Metadata)
        }
        Op::SetLength { length } => {
            retry_on_eintr(|| file.file().set_len(*length)).map(|()| Output::Done)
        }
        Op::Open { .. }
        | Op::ReadFile { .. }
        | Op::Close { .. }
        | Op::Path { .. }
        | Op::Run { .. } => {
            unreachable!("the caller does what needs no open file")
        }
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

/// The open file, without which most operations mean nothing.
fn needed(file: Option<&SharedFile>) -> io::Result<&SharedFile> {
    file.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no file was given"))
}

/// A descriptor that cannot be polled counts as ready: the next attempt tells what is wrong.
fn wait_for(file: &SharedFile, event: PollFlags) -> io::Result<()> {
    let mut files = [PollFd::new(file.as_fd(), event)];
    retry_on_eintr(|| Ok(poll(&mut files, PollTimeout::NONE)?)).map(drop)
}
