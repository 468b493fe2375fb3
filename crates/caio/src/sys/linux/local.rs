//! Opening a file on the calling thread where that can neither wait nor disturb anything.
//!
//! A path is looked up in the directory cache alone (openat2(2) with `RESOLVE_CACHED`), as a mere
//! place in the tree (`O_PATH`): no file system is asked, and no FIFO or device notices. Only a
//! regular file on a mount that an earlier look from another thread has found to be local is then
//! opened for real.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{PoisonError, RwLock};

/// `STATX_MNT_ID_UNIQUE` (Linux 6.8): the number of a mount, which is never used again. Without it
/// nothing is opened in place.
const STATX_MNT_ID_UNIQUE: u32 = 0x4000;

/// Mounts that are known to be local. More than these few are not worth remembering.
static MOUNTS: RwLock<Vec<u64>> = RwLock::new(Vec::new());
const MOUNTS_MAX: usize = 64;

/// Notes that the file's mount is local.
pub(crate) fn remember(file: BorrowedFd<'_>) {
    let Ok(Some(mount)) = look(file).map(|stat| mount_of(&stat)) else { return };
    if is_known(mount) {
        return;
    }
    let mut mounts = MOUNTS.write().unwrap_or_else(PoisonError::into_inner);
    if mounts.len() == MOUNTS_MAX {
        mounts.remove(0);
    }
    mounts.push(mount);
}

/// Opens a regular file for reading, and says how long it is. `None` where this could wait, where
/// it is no regular file, and where anything else is in the way: another thread finds out.
pub(crate) fn open(path: &CStr) -> Option<(File, u64)> {
    let place = cached(path, libc::O_PATH).ok()?;
    let stat = look(place.as_fd()).ok()?;
    let is_regular = u32::from(stat.stx_mode) & libc::S_IFMT == libc::S_IFREG;
    if !is_regular || !mount_of(&stat).is_some_and(is_known) {
        return None;
    }
    // Should another file have come into its place since, it is one that a reader may open as well;
    // what is none answers the read that follows with an error.
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = cached(path, flags).ok()?;
    Some((file.into(), stat.stx_size))
}

fn is_known(mount: u64) -> bool {
    MOUNTS.read().unwrap_or_else(PoisonError::into_inner).contains(&mount)
}

fn mount_of(stat: &libc::statx) -> Option<u64> {
    (stat.stx_mask & STATX_MNT_ID_UNIQUE != 0).then_some(stat.stx_mnt_id)
}

/// What is known of the file without asking a server for it.
#[allow(unsafe_code)]
fn look(file: BorrowedFd<'_>) -> io::Result<libc::statx> {
    let mut stat = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the descriptor is borrowed for the call, the path is a static empty C string, and
    // `stat` is a local that outlives the call.
    let code = unsafe {
        libc::statx(
            file.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC,
            STATX_MNT_ID_UNIQUE | libc::STATX_TYPE | libc::STATX_SIZE,
            stat.as_mut_ptr(),
        )
    };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed above and filled by the kernel; every bit pattern of its integers is valid.
    Ok(unsafe { stat.assume_init() })
}

/// Opens `path` if that needs no I/O; EAGAIN otherwise (`RESOLVE_CACHED`, Linux 5.12).
#[allow(unsafe_code)]
fn cached(path: &CStr, flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: `open_how` is plain integers, for which zero is a value; newer kernels want the
    // fields that this one does not know to be zero.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((flags | libc::O_CLOEXEC).cast_unsigned());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::io::Read;

    #[test]
    fn only_what_was_looked_at_before_and_is_regular_is_opened() {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "text").unwrap();
        let name = CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        let file = File::open(&path).unwrap();
        let Ok(Some(mount)) = look(file.as_fd()).map(|stat| mount_of(&stat)) else {
            println!("skipped: this kernel has no unique numbers of mounts");
            return;
        };
        remember(file.as_fd());
        assert!(is_known(mount));
        let (mut opened, length) = open(&name).expect("it is cached, regular and local");
        let mut text = String::new();
        opened.read_to_string(&mut text).unwrap();
        assert_eq!((&*text, length), ("text", 4));
        let fifo =
            CString::new(directory.path().join("fifo").as_os_str().as_encoded_bytes()).unwrap();
        nix::unistd::mkfifo(&*fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(open(&fifo).is_none() && open(c"/proc/self/stat").is_none());
        assert!(open(c"/dev/null").is_none() && open(c"/nowhere").is_none());
    }
}
