//! What Unix systems other than Linux do instead: the second list of `linux`, name for name.
//!
//! Nothing is done in place, since no call of theirs promises not to wait for a disk: such attempts
//! are answered as by a Linux kernel that does not know the call, and go to a pool of threads. The
//! rest is std, and what libc and nix have for macOS and FreeBSD.

/// What becomes readable when something happens.
pub(crate) mod event {
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    /// There is no such descriptor.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn changes(_paths: &[&Path]) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// There is no such descriptor.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn timer(_after: Duration) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Renaming that replaces nothing.
pub(crate) mod rename {
    use std::fs;
    use std::io;
    use std::path::Path;

    use nix::errno::Errno;

    /// Looked for before, since there is no such call.
    pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
        match fs::symlink_metadata(to) {
            Ok(_) => Err(Errno::EEXIST.into()),
            Err(_) => fs::rename(from, to),
        }
    }
}

/// A file's data to its device.
pub(crate) mod flush {
    use std::fs::File;
    use std::io;

    /// What std has, on macOS F_FULLFSYNC. Where a file system has no such thing, as SMB there has
    /// none, fsync(2), which leaves the device's own cache alone. That is no second try: the first
    /// call did nothing.
    pub(crate) fn flush(file: &File, data_alone: bool) -> io::Result<()> {
        let result = if data_alone { file.sync_data() } else { file.sync_all() };
        match result.as_ref().map_err(io::Error::raw_os_error) {
            Err(Some(libc::ENOTSUP | libc::ENOTTY | libc::EINVAL)) => Ok(nix::unistd::fsync(file)?),
            _ => result,
        }
    }
}

/// Opening and examining a file on the calling thread: no call here promises not to wait.
pub(crate) mod local {
    use std::ffi::CStr;
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::fd::BorrowedFd;
    use std::path::Path;

    use crate::file::{FileSystem, Inode};

    /// Nothing is remembered.
    pub(crate) fn remember(_file: BorrowedFd<'_>, _file_system: FileSystem) {}

    /// Nor looked at.
    pub(crate) fn look_at(_path: &Path) {}

    /// Nothing is opened.
    pub(crate) fn open(_path: &CStr, _flags: i32) -> Option<(File, Inode, FileSystem)> {
        None
    }

    /// Nor read.
    pub(crate) fn open_to_read_once(_path: &CStr) -> Option<(File, u64)> {
        None
    }

    /// Nor told apart.
    pub(crate) fn inode(_file: BorrowedFd<'_>) -> Option<Inode> {
        None
    }

    /// Nor examined.
    pub(crate) fn metadata(_path: &CStr, _follow: bool) -> Option<io::Result<Metadata>> {
        None
    }
}

/// The flags of open(2) that not every Unix has, and what is to be known about them.
pub(crate) mod open_flags {
    /// `O_DIRECT`, for code that is to compile where there is none, too. FreeBSD's is not this one:
    /// it is a wish that asks nothing of buffers and offsets.
    pub const DIRECT: Option<i32> = None;

    /// What opens a name and no file, and so never waits: no such flag.
    pub(crate) const NAMES_ONLY: i32 = 0;

    /// Whether pwrite(2) on a file opened with `O_APPEND` appends, whatever its offset. POSIX says
    /// that it must not.
    pub(crate) const OFFSETS_APPEND: bool = false;

    /// The numbers of devices differ between systems: those without a cursor wait, others do not.
    pub(crate) fn is_memory_device(_rdev: u64) -> bool {
        false
    }
}

/// On which file system a file lies.
pub(crate) mod statfs {
    use std::fs::File;

    use crate::file::FileSystem;

    /// None that any route depends on.
    pub(crate) fn file_system(_file: &File) -> (FileSystem, bool) {
        (FileSystem::Other, false)
    }
}

/// What O_DIRECT asks of an open file.
pub(crate) mod statx {
    use std::os::fd::BorrowedFd;

    use crate::file::{AtomicWriteLimits, DirectAlignment};

    /// There are no such writes.
    pub(crate) fn atomic_write_limits(_file: BorrowedFd<'_>) -> Option<AtomicWriteLimits> {
        None
    }

    /// There is none without `O_DIRECT`.
    pub(crate) fn direct_alignment(_file: BorrowedFd<'_>) -> Option<DirectAlignment> {
        None
    }
}

/// Memory that the kernel empties in each forked child.
pub(crate) mod wiped {
    use std::sync::atomic::AtomicU32;

    /// There is none: getpid(2) has to tell.
    pub(crate) fn page() -> Option<&'static AtomicU32> {
        None
    }
}

/// A file whose first byte is known, for trying a backend out.
pub(crate) mod known {
    use std::fs::File;
    use std::io;
    use std::path::PathBuf;

    /// `/dev/zero`, with its path for messages and its first byte.
    pub(crate) fn file() -> io::Result<(File, PathBuf, u8)> {
        let path = PathBuf::from("/dev/zero");
        Ok((File::open(&path)?, path, 0))
    }
}

/// What wakes a thread out of poll(2): a pipe to oneself.
pub(crate) mod notifier {
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
}

/// What preadv2(2) and pwritev2(2) would do; here they are always refused.
pub(crate) mod nowait {
    use std::io;
    use std::ops::Range;
    use std::os::fd::{BorrowedFd, RawFd};

    use nix::errno::Errno;

    use crate::buffer::Buffer;

    /// There are no flags.
    pub(crate) const RWF_ATOMIC: libc::c_int = 0;
    pub(crate) const RWF_DONTCACHE: libc::c_int = 0;

    /// Whether a transfer in place may wait for the device.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Wait {
        /// What would wait answers EAGAIN.
        Never,
        /// The file is memory and has no device to wait for, or a wait is put up with.
        Allowed,
    }

    /// Always EOPNOTSUPP, which the caller remembers for the file.
    pub(crate) fn read(
        _file: BorrowedFd<'_>,
        _buffer: &mut Buffer,
        _range: Range<usize>,
        _offset: u64,
        _wait: Wait,
        _flags: libc::c_int,
    ) -> io::Result<usize> {
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Always EOPNOTSUPP, which the caller remembers for the file.
    pub(crate) fn write(
        _file: BorrowedFd<'_>,
        _bytes: &[u8],
        _offset: u64,
        _wait: Wait,
    ) -> io::Result<usize> {
        Err(Errno::EOPNOTSUPP.into())
    }

    /// Never known.
    pub(crate) fn is_cached(_file: BorrowedFd<'_>, _offset: u64) -> bool {
        false
    }

    /// Always -1, with EOPNOTSUPP.
    ///
    /// # Safety
    /// None is needed: the vectors are not looked at.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn in_sequence(
        _is_write: bool,
        _file: RawFd,
        _vectors: *const libc::iovec,
        _count: libc::c_int,
    ) -> libc::ssize_t {
        Errno::EOPNOTSUPP.set();
        -1
    }

    /// preadv(2) or pwritev(2): there are no flags.
    ///
    /// # Safety
    /// The vectors are good for reading (of a write) or for writing (of a read) for the whole call.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn at_offset(
        is_write: bool,
        file: RawFd,
        vectors: *const libc::iovec,
        count: libc::c_int,
        offset: libc::off_t,
        _flags: libc::c_int,
    ) -> libc::ssize_t {
        let call = if is_write { libc::pwritev } else { libc::preadv };
        // SAFETY: the caller has seen to the vectors, and the kernel keeps no reference.
        unsafe { call(file, vectors, count, offset) }
    }
}
