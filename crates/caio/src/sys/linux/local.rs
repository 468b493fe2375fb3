//! Opening and examining a file on the calling thread where that can neither wait nor disturb
//! anything.
//!
//! A path is looked up in the directory cache alone (openat2(2) with `RESOLVE_CACHED`), as a mere
//! place in the tree (`O_PATH`): no file system is asked, and no FIFO or device notices. Only what
//! lies on a mount that an earlier look from another thread has found to be local is then examined,
//! and opened for real if it is a regular file.

use std::ffi::CStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::NixPath;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{Mode, fstat};
use rustix::fs::{AtFlags, CWD, OFlags, ResolveFlags, Statx, StatxFlags, openat2, statx};

use super::statfs;
use crate::file::{FileSystem, Inode};
use crate::per_process::PerProcess;
use crate::recent::Recent;

/// `STATX_MNT_ID_UNIQUE` (Linux 6.8): the number of a mount, which is never used again. Without it
/// nothing is opened in place.
const STATX_MNT_ID_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);

/// The file systems of mounts that were looked at.
static MOUNTS: PerProcess<Recent<FileSystem>> = PerProcess::new();

/// Opens for reading. `O_NONBLOCK`, so that neither a process with a lease on the file is waited
/// for nor, should one come into its place, a FIFO.
const READ: i32 = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;

/// Notes on which file system the file's mount is.
pub(crate) fn remember(file: BorrowedFd<'_>, file_system: FileSystem) {
    if let Ok(Some(mount)) = look(file).map(|stat| mount_of(&stat)) {
        MOUNTS.get().get_or_insert(mount, || file_system);
    }
}

/// The same for the mount of a path that a call has just found. It asks the file system, which may
/// wait.
pub(crate) fn look_at(path: &Path) {
    let is_new = |stat: &Statx| mount_of(stat).is_some_and(|mount| known(mount).is_none());
    let stat = path.with_nix_path(|path| statx_now(CWD, path, AtFlags::empty()));
    if !matches!(stat, Ok(Ok(stat)) if is_new(&stat)) {
        return;
    }
    if let Ok(place) = nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()) {
        let place = File::from(place);
        remember(place.as_fd(), statfs::file_system(&place).0);
    }
}

/// Opens a regular file for reading, with what other flags there are, and says which one it is and
/// on which file system. `None` where this could wait, where it is no regular file, and where
/// anything else is in the way: another thread finds out.
pub(crate) fn open(path: &CStr, flags: i32) -> Option<(File, Inode, FileSystem)> {
    let (place, stat, file_system) = regular(path, flags)?;
    let file = File::from(cached(path, READ | flags).ok()?);
    // As long as the place is open, no other file gets its number.
    let opened = fstat(&file).ok()?;
    let inode = inode_of(&stat);
    if (Inode { device: opened.st_dev, number: opened.st_ino }) != inode {
        return None;
    }
    drop(place);
    // It is then like any other that was opened for reading.
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).ok()?;
    Some((file, inode, file_system))
}

/// The same for one who only reads it once, without waiting, and closes it; with its length.
/// Should another file have come into its place meanwhile, it is one that a reader may open as
/// well, and what is no regular file answers the read with an error.
pub(crate) fn open_to_read_once(path: &CStr) -> Option<(File, u64)> {
    let (_place, stat, _) = regular(path, 0)?;
    Some((cached(path, READ).ok()?.into(), stat.stx_size))
}

/// Which file it is, without asking a server for it.
pub(crate) fn inode(file: BorrowedFd<'_>) -> Option<Inode> {
    look(file).ok().map(|stat| inode_of(&stat))
}

/// What stat(2) says of a path or, unless a symbolic link is to be followed, lstat(2). `None` where
/// this could wait, and where anything is in the way.
pub(crate) fn metadata(path: &CStr, follow: bool) -> Option<io::Result<Metadata>> {
    let flags = if follow { 0 } else { libc::O_NOFOLLOW };
    let place = match cached(path, libc::O_PATH | flags) {
        Ok(place) => place,
        // The directory cache knows that the name is not there: stat(2) would not look further.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Some(Err(error)),
        Err(_) => return None,
    };
    look(place.as_fd()).ok().filter(is_local)?;
    Some(File::from(place).metadata())
}

/// The place in the tree of a regular file, with what is known of it, on a mount that is local.
fn regular(path: &CStr, flags: i32) -> Option<(OwnedFd, Statx, FileSystem)> {
    let place = cached(path, libc::O_PATH | flags).ok()?;
    let stat = look(place.as_fd()).ok().filter(is_regular)?;
    let file_system = mount_of(&stat).and_then(known).filter(|known| known.is_local())?;
    Some((place, stat, file_system))
}

fn known(mount: u64) -> Option<FileSystem> {
    MOUNTS.get().get(mount)
}

fn is_local(stat: &Statx) -> bool {
    mount_of(stat).and_then(known).is_some_and(FileSystem::is_local)
}

fn is_regular(stat: &Statx) -> bool {
    u32::from(stat.stx_mode) & libc::S_IFMT == libc::S_IFREG
}

fn inode_of(stat: &Statx) -> Inode {
    let device = libc::makedev(stat.stx_dev_major, stat.stx_dev_minor);
    Inode { device, number: stat.stx_ino }
}

fn mount_of(stat: &Statx) -> Option<u64> {
    (stat.stx_mask & STATX_MNT_ID_UNIQUE.bits() != 0).then_some(stat.stx_mnt_id)
}

/// What is known of an open file without asking a server for it.
fn look(file: impl AsFd) -> io::Result<Statx> {
    statx_now(file, c"", AtFlags::EMPTY_PATH)
}

