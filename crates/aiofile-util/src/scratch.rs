//! Temporary files, which get their names when they are complete, or go.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use caio::Result;

use crate::steps::Doing;

/// How the names begin.
const PREFIX: &str = ".aiofile-";

/// How many hexadecimal digits follow.
const DIGITS: usize = 16;

/// Names tried before it is given up.
const ATTEMPTS: usize = 16;

/// The temporary files that there are. Those that have no name of their own when it is dropped are
/// removed, by another thread than an executor's.
#[derive(Debug)]
pub(crate) struct Scratch {
    prefix: &'static str,
    paths: Mutex<HashSet<PathBuf>>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::with_prefix(PREFIX)
    }
}

impl Scratch {
    /// Names that begin so, for who has to know them again.
    pub(crate) fn with_prefix(prefix: &'static str) -> Self {
        Self { prefix, paths: Mutex::default() }
    }

    /// Makes a file for `target` in its directory, with these permissions less the umask. Its path
    /// is noted before it can exist. Errors name the target.
    pub(crate) fn create(&self, target: &Path, mode: u32) -> Result<(PathBuf, File)> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let path = self.note(target);
            let mut options = File::options();
            match options.read(true).write(true).create_new(true).mode(mode).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && attempts < ATTEMPTS => {
                    self.forget(&path);
                }
                Err(error) => {
                    self.forget(&path);
                    return Err(error).doing("create", target);
                }
            }
        }
    }

    /// A fresh path beside `target`, noted as that of a temporary file.
    pub(crate) fn note(&self, target: &Path) -> PathBuf {
        let random = RandomState::new().hash_one(target);
        let name = format!("{}{random:0digits$x}", self.prefix, digits = DIGITS);
        let path = target.with_file_name(name);
        self.paths().insert(path.clone());
        path
    }

    /// Gives the file its name, in place of what has that name.
    pub(crate) fn replace(&self, path: &Path, target: &Path) -> Result<()> {
        fs::rename(path, target).doing("rename", target)?;
        self.forget(path);
        Ok(())
    }

    /// Gives the file its name, if nothing has it yet.
    pub(crate) fn name(&self, path: &Path, target: &Path) -> Result<()> {
        // A link, unlike a rename, replaces nothing, on whatever file system it works.
        match fs::hard_link(path, target) {
            Ok(()) => {
                if fs::remove_file(path).is_ok() {
                    self.forget(path);
                }
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(error).doing("create", target)
            }
            Err(_) if fs::symlink_metadata(target).is_err() => self.replace(path, target),
            Err(error) => Err(error).doing("create", target),
        }
    }

    /// Removes what is there. Blocks.
    pub(crate) fn remove_all(&self) {
        remove_all(&mem::take(&mut *self.paths()));
    }

    fn forget(&self, path: &Path) {
        self.paths().remove(path);
    }

    fn paths(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let paths = mem::take(&mut *self.paths());
        if !paths.is_empty() {
            in_background(move || remove_all(&paths));
        }
    }
}

/// Whether a scratch with this prefix gives such names.
pub(crate) fn is_scratch_name(name: &OsStr, prefix: &str) -> bool {
    let digits = name.as_bytes().strip_prefix(prefix.as_bytes());
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}

fn remove_all(paths: &HashSet<PathBuf>) {
    for path in paths {
        // One that was never made is not there to remove.
        let _ = fs::remove_file(path);
    }
}

/// Cleans up where the future that holds it is dropped before its end, even if a job is still
/// under way then, which may wait for a pipe.
pub(crate) struct Guard<F: Fn() + Send + Sync + 'static>(Option<F>);

impl<F: Fn() + Send + Sync + 'static> Guard<F> {
    pub(crate) fn new(clean: F) -> Self {
        Self(Some(clean))
    }

    /// There is nothing to clean up any more.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: Fn() + Send + Sync + 'static> Drop for Guard<F> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(in_background);
    }
}

/// Cleans up on a thread of its own, since a future may be dropped on an executor's. Where there is
/// no thread to be had, that one has to do it.
pub(crate) fn in_background(clean: impl Fn() + Send + Sync + 'static) {
    let clean = Arc::new(clean);
    let on_thread = Arc::clone(&clean);
    let builder = thread::Builder::new().name("aiofile-cleanup".to_owned());
    if builder.spawn(move || on_thread()).is_err() {
        clean();
    }
}
