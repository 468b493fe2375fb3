//! What every way of doing an operation on the calling thread does about signals and about
//! descriptors that have nothing yet.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::file::SharedFile;

/// The open file, without which most operations mean nothing.
pub(super) fn needed(file: Option<&SharedFile>) -> io::Result<&SharedFile> {
    file.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no file was given"))
}

/// Calls again as long as a signal came in between.
pub(super) fn uninterrupted<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Calls again after a signal, and after waiting where the descriptor is non-blocking and has
/// nothing yet.
pub(super) fn patient<T>(
    file: &SharedFile,
    event: PollFlags,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    loop {
        match uninterrupted(&mut attempt) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait_for(file.as_fd(), event)?;
            }
            result => return result,
        }
    }
}

/// A descriptor that cannot be polled counts as ready: the next attempt tells what is wrong.
fn wait_for(file: BorrowedFd<'_>, event: PollFlags) -> io::Result<()> {
    let mut files = [PollFd::new(file, event)];
    uninterrupted(|| Ok(nix::poll::poll(&mut files, PollTimeout::NONE)?)).map(|_| ())
}
