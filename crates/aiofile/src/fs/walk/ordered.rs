//! Rounds of a walk in order: the crate walkdir, some entries at a time.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use walkdir::WalkDir;

use super::Options;
use super::entry::{Item, WalkEntry, WalkError};
use super::parallel::{LOOK_EVERY, ROUND_TIME};

/// A walk that has come to some entry.
pub(super) struct Ordered {
    options: Arc<Options>,
    entries: walkdir::IntoIter,
    /// The root's file system, where the walk stays on it.
    device: Option<u64>,
}

impl Ordered {
    pub(super) fn new(options: &Arc<Options>) -> Self {
        let mut walk = WalkDir::new(&options.root)
            .max_depth(options.max_depth)
            .min_depth(options.min_depth)
            .follow_links(options.follow_links)
            .same_file_system(options.same_file_system)
            .contents_first(options.contents_first)
            .max_open(options.max_open);
        if options.sort {
            walk = walk.sort_by_file_name();
        }
        Self { options: Arc::clone(options), entries: walk.into_iter(), device: None }
    }

    /// The next entries, so many at most, and whether these were the last.
    pub(super) fn round(&mut self, entries: usize) -> (Vec<Item>, bool) {
        let begun = Instant::now();
        let mut items = Vec::with_capacity(entries);
        for looked in 1_usize.. {
            let Some(next) = self.entries.next() else { return (items, true) };
            items.extend(self.judge(next));
            let is_time = looked.is_multiple_of(LOOK_EVERY) && begun.elapsed() >= ROUND_TIME;
            if items.len() == entries || is_time {
                break;
            }
        }
        (items, false)
    }

    /// The item that an entry of walkdir becomes, if it is wanted.
    fn judge(&mut self, next: walkdir::Result<walkdir::DirEntry>) -> Option<Item> {
        let entry = match next {
            Ok(entry) => WalkEntry::from(entry),
            Err(error) => {
                let error = WalkError::from_walkdir(error, &self.options.root);
                return self.options.failure(error);
            }
        };
        if !self.options.admits(&entry) {
            if entry.file_type().is_dir() && self.was_entered(&entry) {
                self.entries.skip_current_dir();
            }
            return None;
        }
        if entry.depth() < self.options.min_depth { None } else { self.options.item(entry) }
    }

    /// Whether walkdir has opened this directory, so that it can be left: not where it is on
    /// another file system.
    fn was_entered(&mut self, entry: &WalkEntry) -> bool {
        if !self.options.same_file_system || entry.depth() == 0 {
            return true;
        }
        let device = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.dev());
        let root = *self.device.get_or_insert_with(|| device(&self.options.root).unwrap_or(0));
        device(entry.path()) == Some(root)
    }
}
