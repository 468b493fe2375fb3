//! Standard streams that were closed when the command was started.
//!
//! Before `main`, Rust's runtime opens `/dev/null` in their place, so that no file gets their
//! numbers. What would be read from them or written to them would be lost without a word.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::io::{Errno, fcntl_getfd};
use rustix::stdio::{stderr, stdin, stdout};

use crate::failure::Failure;

/// Bit N stands for the descriptor N.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Looks before Rust's runtime does.
#[ctor::ctor(unsafe)]
fn look() {
    let streams = [stdin(), stdout(), stderr()].into_iter().enumerate();
    let closed = streams.filter(|(_, stream)| fcntl_getfd(stream) == Err(Errno::BADF));
    let closed = closed.fold(0, |closed, (number, _)| closed | 1 << number);
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Refuses a stream that was closed.
///
/// # Errors
/// What the system answers for such a descriptor.
pub(crate) fn check(stream: impl AsFd) -> io::Result<()> {
    let number = stream.as_fd().as_raw_fd();
    match CLOSED.load(Ordering::Relaxed) & 1 << number {
        0 => Ok(()),
        _ => Err(Errno::BADF.into()),
    }
}

/// Refuses a path that stands for a stream that was closed.
///
/// # Errors
/// What the system would have answered.
pub(crate) fn check_path(path: &Path) -> Result<(), Failure> {
    let names = ["/dev/stdin", "/dev/stdout", "/dev/stderr"].into_iter().enumerate();
    let is_closed = |number: usize| CLOSED.load(Ordering::Relaxed) & 1 << number != 0;
    let mut closed = names.filter(|(number, _)| is_closed(*number));
    let is_meant = |number: usize, name: &str| {
        let by_number = |directory| path == Path::new(directory).join(number.to_string());
        path == Path::new(name) || by_number("/dev/fd") || by_number("/proc/self/fd")
    };
    if closed.any(|(number, name)| is_meant(number, name)) {
        let error = io::Error::from(Errno::BADF);
        return Err(Failure::during(format_args!("open {}", path.display()), error));
    }
    Ok(())
}
