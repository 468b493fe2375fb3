//! Syncs that share a system call.

use std::sync::Arc;

use super::check;
use crate::file::{Begin, GroupSync, SyncRun};
use crate::models::task::{Count, block_on, poll_once};
use crate::sync::thread;

/// A file whose syncs are made by threads.
#[derive(Debug, Clone, Default)]
struct File {
    group: Arc<GroupSync>,
    begun: Count,
    ended: Count,
}

impl Begin for File {
    fn begin(self: Box<Self>, run: &Arc<SyncRun>) {
        self.begun.add();
        assert_eq!(self.begun.get(), self.ended.get() + 1, "one at a time");
        let run = Arc::clone(run);
        drop(thread::spawn(move || {
            self.ended.add();
            run.end(Ok(()));
            if let Some((next, begin)) = self.group.next() {
                begin.begin(&next);
            }
        }));
    }
}

impl File {
    fn join(&self) -> impl Future<Output = crate::error::Result<()>> + Unpin + use<> {
        self.group.join(true, None, || Ok(Box::new(self.clone()))).unwrap()
    }

    /// A sync covers what was written before: it is one that began after the call.
    fn sync(&self) {
        let before = self.begun.get();
        block_on(self.join()).unwrap();
        assert!(self.ended.get() > before, "the sync began after it was asked for");
    }
}

#[test]
fn group_sync_followers() {
    check("group_sync_followers", Some(3), || {
        let file = File::default();
        let other = file.clone();
        let other = thread::spawn(move || other.sync());
        file.sync();
        other.join().unwrap();
    });
}

#[test]
fn group_sync_dropped() {
    check("group_sync_dropped", Some(3), || {
        let file = File::default();
        let mut first = file.join();
        let other = file.clone();
        let other = thread::spawn(move || {
            let mut given_up = other.join();
            let _ = poll_once(&mut given_up);
        });
        let _ = poll_once(&mut first);
        drop(first);
        other.join().unwrap();
        // Nothing of those that went is in the way of the next one.
        file.sync();
    });
}