fn statx_now(directory: impl AsFd, path: &CStr, flags: AtFlags) -> io::Result<Statx> {
    let wanted = StatxFlags::TYPE | StatxFlags::INO | StatxFlags::SIZE | STATX_MNT_ID_UNIQUE;
    Ok(statx(directory, path, flags | AtFlags::STATX_DONT_SYNC, wanted)?)
}

/// Opens `path` if that needs no I/O; EAGAIN otherwise (`RESOLVE_CACHED`, Linux 5.12).
fn cached(path: &CStr, flags: i32) -> io::Result<OwnedFd> {
    let flags = OFlags::from_bits_retain(flags.cast_unsigned()) | OFlags::CLOEXEC;
    Ok(openat2(CWD, path, flags, rustix::fs::Mode::empty(), ResolveFlags::CACHED)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::scratch;
    use std::ffi::CString;
    use std::io::Read;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;
    use std::time::SystemTime;

    use nix::fcntl::AT_FDCWD;
    use nix::sys::stat::{UtimensatFlags, utimensat};
    use nix::sys::time::TimeSpec;

    fn c(path: &Path) -> CString {
        CString::new(path.as_os_str().as_encoded_bytes()).unwrap()
    }

    /// A directory on a mount that is remembered as one of ext4; `None` on an old kernel.
    fn known_directory() -> Option<tempfile::TempDir> {
        let directory = scratch();
        let opened = File::open(directory.path()).unwrap();
        remember(opened.as_fd(), FileSystem::Ext4);
        if look(opened.as_fd()).is_ok_and(|stat| is_local(&stat)) {
            return Some(directory);
        }
        println!("skipped: this kernel has no unique numbers of mounts, or the mount is remote");
        None
    }

    /// A symbolic link that needs no new access time: to follow one that does is no lookup in the
    /// cache alone, and under `relatime` a new one does as soon as its clock has ticked.
    fn link_read_before(path: &Path, link: &Path) {
        symlink(path, link).unwrap();
        let hour = std::time::Duration::from_secs(3_600);
        let later = (SystemTime::now() + hour).duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let (later, omit) = (TimeSpec::from_duration(later), TimeSpec::UTIME_OMIT);
        let flag = UtimensatFlags::NoFollowSymlink;
        utimensat(AT_FDCWD, link, &later, &omit, flag).unwrap();
    }

    /// A mount or a rename elsewhere in the system may be in the way of a look in the cache: it is
    /// tried again, as what is cached must be found at last.
    fn at_last<T>(look: impl Fn() -> Option<T>) -> Option<T> {
        (0..1_000).find_map(|_| look())
    }

    #[test]
    fn only_what_was_looked_at_before_and_is_regular_is_opened() {
        let Some(directory) = known_directory() else { return };
        let path = directory.path().join("file");
        std::fs::write(&path, "text").unwrap();
        let (mut opened, inode, file_system) =
            at_last(|| open(&c(&path), 0)).expect("cached, regular and local");
        assert_eq!(file_system, FileSystem::Ext4);
        assert_eq!(Some(inode), self::inode(opened.as_fd()));
        let flags = OFlag::from_bits_retain(fcntl(&opened, FcntlArg::F_GETFL).unwrap());
        assert!(!flags.contains(OFlag::O_NONBLOCK));
        let mut text = String::new();
        opened.read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        let length = at_last(|| open_to_read_once(&c(&path))).map(|(_, length)| length);
        assert_eq!(length, Some(4));
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRUSR).unwrap();
        assert!(open(&c(&fifo), 0).is_none() && open(c"/proc/self/stat", 0).is_none());
        assert!(open(c"/dev/null", 0).is_none() && open(c"/nowhere", 0).is_none());
        assert!(
            open_to_read_once(&c(&fifo)).is_none() && open_to_read_once(c"/dev/zero").is_none()
        );
        let link = directory.path().join("link");
        link_read_before(&path, &link);
        assert!(at_last(|| open(&c(&link), 0)).is_some());
        assert!(open(&c(&link), libc::O_NOFOLLOW).is_none());
    }

    #[test]
    fn what_is_cached_is_examined() {
        let Some(directory) = known_directory() else { return };
        let (path, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&path, "text").unwrap();
        link_read_before(&path, &link);
        let found = |path: &Path, follow| {
            at_last(|| metadata(&c(path), follow)).map(|found| found.unwrap())
        };
        let expected = std::fs::metadata(&path).unwrap();
        for found in [found(&path, true), found(&path, false), found(&link, true)] {
            let found = found.expect("it is cached and local");
            assert_eq!((found.len(), found.ino()), (4, expected.ino()));
            assert_eq!(found.modified().unwrap(), expected.modified().unwrap());
            assert_eq!(found.created().ok(), expected.created().ok());
        }
        assert!(found(&link, false).is_some_and(|found| found.is_symlink()));
        assert!(found(directory.path(), true).is_some_and(|found| found.is_dir()));
        assert!(metadata(c"/proc/self/stat", true).is_none(), "of a file system that is not local");
        let missing = c(&directory.path().join("missing"));
        assert!(std::fs::metadata(directory.path().join("missing")).is_err());
        let missing = at_last(|| metadata(&missing, true)).map(|found| found.unwrap_err());
        assert_eq!(missing.map(|error| error.kind()), Some(io::ErrorKind::NotFound));
    }

    #[test]
    fn a_look_at_a_path_is_remembered() {
        look_at(Path::new("/proc"));
        let Ok(stat) = statx_now(CWD, c"/proc", AtFlags::empty()) else { return };
        assert_eq!(mount_of(&stat).and_then(known), mount_of(&stat).map(|_| FileSystem::Other));
    }
}
