//! Files that stay open between two reads, so that the next one need not open them again.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aiofile::{AioFile, Context};

/// The files that were read last, by their paths, up to a bound.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    bound: usize,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    entries: HashMap<PathBuf, Entry>,
    /// Counts the uses.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    file: AioFile,
    stamp: Stamp,
    used: u64,
}

/// Which file it is, and in which state: of one that was replaced or changed it is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl OpenFiles {
    /// For so many files at most.
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, files: Mutex::default() }
    }

    /// Whether there may be one of this path. It is not examined.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.bound > 0 && self.lock().entries.contains_key(path)
    }

    /// The file of this path in a context, if it is the one that the system has just said is there.
    pub(crate) fn get(
        &self,
        path: &Path,
        context: &Context,
        metadata: &Metadata,
    ) -> Option<AioFile> {
        let mut files = self.lock();
        files.clock += 1;
        let now = files.clock;
        let entry = files.entries.get_mut(path)?;
        if entry.stamp != Stamp::of(metadata) || !entry.file.context().is_same(context) {
            let stale = files.entries.remove(path);
            drop(files);
            drop(stale);
            return None;
        }
        entry.used = now;
        Some(entry.file.clone())
    }

    /// Keeps a file open, and closes the one that was not used for longest.
    pub(crate) fn insert(&self, path: &Path, file: AioFile, metadata: &Metadata) {
        if self.bound == 0 {
            return;
        }
        let mut files = self.lock();
        files.clock += 1;
        let entry = Entry { file, stamp: Stamp::of(metadata), used: files.clock };
        let mut closed = files.entries.insert(path.to_owned(), entry);
        if files.entries.len() > self.bound {
            let oldest = files.entries.iter().min_by_key(|(_, entry)| entry.used);
            let oldest = oldest.map(|(path, _)| path.clone());
            closed = oldest.and_then(|path| files.entries.remove(&path));
        }
        // What closes a file happens without the lock.
        drop(files);
        drop(closed);
    }

    /// Closes the file of a path where something else is to be.
    pub(crate) fn remove(&self, path: &Path) {
        let closed = self.lock().entries.remove(path);
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    async fn opened(files: &OpenFiles, path: &Path) -> (AioFile, Metadata) {
        let file = AioFile::open(path, "r").await.unwrap();
        let metadata = fs::metadata(path).unwrap();
        files.insert(path, file.clone(), &metadata);
        (file, metadata)
    }

    fn get(files: &OpenFiles, path: &Path, metadata: &Metadata) -> Option<AioFile> {
        files.get(path, &aiofile::default_context().unwrap(), metadata)
    }

    #[tokio::test]
    async fn the_file_that_was_not_used_for_longest_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["a", "b", "c"].map(|name| directory.path().join(name));
        let files = OpenFiles::new(2);
        let mut found = Vec::new();
        for path in &paths {
            fs::write(path, "text").unwrap();
            found.push(opened(&files, path).await.1);
            // The first one is used again each time.
            assert!(get(&files, &paths[0], &found[0]).is_some());
        }
        let kept = paths.each_ref().map(|path| files.has(path));
        assert_eq!(kept, [true, false, true]);
    }

    #[tokio::test]
    async fn a_file_that_was_replaced_or_changed_is_not_given() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("object");
        let files = OpenFiles::new(2);
        fs::write(&path, "old").unwrap();
        let (_, before) = opened(&files, &path).await;
        fs::write(directory.path().join("new"), "new").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        assert!(get(&files, &path, &fs::metadata(&path).unwrap()).is_none(), "another inode");
        assert!(get(&files, &path, &before).is_none(), "it was closed then");

        opened(&files, &path).await;
        fs::OpenOptions::new().append(true).open(&path).unwrap().set_len(9).unwrap();
        assert!(get(&files, &path, &fs::metadata(&path).unwrap()).is_none(), "another length");

        let (_, metadata) = opened(&files, &path).await;
        let other = aiofile::context().build().unwrap();
        assert!(files.get(&path, &other, &metadata).is_none(), "another context");
    }

    #[tokio::test]
    async fn a_bound_of_zero_keeps_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("object");
        fs::write(&path, "text").unwrap();
        let files = OpenFiles::new(0);
        let (_, metadata) = opened(&files, &path).await;
        assert!(!files.has(&path) && get(&files, &path, &metadata).is_none());
    }
}
