//! What was seen of a tree, and what has changed since an earlier look.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::file_system::Trust;
use super::pending::{Pending, State};
use super::tree::LISTED_MAX;

/// So many bytes of a file without a length are compared.
const CONTENTS_BYTES: u64 = 1 << 20;

/// The paths that were there, with what was seen of each.
#[derive(Debug, Default)]
pub(super) struct Snapshot(BTreeMap<PathBuf, Seen>);

/// A file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// `None` where numbers cannot be compared.
    id: Option<Id>,
    is_directory: bool,
    /// Permissions, owner and group.
    access: (u32, u32, u32),
    /// What changes with the contents: length and time.
    data: (u64, i64, i64),
    /// What changes with everything else: time and links.
    change: (i64, i64, u64),
    /// The hash of the contents, where nothing else tells of them.
    contents: Option<blake3::Hash>,
}

/// A file, whatever its name. Its number may become another one's, which is born later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Id {
    device: u64,
    number: u64,
    born: Option<SystemTime>,
}

impl Seen {
    pub(super) fn of(metadata: &Metadata, trust: Trust) -> Self {
        let is_directory = metadata.is_dir();
        let id = (trust == Trust::All).then(|| Id {
            device: metadata.dev(),
            number: metadata.ino(),
            born: metadata.created().ok(),
        });
        let access = (metadata.mode(), metadata.uid(), metadata.gid());
        let mut seen =
            Self { id, is_directory, access, data: (0, 0, 0), change: (0, 0, 0), contents: None };
        // What changes in a directory is told of its entries.
        if !is_directory && trust != Trust::NothingButTheMode {
            seen.data = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
            seen.change = (metadata.ctime(), metadata.ctime_nsec(), metadata.nlink());
        }
        seen
    }

    /// With the contents, where nothing else tells of them. What cannot be read has none.
    pub(super) fn with_contents(mut self, path: &Path, trust: Trust) -> Self {
        if trust == Trust::NothingButTheMode && !self.is_directory {
            self.contents = contents(path);
        }
        self
    }

    /// Whether it is the same file, perhaps under another name.
    fn is(&self, other: &Self) -> bool {
        let is_sure = self.id.is_some_and(|id| id.born.is_some());
        self.id.is_some()
            && self.id == other.id
            && self.is_directory == other.is_directory
            && (is_sure || self.is_directory || self.data == other.data)
    }

    /// Whether something else has this path by now.
    fn is_replaced(&self, now: &Self) -> bool {
        self.is_directory != now.is_directory || self.id != now.id
    }

    /// What has happened to it since.
    fn became(&self, now: &Self) -> Option<State> {
        if (self.data, self.contents) != (now.data, now.contents) {
            Some(State::Modified)
        } else if (self.access, self.change) != (now.access, now.change) {
            Some(State::Attributes)
        } else {
            None
        }
    }
}

impl Snapshot {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, path: PathBuf, seen: Seen) {
        self.0.insert(path, seen);
    }

    /// Takes over what an earlier look saw at this path and below it, if this one has not.
    pub(super) fn keep(&mut self, before: &Self, path: &Path) {
        let below = before.0.range(path.to_owned()..);
        for (path, seen) in below.take_while(|(below, _)| below.starts_with(path)) {
            self.0.entry(path.clone()).or_insert_with(|| seen.clone());
        }
    }

    /// Notes what has changed since an earlier look.
    pub(super) fn compare(&self, before: &Self, root: &Path, pending: &mut Pending) {
        let gone = before.0.iter().filter(|(path, _)| !self.0.contains_key(*path));
        let gone: Vec<_> = gone.collect();
        let is_new = |path: &PathBuf, seen: &Seen| {
            before.0.get(path).is_none_or(|earlier| earlier.is_replaced(seen))
        };
        let came = self.0.iter().filter(|(path, seen)| is_new(path, seen));
        let came: Vec<_> = came.collect();
        if gone.len() + came.len() > LISTED_MAX {
            return pending.record(root, State::Rescan);
        }
        let mut lost: HashMap<Id, (&PathBuf, &Seen)> = HashMap::new();
        lost.extend(gone.iter().filter_map(|(path, seen)| Some((seen.id?, (*path, *seen)))));
        // Directories come before what is in them.
        let mut renamed: HashMap<&Path, &Path> = HashMap::new();
        for (path, seen) in came {
            let from = seen.id.and_then(|id| lost.get(&id)).filter(|(_, earlier)| seen.is(earlier));
            let Some((from, earlier)) = from.copied() else {
                pending.record(path, State::Created);
                continue;
            };
            renamed.insert(path, from);
            let is_carried = path.file_name() == from.file_name()
                && path.parent().and_then(|parent| renamed.get(parent).copied()) == from.parent();
            if !is_carried {
                let origin = pending.leave(from);
                pending.follow(from, path);
                pending.record(path, State::Placed(origin));
            }
            // A rename changes the time of change, too.
            if earlier.became(seen) == Some(State::Modified) {
                pending.record(path, State::Modified);
            }
            if let Some(id) = seen.id {
                lost.remove(&id);
            }
        }
        let moved: HashSet<_> = renamed.values().copied().collect();
        for (path, _) in gone.iter().filter(|(path, _)| !moved.contains(path.as_path())) {
            pending.record(path, State::Removed);
        }
        for (path, seen) in &self.0 {
            if let Some(earlier) = before.0.get(path).filter(|earlier| !earlier.is_replaced(seen))
                && let Some(state) = earlier.became(seen)
            {
                pending.record(path, state);
            }
        }
    }
}

fn contents(path: &Path) -> Option<blake3::Hash> {
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblock).open(path).ok()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.take(CONTENTS_BYTES)).ok()?;
    Some(hasher.finalize())
}
