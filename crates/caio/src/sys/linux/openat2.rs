//! openat2(2), for opening what is in the directory cache without waiting for a disk.

use std::ffi::CStr;
use std::io;
use std::mem::size_of;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Opens `path` if that needs no I/O; EAGAIN otherwise (`RESOLVE_CACHED`, Linux 5.12).
#[allow(unsafe_code)]
pub(crate) fn cached(path: &CStr, flags: i32, mode: u32) -> io::Result<OwnedFd> {
    // SAFETY: `open_how` is plain integers, for which zero is a value; newer kernels want the
    // fields that this one does not know to be zero.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((flags | libc::O_CLOEXEC).cast_unsigned());
    how.mode = u64::from(mode);
    how.resolve = libc::RESOLVE_CACHED;
    // SAFETY: the path is a C string and `how` a local, both alive for the whole call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            &raw const how,
            size_of::<libc::open_how>(),
        )
    };
    let descriptor = RawFd::try_from(result).expect("a descriptor fits in an int");
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just opened this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
