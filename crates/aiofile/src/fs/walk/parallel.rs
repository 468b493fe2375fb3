//! Rounds of a walk by several threads: each takes directories that were found and not read.

use std::fs::{DirEntry, Metadata, ReadDir, metadata, read_dir, symlink_metadata};
use std::io;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::Options;
use super::entry::{Item, WalkEntry, WalkError};

/// A round ends after this time, so that a large directory or a slow disk holds no thread for long.
pub(super) const ROUND_TIME: Duration = Duration::from_millis(5);

/// After so many entries a round looks at the clock.
pub(super) const LOOK_EVERY: usize = 32;

/// With more directories than this found and not read, these are read before the one where they
/// were found is read on.
const FOUND_MAX: usize = 16 * 1024;

/// So many directories that were read in part a round leaves behind.
const OPEN_MAX: usize = 2;

/// What the threads of a walk share.
pub(super) struct Shared {
    options: Arc<Options>,
    /// The root's file system, where the walk stays on it.
    device: OnceLock<u64>,
}

/// What is to be read. Each round has a part of it, so that a directory is read by others only when
/// the round that found it has brought its entry.
#[derive(Default)]
pub(super) struct Work {
    root: bool,
    found: Vec<Found>,
    open: Vec<Open>,
}

/// A directory that was found and not read.
struct Found {
    path: PathBuf,
    depth: usize,
    parent: Option<Arc<Ancestor>>,
}

/// A directory that was read in part.
struct Open {
    reader: ReadDir,
    path: PathBuf,
    depth: usize,
    this: Option<Arc<Ancestor>>,
}

/// A directory that the walk is in, where it follows links and must see loops.
struct Ancestor {
    id: (u64, u64),
    path: PathBuf,
    parent: Option<Arc<Ancestor>>,
}

/// What an entry comes to.
#[derive(Default)]
struct Judged {
    item: Option<Item>,
    found: Option<Found>,
}

impl Work {
    /// The root is to be looked at.
    pub(super) fn new() -> Self {
        Self { root: true, ..Self::default() }
    }

    /// A part for one of so many rounds, if there is any left.
    pub(super) fn part(&mut self, rounds: usize) -> Option<Self> {
        if !self.root && self.found.is_empty() && self.open.is_empty() {
            return None;
        }
        let left = |length: usize| length - length.div_ceil(rounds.max(1));
        let found = self.found.split_off(left(self.found.len()));
        let open = self.open.split_off(left(self.open.len()));
        Some(Self { root: std::mem::take(&mut self.root), found, open })
    }

    /// Takes back what a round has left.
    pub(super) fn extend(&mut self, rest: Self) {
        self.found.extend(rest.found);
        self.open.extend(rest.open);
    }
}

impl Shared {
    pub(super) fn new(options: &Arc<Options>) -> Self {
        Self { options: Arc::clone(options), device: OnceLock::new() }
    }

    /// Reads directories until so many entries were met or none is left of this part.
    pub(super) fn round(&self, work: &mut Work, entries: usize) -> Vec<Item> {
        let begun = Instant::now();
        let mut items = Vec::with_capacity(entries);
        if std::mem::take(&mut work.root) {
            self.begin(work, &mut items);
        }
        while items.len() < entries && begun.elapsed() < ROUND_TIME {
            let Some(open) = self.next_directory(work, &mut items) else { break };
            self.read_on(open, work, begun, entries, &mut items);
        }
        items
    }

    /// Looks at the root.
    fn begin(&self, work: &mut Work, items: &mut Vec<Item>) {
        let root = self.options.root.clone();
        let failed = |error| WalkError::new("walk", root.clone(), 0, error);
        let looked = symlink_metadata(&root).and_then(|this| {
            let target = if this.is_symlink() { Some(metadata(&root)?) } else { None };
            Ok((this, target))
        });
        let (this, target) = match looked {
            Ok(looked) => looked,
            Err(error) => return items.extend(self.options.failure(failed(error))),
        };
        let reached = target.as_ref().unwrap_or(&this);
        self.device.get_or_init(|| reached.dev());
        let entry = WalkEntry::new(root.clone(), this.file_type(), 0, this.ino());
        let entry = match &target {
            Some(target) if self.options.follow_links => entry.followed(target),
            _ => entry,
        };
        let judged = self.give(entry, reached.is_dir(), None);
        items.extend(judged.item);
        work.found.extend(judged.found);
    }

