//! Temporary files, which get their names when all of them are complete, or go.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use caio::Result;
use tempfile::{Builder, TempPath};

use crate::steps::Doing;

/// How the names begin.
const PREFIX: &str = ".aiofile-split-";

/// The permissions of a new file, of which the umask takes some.
const MODE: u32 = 0o666;

/// The temporary files that there are. Those that have no name of their own when it is dropped are
/// removed.
#[derive(Debug, Default)]
pub(super) struct Temporaries(Mutex<HashMap<PathBuf, TempPath>>);

impl Temporaries {
    /// Makes a file in this directory. Errors name it as it is shown.
    pub(super) fn create(&self, directory: &Path, shown: &Path) -> Result<(PathBuf, File)> {
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(MODE);
        let made = Builder::new().prefix(PREFIX).make_in(directory, |path| options.open(path));
        let (file, path) = made.doing("create", shown)?.into_parts();
        let key = path.to_path_buf();
        self.lock().insert(key.clone(), path);
        Ok((key, file))
    }

    /// Gives the file its name, in place of what has that name if it may.
    pub(super) fn name(&self, path: &Path, target: &Path, overwrite: bool) -> Result<()> {
        let Some(temporary) = self.lock().remove(path) else { return Ok(()) };
        let named = match overwrite {
            true => temporary.persist(target),
            false => temporary.persist_noclobber(target),
        };
        named.map_err(|refused| refused.error).doing("create", target)
    }

    /// Removes what is there. Blocks.
    pub(super) fn remove_all(&self) {
        let left = std::mem::take(&mut *self.lock());
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, TempPath>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
