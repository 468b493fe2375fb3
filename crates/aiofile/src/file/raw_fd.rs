//! The one implementation that cannot be written without `unsafe`, since std's trait says it.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use super::File;

impl FromRawFd for File {
    /// As [`from_std`](File::from_std).
    ///
    /// # Safety
    /// As for [`OwnedFd`]: the descriptor is open, and nobody else closes it.
    #[allow(unsafe_code)]
    unsafe fn from_raw_fd(descriptor: RawFd) -> Self {
        // SAFETY: the caller promises what this asks for.
        unsafe { OwnedFd::from_raw_fd(descriptor) }.into()
    }
}
