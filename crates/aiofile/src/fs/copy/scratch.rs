//! A file that is removed unless it is wanted in the end.

use std::ffi::OsString;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// Names tried before it is given up.
const ATTEMPTS: usize = 16;

/// A name in a directory, which is removed when this is dropped.
pub(super) struct Scratch<D: AsFd = OwnedFd> {
    directory: D,
    name: OsString,
    is_wanted: bool,
}

impl Scratch {
    /// Makes a file with a name that is short, hidden and cannot be guessed.
    ///
    /// # Errors
    /// What open(2) answers.
    pub(super) fn create(directory: impl AsFd, mode: Mode) -> Result<(File, Self), Errno> {
        let directory = fcntl_dupfd_cloexec(&directory, 3)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let name = name();
            match openat(&directory, &name, flags | OFlags::NOFOLLOW, mode) {
                Ok(file) => return Ok((File::from(file), Self::of(directory, name))),
                // Somebody else's.
                Err(Errno::EXIST) if attempts < ATTEMPTS => {}
                Err(answer) => return Err(answer),
            }
        }
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
}

impl<D: AsFd> Scratch<D> {
    /// A file that was made there, by this process.
    pub(super) fn of(directory: D, name: OsString) -> Self {
        Self { directory, name, is_wanted: false }
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

/// A name that is short, hidden and cannot be guessed.
pub(super) fn name() -> OsString {
    let random = RandomState::new().hash_one(std::process::id());
    format!(".aio{random:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_until_dropped_and_stays_when_wanted() {
        let place = tempfile::tempdir().unwrap();
        let directory = File::open(place.path()).unwrap();
        let count = || std::fs::read_dir(place.path()).unwrap().count();
        let mode = Mode::from_raw_mode(0o600);
        let (_file, scratch) = Scratch::create(&directory, mode).unwrap();
        assert_eq!(count(), 1);
        drop(scratch);
        assert_eq!(count(), 0);
        let (_file, scratch) = Scratch::create(&directory, mode).unwrap();
        assert!(scratch.rename(&directory, "final").is_ok());
        assert!(place.path().join("final").exists() && count() == 1);
    }
}