    /// The directory to read next. One that cannot be opened is an item.
    fn next_directory(&self, work: &mut Work, items: &mut Vec<Item>) -> Option<Open> {
        loop {
            let reads_on = work.found.len() < FOUND_MAX || work.open.len() >= OPEN_MAX;
            if let Some(open) = work.open.pop_if(|_| reads_on) {
                return Some(open);
            }
            let found = work.found.pop()?;
            let depth = found.depth;
            match self.open(&found) {
                Ok((reader, this)) => {
                    return Some(Open { reader, path: found.path, depth, this });
                }
                Err(error) => items.push(Err(WalkError::new("walk", found.path, depth, error))),
            }
        }
    }

    fn open(&self, found: &Found) -> io::Result<(ReadDir, Option<Arc<Ancestor>>)> {
        let reader = read_dir(&found.path)?;
        let this = match self.options.follow_links {
            true => Some(Arc::new(Ancestor {
                id: id(&metadata(&found.path)?),
                path: found.path.clone(),
                parent: found.parent.clone(),
            })),
            false => None,
        };
        Ok((reader, this))
    }

    /// Reads a directory to its end, or until the round is over: then it stays open.
    fn read_on(
        &self,
        mut open: Open,
        work: &mut Work,
        begun: Instant,
        entries: usize,
        items: &mut Vec<Item>,
    ) {
        let before = work.found.len();
        let mut is_over = true;
        let mut looked = 0_usize;
        while let Some(entry) = open.reader.next() {
            match entry {
                Ok(entry) => {
                    let judged = self.judge(&entry, &open);
                    items.extend(judged.item);
                    work.found.extend(judged.found);
                }
                Err(error) => {
                    items.push(Err(WalkError::new("walk", open.path.clone(), open.depth, error)));
                }
            }
            looked += 1;
            let is_time = looked.is_multiple_of(LOOK_EVERY) && begun.elapsed() >= ROUND_TIME;
            if items.len() >= entries || is_time {
                is_over = false;
                break;
            }
        }
        // The one that was found first is read first.
        work.found[before..].reverse();
        if !is_over {
            work.open.push(open);
        }
    }

    fn judge(&self, entry: &DirEntry, within: &Open) -> Judged {
        let (path, depth) = (entry.path(), within.depth + 1);
        let file_type = match entry.file_type() {
            Ok(file_type) => file_type,
            Err(error) => return Judged::failed(WalkError::new("walk", path, depth, error)),
        };
        let mut met = WalkEntry::new(path, file_type, depth, entry.ino());
        if self.options.follow_links && file_type.is_symlink() {
            let target = match metadata(met.path()) {
                Ok(target) => target,
                Err(error) => {
                    return Judged::failed(WalkError::new("walk", met.into_path(), depth, error));
                }
            };
            if target.is_dir()
                && let Some(ancestor) = self::ancestor(within.this.as_ref(), id(&target))
            {
                let ancestor = ancestor.to_owned();
                return Judged::failed(WalkError::looped(met.into_path(), depth, ancestor));
            }
            met = met.followed(&target);
        }
        let is_dir = met.file_type().is_dir();
        self.give(met, is_dir, within.this.clone())
    }

    /// What a filter and the depths make of an entry.
    fn give(&self, entry: WalkEntry, is_dir: bool, parent: Option<Arc<Ancestor>>) -> Judged {
        let options = &*self.options;
        let (depth, is_deep_enough) = (entry.depth(), entry.depth() >= options.min_depth);
        if is_deep_enough && !options.admits(&entry) {
            return Judged::default();
        }
        let mut judged = Judged::default();
        if is_dir && depth < options.max_depth {
            match self.is_to_be_entered(&entry) {
                Ok(true) => {
                    judged.found = Some(Found { path: entry.path().to_owned(), depth, parent });
                }
                Ok(false) => {}
                Err(error) => {
                    let path = entry.into_path();
                    return Judged::failed(WalkError::new("walk", path, depth, error));
                }
            }
        }
        if is_deep_enough && depth <= options.max_depth {
            judged.item = options.item(entry);
        }
        judged
    }

    fn is_to_be_entered(&self, entry: &WalkEntry) -> io::Result<bool> {
        if !self.options.same_file_system || entry.depth() == 0 {
            return Ok(true);
        }
        let device = metadata(entry.path())?.dev();
        Ok(self.device.get() == Some(&device))
    }
}

impl Judged {
    fn failed(error: WalkError) -> Self {
        Self { item: Some(Err(error)), found: None }
    }
}

fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The path of the ancestor that has this identity.
fn ancestor(mut within: Option<&Arc<Ancestor>>, id: (u64, u64)) -> Option<&Path> {
    while let Some(ancestor) = within {
        if ancestor.id == id {
            return Some(&ancestor.path);
        }
        within = ancestor.parent.as_ref();
    }
    None
}
