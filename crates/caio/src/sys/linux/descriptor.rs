//! The calls on a descriptor that move no bytes, as libc has them.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

/// open(2) with `O_CLOEXEC`.
#[allow(unsafe_code)]
pub(crate) fn open(path: &CStr, flags: i32, mode: u32) -> io::Result<OwnedFd> {
    // SAFETY: the path is a C string that lives through the call.
    let descriptor = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, mode) };
    check(descriptor)?;
    // SAFETY: the kernel has just opened this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// close(2). The descriptor is gone whatever the answer is.
#[allow(unsafe_code)]
pub(crate) fn close(file: OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor was owned and is given up here.
    check(unsafe { libc::close(file.into_raw_fd()) })
}

/// fsync(2), or fdatasync(2) for the data alone.
#[allow(unsafe_code)]
pub(crate) fn sync(file: BorrowedFd<'_>, data_alone: bool) -> io::Result<()> {
    let descriptor = file.as_raw_fd();
    check(if data_alone {
        // SAFETY: the descriptor is borrowed for the call.
        unsafe { libc::fdatasync(descriptor) }
    } else {
        // SAFETY: as above.
        unsafe { libc::fsync(descriptor) }
    })
}

/// ftruncate(2).
#[allow(unsafe_code)]
pub(crate) fn set_length(file: BorrowedFd<'_>, length: u64) -> io::Result<()> {
    let length =
        libc::off_t::try_from(length).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: the descriptor is borrowed for the call.
    check(unsafe { libc::ftruncate(file.as_raw_fd(), length) })
}

fn check(code: libc::c_int) -> io::Result<()> {
    if code < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
