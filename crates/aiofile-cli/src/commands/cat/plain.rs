//! A file to standard output by the calling thread: within the kernel where it can, else by reading
//! and writing.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use aiofile::Error;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, copy_file_range, fstat, sendfile};
use rustix::io::{Errno, read, write};
use rustix::stdio::stdout;

use super::{Stop, is_stdin, refuse_own_output, stdin, stdin_path};
use crate::failure::Failure;

/// Bytes that are read at once.
const BLOCK_BYTES: usize = 128 * 1024;

/// Bytes that the kernel is asked to copy at once.
const PIECE_BYTES: usize = 1 << 30;

pub(super) fn print(path: &Path) -> Result<(), Stop> {
    let (file, shown) = match is_stdin(path) {
        true => (stdin()?, stdin_path()),
        false => {
            let file = File::open(path);
            (file.map_err(|error| Error::system(error).doing("open").on(path))?, path)
        }
    };
    refuse_own_output(&file, shown)?;
    if is_regular(&file) {
        // Not from any file to any other; reading and writing then works, or says why it does not.
        if is_regular(stdout()) {
            while within_kernel(|| copy_file_range(&file, None, stdout(), None, PIECE_BYTES)) {}
        }
        while within_kernel(|| sendfile(stdout(), &file, None, PIECE_BYTES)) {}
    }
    read_and_write(file.as_fd(), shown)
}

fn is_regular(file: impl AsFd) -> bool {
    fstat(file).is_ok_and(|found| FileType::from_raw_mode(found.st_mode).is_file())
}

/// Makes the call; says whether it copied something, so that it may copy more.
fn within_kernel(call: impl FnOnce() -> Result<usize, Errno>) -> bool {
    match call() {
        Ok(copied) => copied > 0,
        Err(Errno::INTR) => true,
        Err(Errno::AGAIN) => wait_for(stdout(), PollFlags::OUT).is_ok(),
        Err(_) => false,
    }
}

fn read_and_write(file: BorrowedFd<'_>, shown: &Path) -> Result<(), Stop> {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match read(file, &mut block[..]) {
            Ok(0) => return Ok(()),
            Ok(bytes) => write_all(&block[..bytes])
                .map_err(|error| Stop::Output(Failure::of_stdout(&error)))?,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if wait_for(file, PollFlags::IN).is_ok() => {}
            Err(errno) => return Err(Error::system(errno.into()).doing("read").on(shown).into()),
        }
    }
}

/// Also to a descriptor that another process has made non-blocking.
pub(super) fn write_all(mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match write(stdout(), rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => rest = &rest[bytes..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_for(stdout(), PollFlags::OUT)?,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn wait_for(stream: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::from_borrowed_fd(stream, what)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
