//! What Unix systems other than Linux do instead: the second list of `linux`, name for name.
//!
//! Nothing is done in place, since no call of theirs promises not to wait for a disk: such attempts
//! are answered as by a Linux kernel that does not know the call, and go to a pool of threads. The
//! rest is std, and what libc and nix have for macOS and FreeBSD.

pub(crate) mod notifier;
pub(crate) mod nowait;

/// What becomes readable when something happens.
pub(crate) mod event {
    use std::fs::File;
    use std::io;
    use std::path::Path;
    use std::time::Duration;

    pub(crate) fn changes(_paths: &[&Path]) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn timer(_after: Duration) -> io::Result<File> {
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

    use crate::file::{FileSystem, Inode};

    /// Nothing is remembered.
    pub(crate) fn remember(_file: BorrowedFd<'_>, _file_system: FileSystem) {}

    /// Nor looked at.
    pub(crate) fn look_at(_path: &CStr) {}

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

/// The O_DIRECT alignment of an open file.
pub(crate) mod statx {
    use std::os::fd::BorrowedFd;

    use crate::file::DirectAlignment;

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
