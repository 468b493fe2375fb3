//! Removing objects, many in one hop.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::directory::{remove_empty_parents, sync};
use crate::error::{Error, Result};
use crate::store::Store;

impl Store {
    /// Removes the files of these objects: one hop. Tells of each what came of it, in their order.
    pub(crate) async fn delete(&self, paths: Vec<PathBuf>) -> Result<Vec<Result<()>>> {
        let (is_durable, cleans_up) = (self.is_durable, self.cleans_up);
        let root = self.root.clone();
        for path in &paths {
            self.forget(path);
        }
        let remove = move || {
            let mut removed: Vec<_> = paths.iter().map(|path| remove(path)).collect();
            if is_durable {
                sync_all(&paths, &mut removed);
            }
            if cleans_up {
                let gone = paths.iter().zip(&removed).filter(|(_, removed)| removed.is_ok());
                gone.for_each(|(path, _)| remove_empty_parents(path, &root));
            }
            Ok(removed)
        };
        let context = self.context().await?;
        Ok(context.run("delete", remove).await.map_err(io::Error::from)?)
    }
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|answer| told(answer, "delete", path))
}

/// Has the directories reach the device, each once. Where that fails, nobody knows whether what was
/// in it is gone.
fn sync_all(paths: &[PathBuf], removed: &mut [Result<()>]) {
    let gone = paths.iter().zip(&*removed).filter(|(_, removed)| removed.is_ok());
    let directories: BTreeSet<_> = gone.filter_map(|(path, _)| path.parent()).collect();
    for directory in directories {
        let Err(answer) = sync(directory) else { continue };
        let errno = answer.raw_os_error();
        for (path, removed) in paths.iter().zip(&mut *removed) {
            if removed.is_ok() && path.parent() == Some(directory) {
                let again = errno.map_or(answer.kind().into(), io::Error::from_raw_os_error);
                *removed = Err(told(again, "fsync", directory));
            }
        }
    }
}

fn told(answer: io::Error, doing: &'static str, path: &Path) -> Error {
    Error::looking(caio::Error::system(answer).doing(doing).on(path), path)
}
