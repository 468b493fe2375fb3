//! Locks on ranges of a file that an open file holds.

use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// What [`set_range_lock`] does with a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeLock {
    /// Locks it against all others.
    Exclusive,
    /// Locks it against those that want it exclusively.
    Shared,
    /// Frees it.
    Unlocked,
}

/// Locks or frees bytes of an open file (`F_OFD_SETLK`), from `start` on so many, or all that
/// follow. Does not wait: `false` says that another open file has a lock on some of them. The lock
/// is the open file's, which clones of the descriptor share. May ask a server on a file system in
/// the network.
///
/// # Errors
/// EBADF where the file is not open for writing (shared: for reading); EINVAL for a range that no
/// file has.
///
/// ```
/// use std::{fs::File, os::fd::AsFd};
/// use caio::{RangeLock, set_range_lock};
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("locked");
///
/// let (first, second) = (File::create(&path)?, File::create(&path)?);
/// assert!(set_range_lock(first.as_fd(), RangeLock::Exclusive, 0, Some(10))?);
/// assert!(!set_range_lock(second.as_fd(), RangeLock::Exclusive, 9, None)?);
/// assert!(set_range_lock(second.as_fd(), RangeLock::Exclusive, 10, None)?);
/// # std::io::Result::Ok(())
/// ```
pub fn set_range_lock(
    file: BorrowedFd<'_>,
    lock: RangeLock,
    start: u64,
    length: Option<u64>,
) -> io::Result<bool> {
    let kind = match lock {
        RangeLock::Exclusive => libc::F_WRLCK,
        RangeLock::Shared => libc::F_RDLCK,
        RangeLock::Unlocked => libc::F_UNLCK,
    };
    let invalid = |_| Errno::EINVAL;
    // A length of 0 stands for all that follows.
    let length = match length {
        Some(0) => return Err(Errno::EINVAL.into()),
        length => length.unwrap_or(0),
    };
    let request = libc::flock {
        l_type: kind.try_into().map_err(|_| Errno::EINVAL)?,
        l_whence: libc::SEEK_SET.try_into().map_err(|_| Errno::EINVAL)?,
        l_start: start.try_into().map_err(invalid)?,
        l_len: length.try_into().map_err(invalid)?,
        l_pid: 0,
    };
    loop {
        return match fcntl(file, FcntlArg::F_OFD_SETLK(&request)) {
            Ok(_) => Ok(true),
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(errno) => Err(errno.into()),
        };
    }
}
