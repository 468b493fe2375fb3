//! What an open file is like: its kind, its file system, its O_DIRECT alignment.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::statfs::{self, FsType};

use super::Traits;

/// What kind of file it is, as far as backends treat it differently.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectAlignment {
    /// The buffer's address is a multiple of this.
    pub memory: usize,
    /// A read's offset and length are multiples of this.
    pub read: u64,
    /// A write's offset and length are multiples of this.
    pub write: u64,
}

/// Where the kernel makes contents up when they are read: linux/magic.h.
const PSEUDO: [i64; 12] = [
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x7363_6673, // securityfs
    0x6265_6570, // configfs
    0xcafe_4a11, // bpf
    0xde5e_81e4, // efivarfs
    0x6165_676c, // pstore
    0x4249_4e4d, // binfmt_misc
];

const EXT4: i64 = 0xef53;
const XFS: i64 = 0x5846_5342;
const BTRFS: i64 = 0x9123_683e;
const MEMORY: [i64; 3] = [
    0x0102_1994, // tmpfs
    0x8584_58f6, // ramfs
    0x9584_58f6, // hugetlbfs
];

pub(super) fn examine(file: &File) -> io::Result<Traits> {
    let kind = file.metadata()?.file_type();
    let flags = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL)?);
    // Where statfs is forbidden or unknown the file is treated with the least assumptions.
    let magic = statfs::fstatfs(file).map_or(0, |stat| magic(stat.filesystem_type()));
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
    } else if kind.is_file() && !PSEUDO.contains(&magic) {
        FileClass::Regular
    } else {
        FileClass::Pseudo
    };
    let file_system = match magic {
        EXT4 => FileSystem::Ext4,
        XFS => FileSystem::Xfs,
        BTRFS => FileSystem::Btrfs,
        magic if MEMORY.contains(&magic) => FileSystem::Memory,
        _ => FileSystem::Other,
    };
    Ok(Traits {
        class,
        file_system,
        direct: flags.contains(OFlag::O_DIRECT),
        append: flags.contains(OFlag::O_APPEND),
        seekable: class != FileClass::Stream,
    })
}

#[allow(clippy::unnecessary_cast, reason = "the type of f_type differs between architectures")]
fn magic(FsType(magic): FsType) -> i64 {
    i64::from(magic as u32)
}

/// statx(2) with `STATX_DIOALIGN` (Linux 6.1) and `STATX_DIO_READ_ALIGN` (6.15).
pub(super) fn direct_alignment(file: &File) -> Option<DirectAlignment> {
    crate::sys::statx::direct_alignment(file.as_fd())
}
