//! The names on a simulated disk, and which of them outlive a loss of power.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::random::Random;

/// Names of files, in directories that need not be made, with their durable past. As on a file
/// system with a journal, changes of names become durable in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    present: BTreeMap<PathBuf, u64>,
    durable: BTreeMap<PathBuf, u64>,
    /// What changed since, in order.
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Link(PathBuf, u64),
    Unlink(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
}

impl Names {
    /// These names, all of them durable.
    pub(super) fn new(names: BTreeMap<PathBuf, u64>) -> Self {
        Self { durable: names.clone(), present: names, unsynced: Vec::new() }
    }

    pub(super) fn get(&self, path: &Path) -> Option<u64> {
        self.present.get(path).copied()
    }

    pub(super) fn link(&mut self, path: &Path, inode: u64) {
        self.change(Change::Link(path.to_owned(), inode));
    }

    pub(super) fn unlink(&mut self, path: &Path) {
        self.change(Change::Unlink(path.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        self.change(Change::Rename { from: from.to_owned(), to: to.to_owned() });
    }

    /// All of them, sorted.
    pub(super) fn all(&self) -> impl Iterator<Item = &Path> {
        self.present.keys().map(PathBuf::as_path)
    }

    /// The files and directories in a directory, sorted.
    pub(super) fn entries(&self, directory: &Path) -> BTreeSet<PathBuf> {
        let is_in = |path: &&Path| path.file_name().is_some() && directory_of(path) == directory;
        let entry = |path: &PathBuf| path.ancestors().find(is_in).map(Path::to_owned);
        self.present.keys().filter_map(entry).collect()
    }

    /// Whether there is something below it.
    pub(super) fn is_directory(&self, path: &Path) -> bool {
        !self.entries(path).is_empty()
    }

    /// Makes durable what has changed in the directory, and so all that was changed before.
    pub(super) fn sync(&mut self, directory: &Path) {
        let last = self.unsynced.iter().rposition(|change| change.is_in(directory));
        let count = last.map_or(0, |last| last + 1);
        for change in self.unsynced.drain(..count) {
            change.apply(&mut self.durable);
        }
    }

    /// Makes all of them durable.
    pub(super) fn sync_all(&mut self) {
        *self = Self::new(std::mem::take(&mut self.present));
    }

    /// The names as they may be found after the power went: of the changes since they were synced,
    /// the first ones.
    pub(super) fn after_power_loss(&self, random: &mut Random) -> BTreeMap<PathBuf, u64> {
        let mut names = self.durable.clone();
        let survive = random.below(self.unsynced.len() + 1);
        self.unsynced[..survive].iter().for_each(|change| change.apply(&mut names));
        names
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.present);
        self.unsynced.push(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Self::Link(path, inode) => _ = names.insert(path.clone(), *inode),
            Self::Unlink(path) => _ = names.remove(path),
            Self::Rename { from, to } => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }

    fn is_in(&self, directory: &Path) -> bool {
        match self {
            Self::Link(path, _) | Self::Unlink(path) => directory_of(path) == directory,
            Self::Rename { from, to } => {
                directory_of(from) == directory || directory_of(to) == directory
            }
        }
    }
}

/// The directory of a name without one is `.`.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
