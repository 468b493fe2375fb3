//! Counting what is done of a tree, for whoever wants to be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::super::meter::Callback;
use super::super::outcome::{CopyPhase, CopyProgress};
use super::Tree;

/// How far the copy of a directory is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CopyDirProgress {
    /// Files that are done, those that could not be copied among them.
    pub files: u64,
    /// Bytes that are copied, of files that are being copied, too.
    pub bytes: u64,
    /// Files that were found so far.
    pub found: u64,
    /// Whether these are all there are.
    pub is_all_found: bool,
}

/// What is told how far the copy of a directory is.
pub(in super::super) type DirCallback = dyn Fn(CopyDirProgress) + Send + Sync;

/// How far the tree is.
pub(super) struct Progress {
    callback: Arc<DirCallback>,
    files: AtomicU64,
    bytes: AtomicU64,
    found: AtomicU64,
    /// Directories that were found and are not listed to their end.
    unlisted: AtomicUsize,
}

/// One file of it.
pub(super) struct Part {
    progress: Arc<Progress>,
    /// So many of its bytes are counted.
    counted: AtomicU64,
}

impl Progress {
    pub(super) fn new(callback: Arc<DirCallback>) -> Self {
        let [files, bytes, found] = [0; 3].map(AtomicU64::new);
        Self { callback, files, bytes, found, unlisted: AtomicUsize::new(1) }
    }

    pub(super) fn part(self: &Arc<Self>) -> Arc<Part> {
        Arc::new(Part { progress: Arc::clone(self), counted: AtomicU64::new(0) })
    }

    fn tell(&self) {
        (self.callback)(CopyDirProgress {
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            is_all_found: self.unlisted.load(Ordering::Acquire) == 0,
            found: self.found.load(Ordering::Relaxed),
        });
    }
}

impl Part {
    /// What is told how far the file is, and tells the one that waits for that, too.
    pub(super) fn callback(self: &Arc<Self>, own: Option<Arc<Callback>>) -> Arc<Callback> {
        let part = Arc::clone(self);
        Arc::new(move |now: CopyProgress<'_>| {
            if now.phase == CopyPhase::Copying {
                part.count(now.bytes);
                part.progress.tell();
            }
            own.iter().for_each(|own| own(now));
        })
    }

    /// It is done, and so long. Blocks that are shared, and holes, are counted by now.
    pub(super) fn end(&self, len: u64) {
        self.count(len);
        self.progress.files.fetch_add(1, Ordering::Relaxed);
        self.progress.tell();
    }

    /// Counts it as far as this.
    fn count(&self, bytes: u64) {
        let before = self.counted.fetch_max(bytes, Ordering::Relaxed);
        self.progress.bytes.fetch_add(bytes.saturating_sub(before), Ordering::Relaxed);
    }
}

impl Tree {
    /// So many files and directories were found.
    pub(super) fn found(&self, files: usize, directories: usize) {
        if let Some(progress) = &self.progress {
            progress.found.fetch_add(files as u64, Ordering::Relaxed);
            progress.unlisted.fetch_add(directories, Ordering::Relaxed);
        }
    }

    /// A directory is listed to its end, or as far as that can be done.
    pub(super) fn listed(&self) {
        if let Some(progress) = &self.progress {
            progress.unlisted.fetch_sub(1, Ordering::Release);
            progress.tell();
        }
    }
}
