//! The directories of a tree that are open at the moment: a bounded number, however deep it is.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

/// So many directories stay open while nobody works in them; others are opened again.
const OPEN_MAX: usize = 8;

/// A directory that is open on both sides.
pub(super) struct Open {
    pub(super) source: File,
    pub(super) target: File,
}

/// Keeps those open that were used last.
#[derive(Default)]
pub(super) struct LastUsed(Mutex<VecDeque<Arc<Open>>>);

impl LastUsed {
    /// This one was used just now. The one that was not used for the longest time is let go.
    pub(super) fn put(&self, open: &Arc<Open>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| !Arc::ptr_eq(other, open));
        all.push_back(Arc::clone(open));
        let oldest = if all.len() > OPEN_MAX { all.pop_front() } else { None };
        // Nobody waits for it to be closed.
        drop(all);
        drop(oldest);
    }

    /// This one is not needed any more.
    pub(super) fn forget(&self, open: &Arc<Open>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| !Arc::ptr_eq(other, open));
    }
}
