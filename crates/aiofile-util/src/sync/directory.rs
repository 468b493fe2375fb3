//! A directory that is being worked on.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::attributes::Attributes;

/// A directory of the source and its counterpart.
#[derive(Debug)]
pub(super) struct Directory {
    /// From the two directories that are synchronised.
    pub(super) path: PathBuf,
    pub(super) parent: Option<Arc<Directory>>,
    pub(super) attributes: Attributes,
    /// Whether the counterpart is new, or would be.
    is_new: AtomicBool,
    /// Whether something was done in it or to it, so that it needs its own times again.
    is_touched: AtomicBool,
    /// How many tasks in it have not ended.
    left: AtomicUsize,
}

impl Directory {
    pub(super) fn new(
        path: PathBuf,
        parent: Option<Arc<Directory>>,
        attributes: Attributes,
        is_new: bool,
    ) -> Arc<Self> {
        let (is_touched, left) = (AtomicBool::new(is_new), AtomicUsize::new(0));
        Arc::new(Self { path, parent, attributes, is_new: is_new.into(), is_touched, left })
    }

    pub(super) fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    /// There was no counterpart, or something else in its place.
    pub(super) fn make_new(&self) {
        self.is_new.store(true, Ordering::Relaxed);
        self.touch();
    }

    pub(super) fn touch(&self) {
        self.is_touched.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_touched(&self) -> bool {
        self.is_touched.load(Ordering::Relaxed)
    }

    pub(super) fn expect(&self, tasks: usize) {
        self.left.store(tasks, Ordering::Relaxed);
    }

    /// One of its tasks has ended. Whether it was the last one.
    pub(super) fn end_one(&self) -> bool {
        self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}
