//! What wakes a thread out of poll(2): a pipe to oneself.

use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Polls readable from the first notification until it is cleared.
#[derive(Debug)]
pub(crate) struct Notifier {
    heard: PipeReader,
    rung: PipeWriter,
}

impl Notifier {
    /// One that has not been notified.
    pub(crate) fn new() -> io::Result<Self> {
        let (heard, rung) = pipe()?;
        for end in [heard.as_fd(), rung.as_fd()] {
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { heard, rung })
    }

    /// Makes it readable, without waiting.
    pub(crate) fn notify(&self) {
        // The one other error is that the pipe is full: then it is readable already.
        while matches!((&self.rung).write(&[1]), Err(error) if is_interruption(&error)) {}
    }

    /// Forgets every notification so far.
    pub(crate) fn clear(&self) {
        let mut times = [0; 512];
        loop {
            match (&self.heard).read(&mut times) {
                Ok(bytes) if bytes == times.len() => {}
                Err(error) if is_interruption(&error) => {}
                _ => return,
            }
        }
    }
}

fn is_interruption(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    fn is_readable(notifier: &Notifier) -> bool {
        let mut files = [PollFd::new(notifier.as_fd(), PollFlags::POLLIN)];
        poll(&mut files, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn it_is_readable_until_cleared_however_often_it_was_notified() {
        let notifier = Notifier::new().unwrap();
        assert!(!is_readable(&notifier));
        for times in [1, 512, 100_000] {
            (0..times).for_each(|_| notifier.notify());
            assert!(is_readable(&notifier));
            notifier.clear();
            assert!(!is_readable(&notifier), "after {times} times");
        }
    }
}
