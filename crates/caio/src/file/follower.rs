//! Who holds on to an open file beside its shares, and has to let go with the last of them.
//!
//! The table of files that a ring may have keeps each file open in the kernel. Were it kept there
//! after its descriptor is closed, its lock would stay locked, and a program just written could
//! not be executed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use crate::sync::lock;

/// The number of an open file, which no other file has, before or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId(u64);

/// Holds on to files.
pub(crate) trait Follower: Send + Sync {
    /// Lets go of this file: its last share is gone. Must not wait.
    fn let_go(&self, file: FileId);
}

/// The followers of one file.
pub(super) struct Followers {
    id: FileId,
    list: Mutex<Vec<Weak<dyn Follower>>>,
}

impl Followers {
    pub(super) fn id(&self) -> FileId {
        self.id
    }

    pub(super) fn add(&self, follower: Weak<dyn Follower>) {
        let mut list = lock(&self.list);
        // A file may see many of them come and go.
        list.retain(|follower| follower.strong_count() > 0);
        list.push(follower);
    }

    /// Has all of them let go.
    pub(super) fn let_go(&mut self) {
        let list = self.list.get_mut().unwrap_or_else(PoisonError::into_inner);
        for follower in list.drain(..).filter_map(|follower| follower.upgrade()) {
            follower.let_go(self.id);
        }
    }
}

impl Default for Followers {
    fn default() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { id: FileId(LAST.fetch_add(1, Ordering::Relaxed)), list: Mutex::default() }
    }
}

impl fmt::Debug for Followers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Followers of {:?}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::file_with;

    #[derive(Default)]
    struct Log(Mutex<Vec<FileId>>);

    impl Follower for Log {
        fn let_go(&self, file: FileId) {
            lock(&self.0).push(file);
        }
    }

    #[test]
    fn a_follower_is_told_once_with_the_last_share() {
        let log = Arc::new(Log::default());
        let (file, other) = (file_with(b""), file_with(b""));
        let (id, other_id) = (file.id(), other.id());
        assert_ne!(id, other_id);
        let follower: Arc<dyn Follower> = Arc::<Log>::clone(&log);
        file.add_follower(Arc::downgrade(&follower));
        let share = file.clone();
        drop(file);
        assert_eq!(*lock(&log.0), []);
        drop((share, other));
        assert_eq!(*lock(&log.0), [id]);
    }
}
