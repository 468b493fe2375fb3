//! What an open file is like: its kind, its file system, its O_DIRECT alignment.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::Traits;
use crate::sys::{open_flags, statfs, statx};

/// What kind of file it is, as far as backends treat it differently.
///
/// ```
/// use caio::{FileClass, SharedFile};
///
/// let file = SharedFile::new(std::fs::File::open("/")?, "/")?;
/// assert_eq!(file.class(), FileClass::Directory);
/// assert_eq!(file.class().to_string(), "directory");
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileClass {
    /// A regular file on a file system with storage or memory behind it.
    Regular,
    /// A block device.
    Block,
    /// A directory: it can be synced, not read.
    Directory,
    /// Bytes that come when they come and have no offset: pipe, FIFO, socket, terminal.
    Stream,
    /// A character device that is no terminal: `/dev/null`, `/dev/urandom`.
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
/// let stat = SharedFile::new(std::fs::File::open("/proc/self/stat")?, "stat")?;
/// let on_a_disk = match stat.file_system() {
///     FileSystem::Ext4 | FileSystem::Xfs | FileSystem::Btrfs => true,
///     _ => false,
/// };
/// assert!(!on_a_disk);
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
    /// Any other.
    Other,
}

/// What O_DIRECT asks of a file, in bytes.
///
/// ```
/// use caio::{AlignedBuffer, DirectAlignment};
///
/// let of_a_disk = DirectAlignment { memory: 512, read: 4096, write: 4096 };
/// let block = AlignedBuffer::new(of_a_disk.write as usize, of_a_disk.memory);
/// assert_eq!(block.as_ptr() as usize % of_a_disk.memory, 0);
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

pub(super) fn examine(file: &File) -> io::Result<Traits> {
    let kind = file.metadata()?.file_type();
    let flags = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL)?);
    let (file_system, is_made_up) = statfs::file_system(file);
    let class = if kind.is_dir() {
        FileClass::Directory
    } else if kind.is_block_device() {
        FileClass::Block
    } else if kind.is_fifo() || kind.is_socket() {
        FileClass::Stream
    } else if kind.is_char_device() {
        if nix::unistd::isatty(file).unwrap_or(false) {
            FileClass::Stream
        } else {
            FileClass::Character
        }
    } else if kind.is_file() && !is_made_up {
        FileClass::Regular
    } else {
        FileClass::Pseudo
    };
    Ok(Traits {
        class,
        file_system,
        direct: open_flags::DIRECT.is_some_and(|direct| flags.bits() & direct != 0),
        append: flags.contains(OFlag::O_APPEND),
        seekable: class != FileClass::Stream,
    })
}

/// What O_DIRECT needs on this file, if it takes it at all.
pub(super) fn direct_alignment(file: &File) -> Option<DirectAlignment> {
    statx::direct_alignment(file.as_fd())
}
