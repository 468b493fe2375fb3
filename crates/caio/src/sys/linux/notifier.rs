//! What wakes a thread out of poll(2): an eventfd.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Polls readable from the first notification until it is cleared.
#[derive(Debug)]
pub(crate) struct Notifier(EventFd);

impl Notifier {
    /// One that has not been notified.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self(EventFd::from_flags(flags)?))
    }

    /// Makes it readable, without waiting.
    pub(crate) fn notify(&self) {
        // It fails only where there were 2^64 - 2 notifications and none was cleared.
        let _ = self.0.write(1);
    }

    /// Forgets every notification so far.
    pub(crate) fn clear(&self) {
        let _ = self.0.read();
    }
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
