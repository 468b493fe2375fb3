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

const REMOTE: [i64; 20] = [
    0x0000_6969, // nfs
    0x6573_5546, // fuse, virtiofs
    0xff53_4d42, // cifs
    0xfe53_4d42, // smb2
    0x0000_517b, // smb
    0x0102_1997, // 9p
    0x00c3_6400, // ceph
    0x5346_414f, // afs
    0x6b41_4653, // kafs
    0x7375_7245, // coda
    0x0000_564c, // ncp
    0x7461_636f, // ocfs2
    0x0116_1970, // gfs2
    0x0bd0_0bd0, // lustre
    0x0000_0187, // autofs
    0xbacb_acbc, // vmhgfs
    0x786f_4256, // vboxsf
    0x4750_4653, // gpfs
    0x1983_0326, // beegfs
    0x2003_0528, // orangefs
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
        magic if REMOTE.contains(&magic) => FileSystem::Remote,
        _ => FileSystem::Other,
    };
    (file_system, PSEUDO.contains(&magic))
}

#[allow(clippy::unnecessary_cast, reason = "the type of f_type differs between architectures")]
fn magic(FsType(magic): FsType) -> i64 {
    i64::from(magic as u32)
}
