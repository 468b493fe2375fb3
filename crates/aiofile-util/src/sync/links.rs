//! Files of the source with several names: which name is copied, and which ones become links to it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::Stat;

/// A file, whatever its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(u64, u64);

impl Id {
    pub(super) fn of(found: &Stat) -> Self {
        Self(found.st_dev, found.st_ino)
    }
}

/// What is known of the files that have several names.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The name of each file of the source that was met first.
    first: Mutex<HashMap<Id, PathBuf>>,
    /// Files of the target that stand for one of the source.
    claimed: Mutex<HashMap<Id, Id>>,
    /// Files of the source of which a new copy is made, or would be.
    replaced: Mutex<HashSet<Id>>,
}

impl Links {
    /// The name of the file that was met before; `None` where this is the first.
    pub(super) fn first(&self, file: Id, path: &Path) -> Option<PathBuf> {
        let mut first = lock(&self.first);
        if let Some(first) = first.get(&file) {
            return Some(first.clone());
        }
        first.insert(file, path.to_owned());
        None
    }

    /// Whether this file of the target may stand for that one of the source: not where it stands
    /// for another one already, of which it has a name, too.
    pub(super) fn claim(&self, target: Id, source: Id) -> bool {
        *lock(&self.claimed).entry(target).or_insert(source) == source
    }

    pub(super) fn replace(&self, source: Id) {
        lock(&self.replaced).insert(source);
    }

    pub(super) fn is_replaced(&self, source: Id) -> bool {
        lock(&self.replaced).contains(&source)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
