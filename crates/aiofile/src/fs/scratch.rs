//! A file that is removed unless it is wanted in the end.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, renameat, unlinkat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// How the names begin.
const PREFIX: &str = ".aiofile-";

/// How many hexadecimal digits follow.
const DIGITS: usize = 16;

/// Names tried before it is given up.
const ATTEMPTS: usize = 16;

/// Whether this module gives such names to its temporary files, which [`write_atomic`] and copies
/// by [`Replace::ByRename`] make beside their targets. A process that was killed can leave one.
///
/// Who makes one has a shared lock (flock(2)) on it until it has its final name or is gone. So what
/// has such a name and can be locked exclusively was left, and may be removed.
///
/// ```
/// use aiofile::fs::is_temporary_name;
///
/// assert!(is_temporary_name(".aiofile-0123456789abcdef".as_ref()));
/// assert!(!is_temporary_name(".aiofile-notes".as_ref()));
/// ```
///
/// [`write_atomic`]: super::write_atomic
/// [`Replace::ByRename`]: super::Replace::ByRename
#[must_use]
pub fn is_temporary_name(name: &OsStr) -> bool {
    let digits = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}

/// A new name for a temporary file, which [`is_temporary_name`] knows: short, hidden, and nobody
/// can guess it.
///
/// ```
/// use aiofile::fs::{is_temporary_name, temporary_name};
///
/// assert!(is_temporary_name(&temporary_name()));
/// ```
#[must_use]
pub fn temporary_name() -> OsString {
    // Each state has new random keys.
    format!("{PREFIX}{:0DIGITS$x}", RandomState::new().build_hasher().finish()).into()
}

/// A name in a directory, which is removed when this is dropped.
pub(super) struct Scratch<D: AsFd = OwnedFd> {
    directory: D,
    name: OsString,
    is_wanted: bool,
    /// Keeps the file locked, also when it is closed elsewhere.
    _lock: Option<OwnedFd>,
}

impl<D: AsFd> Scratch<D> {
    /// Makes a file with a temporary name.
    ///
    /// # Errors
    /// What open(2) answers.
    pub(super) fn create(directory: D, mode: Mode) -> Result<(File, Self), Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        for _ in 0..ATTEMPTS {
            let name = temporary_name();
            match openat(&directory, &name, flags | OFlags::NOFOLLOW, mode) {
                Ok(file) if was_taken_for_left(&file)? => {}
                Ok(file) => {
                    let lock = fcntl_dupfd_cloexec(&file, 3);
                    let mut scratch = Self::of(directory, name);
                    scratch._lock = Some(lock?);
                    return Ok((File::from(file), scratch));
                }
                // Somebody else's.
                Err(Errno::EXIST) => {}
                Err(answer) => return Err(answer),
            }
        }
        Err(Errno::EXIST)
    }

    /// A file that was made there, by this process.
    pub(super) fn of(directory: D, name: OsString) -> Self {
        Self { directory, name, is_wanted: false, _lock: None }
    }

    /// The file once more, to be read.
    ///
    /// # Errors
    /// What open(2) answers.
    pub(super) fn reopen(&self) -> Result<File, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        openat(&self.directory, &self.name, flags, Mode::empty()).map(File::from)
    }

    /// Gives the file its final name. Where that is refused, the scratch comes back.
    pub(super) fn rename(
        self,
        directory: impl AsFd,
        name: impl AsRef<Path>,
    ) -> Result<(), (Errno, Self)> {
        match renameat(&self.directory, &self.name, directory, name.as_ref()) {
            Ok(()) => {
                self.keep();
                Ok(())
            }
            Err(answer) => Err((answer, self)),
        }
    }

    /// Leaves the file where it is.
    pub(super) fn keep(mut self) {
        self.is_wanted = true;
    }
}

impl<D: AsFd> Drop for Scratch<D> {
    fn drop(&mut self) {
        if !self.is_wanted {
            // In vain where it is gone already, or nothing can be removed any more.
            let _ = unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// Locks a new file; whether somebody took it for one that was left, before it was locked.
fn was_taken_for_left(file: &OwnedFd) -> Result<bool, Errno> {
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => Ok(true),
        // Without locks, nobody takes it for that.
        Ok(()) | Err(_) => Ok(fstat(file)?.st_nlink == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: Mode = Mode::from_raw_mode(0o600);

    #[test]
    fn it_is_there_until_dropped_and_stays_when_wanted() {
        let place = tempfile::tempdir().unwrap();
        let directory = File::open(place.path()).unwrap();
        let count = || std::fs::read_dir(place.path()).unwrap().count();
        let (_file, scratch) = Scratch::create(&directory, MODE).unwrap();
        assert_eq!(count(), 1);
        drop(scratch);
        assert_eq!(count(), 0);
        let (_file, scratch) = Scratch::create(&directory, MODE).unwrap();
        assert!(scratch.rename(&directory, "final").is_ok());
        assert!(place.path().join("final").exists() && count() == 1);
    }

    #[test]
    fn nobody_else_can_lock_it_until_it_has_its_name() {
        let place = tempfile::tempdir().unwrap();
        let directory = File::open(place.path()).unwrap();
        let (file, scratch) = Scratch::create(&directory, MODE).unwrap();
        assert!(is_temporary_name(&scratch.name));
        drop(file);
        let other = scratch.reopen().unwrap();
        let lock = || flock(&other, FlockOperation::NonBlockingLockExclusive);
        assert_eq!(lock(), Err(Errno::WOULDBLOCK));
        assert!(scratch.rename(&directory, "final").is_ok());
        assert_eq!(lock(), Ok(()));
    }
}
