//! A name in the file system that goes when it is dropped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::tempfile::TempPath;

use crate::runtime::drop_elsewhere;

/// A name that is removed on drop, where that does not hold up an executor.
#[derive(Debug)]
pub(super) struct Name {
    /// Empty once there is nothing to remove.
    entry: Option<Entry>,
    /// Whether removing it may take long.
    is_slow: bool,
}

/// A name that is removed on drop, by the thread that drops it.
#[derive(Debug)]
struct Entry {
    path: PathBuf,
    is_tree: bool,
}

impl Name {
    /// A file on a local file system.
    pub(super) fn of_file(path: PathBuf) -> Self {
        Self { entry: Some(Entry { path, is_tree: false }), is_slow: false }
    }

    /// A directory with all that it holds.
    pub(super) fn of_tree(path: PathBuf) -> Self {
        Self { entry: Some(Entry { path, is_tree: true }), is_slow: true }
    }

    /// Says whether removing it may take long.
    pub(super) fn slow(mut self, is_slow: bool) -> Self {
        self.is_slow = is_slow;
        self
    }

    /// Removes it now, unless that was done. May block.
    ///
    /// # Errors
    /// What the system answers; the drop tries again.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        if let Some(entry) = &self.entry {
            entry.remove()?;
            self.keep();
        }
        Ok(())
    }

    /// Leaves it where it is.
    pub(super) fn keep(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.path.clear();
        }
        self.entry = None;
    }

    /// Gives a file another name, and leaves it there. May block.
    ///
    /// # Errors
    /// What the system answers; the old name is still there.
    pub(super) fn rename(&mut self, from: &Path, to: &Path, replaces: bool) -> io::Result<()> {
        if replaces {
            fs::rename(from, to)?;
        } else {
            let renamed = TempPath::try_from_path(from)?.persist_noclobber(to);
            renamed.map_err(|refused| {
                let _ = refused.path.keep();
                refused.error
            })?;
        }
        self.keep();
        Ok(())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        match self.entry.take() {
            Some(entry) if self.is_slow => drop_elsewhere(entry),
            entry => drop(entry),
        }
    }
}

impl Entry {
    fn remove(&self) -> io::Result<()> {
        if self.is_tree { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Nobody is there to be told; what cannot be removed stays.
            let _ = self.remove();
        }
    }
}
