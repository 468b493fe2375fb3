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

    /// Takes what is there, for whoever gives all of them their names or removes them.
    pub(super) fn take_all(&self) -> Self {
        Self(Mutex::new(std::mem::take(&mut *self.lock())))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, TempPath>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_took_them_gives_all_of_them_their_names() {
        let place = tempfile::tempdir().unwrap();
        let all = Temporaries::default();
        let made = ["a", "b"].map(|_| all.create(place.path(), place.path()).unwrap().0);
        let taken = all.take_all();
        // As when the future is dropped meanwhile.
        drop(all.take_all());
        for (path, name) in made.iter().zip(["a", "b"]) {
            taken.name(path, &place.path().join(name), false).unwrap();
            assert!(place.path().join(name).exists(), "{name}");
        }
    }
}
