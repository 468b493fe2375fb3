//! What wakes a thread out of poll(2): an eventfd.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Polls readable from the first ring until it is hushed.
#[derive(Debug)]
pub(crate) struct Bell(EventFd);

impl Bell {
    /// A bell that has not been rung.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self(EventFd::from_flags(flags)?))
    }

    /// Rings, without waiting.
    pub(crate) fn ring(&self) {
        // It fails only where the bell has been rung 2^64 - 2 times and not been heard.
        let _ = self.0.write(1);
    }

    /// Forgets every ring so far.
    pub(crate) fn hush(&self) {
        let _ = self.0.read();
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
