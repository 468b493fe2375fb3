//! What an open file is like: its kind, its file system, its O_DIRECT alignment.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Whence, lseek};

use crate::sys::{local, open_flags, statfs};

/// What kind of file it is, as far as backends treat it differently.
///
/// ```
/// use caio::{FileClass, SharedFile};
///
/// let open = |path: &str| SharedFile::new(std::fs::File::open(path)?, path);
/// assert_eq!(open("/")?.class(), FileClass::Directory);
/// assert_eq!(open("/dev/zero")?.class(), FileClass::Character);
/// assert_eq!(open("/proc/self/stat")?.class(), FileClass::Pseudo);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileClass {
    /// A regular file on a file system with storage or memory behind it.
    Regular,
    /// A block device.
    Block,
    /// A directory: it can be synced, not read.
    Directory,
    /// Bytes or events that come when they come and have no offset: pipe, FIFO, socket, terminal,
    /// eventfd, inotify, timerfd, `trace_pipe`.
    Stream,
    /// A character device that has its bytes at hand: `/dev/null`, `/dev/urandom`.
    Character,
    /// A file whose contents the kernel makes up when it is read: procfs, sysfs and their kin.
    Pseudo,
}

impl FileClass {
    /// Every class, in the order of their declaration.
    pub const ALL: [FileClass; 6] = [
        FileClass::Regular,
        FileClass::Block,
        FileClass::Directory,
        FileClass::Stream,
        FileClass::Character,
        FileClass::Pseudo,
    ];

    /// Whether a read gives what is there, though more may come: to read on for a full buffer
    /// could wait for ever.
    #[must_use]
    pub fn reads_what_is_there(self) -> bool {
        matches!(self, Self::Stream | Self::Character)
    }
}

impl fmt::Display for FileClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Regular => "regular",
            Self::Block => "block",
            Self::Directory => "directory",
            Self::Stream => "stream",
            Self::Character => "character",
            Self::Pseudo => "pseudo",
        })
    }
}

/// The file system a file lies on, as far as routes depend on it.
///
/// ```
/// use caio::{FileSystem, SharedFile};
///
/// let file = SharedFile::new(std::fs::File::open("/proc/self/stat")?, "stat")?;
/// // procfs has no name of its own here: nothing depends on it.
/// assert_eq!(file.file_system(), FileSystem::Other);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileSystem {
    /// ext2, ext3 or ext4: non-blocking buffered reads, but no non-blocking buffered writes.
    Ext4,
    /// XFS: both.
    Xfs,
    /// btrfs: both.
    Btrfs,
    /// tmpfs, ramfs or hugetlbfs: the file is memory.
    Memory,
    /// Another machine or another process answers: NFS, SMB, FUSE and their kin. Any call may
    /// wait for it.
    Remote,
    /// Any other.
    Other,
}

impl FileSystem {
    /// Whether it is known that what lies in memory here is had without waiting.
    pub(crate) fn is_local(self) -> bool {
        matches!(self, Self::Ext4 | Self::Xfs | Self::Btrfs | Self::Memory)
    }
}

/// What O_DIRECT asks of a file, in bytes.
///
/// ```
/// use caio::{AlignedBuffer, DirectAlignment};
///
/// let alignment = DirectAlignment { memory: 512, read: 512, write: 4096 };
/// let buffer = AlignedBuffer::new(alignment.write as usize, alignment.memory);
/// assert_eq!(buffer.capacity(), 4096);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectAlignment {
    /// The buffer's address is a multiple of this.
    pub memory: usize,
    /// A read's offset and length are multiples of this.
    pub read: u64,
    /// A write's offset and length are multiples of this.
    pub write: u64,
}

/// Which file it is: all its descriptors have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Inode {
    pub(crate) device: u64,
    pub(crate) number: u64,
}

/// What an open file is like, as found when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) inode: Inode,
    pub(crate) class: FileClass,
    pub(crate) file_system: FileSystem,
    pub(crate) direct: bool,
    pub(crate) append: bool,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) seekable: bool,
}

/// Looks at an open file. On a remote file system this may wait.
pub(super) fn examine(file: &File) -> io::Result<Traits> {
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    let flags = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL)?);
    let (file_system, is_made_up) = statfs::file_system(file);
    let class = if kind.is_dir() {
        FileClass::Directory
    } else if kind.is_block_device() {
        FileClass::Block
    } else if kind.is_file() && !is_made_up {
        FileClass::Regular
    } else if kind.is_char_device() && open_flags::is_memory_device(metadata.rdev()) {
        FileClass::Character
    } else if !(kind.is_file() || kind.is_char_device()) || !has_cursor(file) {
        // A pipe, a socket, a terminal, or what has no type at all, such as inotify.
        FileClass::Stream
    } else if kind.is_char_device() {
        FileClass::Character
    } else if waits(file, flags) {
        FileClass::Stream
    } else {
        FileClass::Pseudo
    };
    if file_system.is_local() && matches!(class, FileClass::Regular | FileClass::Directory) {
        local::remember(file.as_fd(), file_system);
    }
    let access = flags & OFlag::O_ACCMODE;
    Ok(Traits {
        inode: Inode { device: metadata.dev(), number: metadata.ino() },
        class,
        file_system,
        direct: open_flags::DIRECT.is_some_and(|direct| flags.bits() & direct != 0),
        append: flags.contains(OFlag::O_APPEND),
        readable: access != OFlag::O_WRONLY && flags.bits() & open_flags::NAMES_ONLY == 0,
        writable: access != OFlag::O_RDONLY,
        seekable: class != FileClass::Stream,
    })
}

impl Traits {
    /// Of a regular file that was opened for reading alone, with no flags that matter.
    pub(crate) fn of_regular(inode: Inode, file_system: FileSystem) -> Self {
        let class = FileClass::Regular;
        Self {
            inode,
            class,
            file_system,
            direct: false,
            append: false,
            readable: true,
            writable: false,
            seekable: true,
        }
    }
}

fn has_cursor(file: &File) -> bool {
    lseek(file, 0, Whence::SeekCur).is_ok()
}

/// Whether a read would wait now. Most made-up files never do, and some, such as `/proc/kmsg`, do
/// although they have a cursor.
fn waits(file: &File, flags: OFlag) -> bool {
    if flags & OFlag::O_ACCMODE == OFlag::O_WRONLY {
        return false;
    }
    let mut files = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut files, PollTimeout::ZERO), Ok(0))
}
