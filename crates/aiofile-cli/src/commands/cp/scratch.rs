//! The temporary file in which a copy grows.

use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aiofile::{AioFile, Context, OpenOptions};

use crate::blocking::blocking;
use crate::failure::Failure;

/// Names tried before it is given up.
const ATTEMPTS: usize = 16;

/// Bytes of the target's name that are kept, so that the longer name is still a valid one.
const NAME_BYTES: usize = 200;

/// The path of the temporary file, as long as there may be one.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    path: Mutex<Option<PathBuf>>,
}

impl Scratch {
    /// Makes the file beside `target`, readable for its owner alone. The path is noted before the
    /// file can exist.
    ///
    /// # Errors
    /// What open(2) answers.
    pub(super) async fn create(
        &self,
        context: &Context,
        target: &Path,
        direct: bool,
    ) -> Result<AioFile, Failure> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let options = options.mode(0o600).direct(direct).context(context);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let path = beside(target);
            *self.path() = Some(path.clone());
            match options.open_aio(&path).await {
                Ok(file) => return Ok(file),
                Err(error) => {
                    let taken = error.kind() == ErrorKind::AlreadyExists;
                    if taken {
                        // Somebody else's.
                        *self.path() = None;
                    }
                    if !taken || attempts == ATTEMPTS {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    /// Gives the file its final name.
    ///
    /// # Errors
    /// What rename(2) answers.
    pub(super) async fn rename(&self, target: PathBuf) -> Result<(), Failure> {
        let path = self.path().clone().expect("the file was created");
        let (from, to) = (path.clone(), target.clone());
        let renamed = blocking(move || fs::rename(from, to)).await;
        let undertaking = || format!("rename {} to {}", path.display(), target.display());
        renamed.map_err(|error| Failure::during(undertaking(), error))?;
        *self.path() = None;
        Ok(())
    }

    /// Removes the file, if it exists.
    pub(super) async fn remove(&self) {
        let path = self.path().take();
        if let Some(path) = path {
            // One that was never made is not there to remove.
            let _ = blocking(move || fs::remove_file(path)).await;
        }
    }

    fn path(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hidden name in the same directory, that cannot be guessed.
fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().as_bytes();
    let name = &name[..name.len().min(NAME_BYTES)];
    let random = RandomState::new().hash_one(std::process::id());
    let mut hidden = b".".to_vec();
    hidden.extend_from_slice(name);
    hidden.extend_from_slice(format!(".aiofile-{random:016x}").as_bytes());
    target.with_file_name(OsString::from_vec(hidden))
}
