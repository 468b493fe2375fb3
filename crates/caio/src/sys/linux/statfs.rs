//! On which file system a file lies, by the numbers of linux/magic.h.

use std::fs::File;

use nix::sys::statfs::{self, FsType};

use crate::file::FileSystem;

/// Where the kernel makes contents up when they are read.
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

/// The file system, and whether its contents are made up when they are read. Where statfs(2) is
/// forbidden the file is treated with the least assumptions.
pub(crate) fn file_system(file: &File) -> (FileSystem, bool) {
    let magic = statfs::fstatfs(file).map_or(0, |stat| magic(stat.filesystem_type()));
    let file_system = match magic {
        EXT4 => FileSystem::Ext4,
        XFS => FileSystem::Xfs,
        BTRFS => FileSystem::Btrfs,
        magic if MEMORY.contains(&magic) => FileSystem::Memory,
        _ => FileSystem::Other,
    };
    (file_system, PSEUDO.contains(&magic))
}

#[allow(clippy::unnecessary_cast, reason = "the type of f_type differs between architectures")]
fn magic(FsType(magic): FsType) -> i64 {
    i64::from(magic as u32)
}
