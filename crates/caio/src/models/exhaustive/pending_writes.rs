//! What waits for the writes before it.

use std::sync::Arc;

use super::check;
use crate::file::{Deferred, PendingWrites};
use crate::models::task::Count;
use crate::sync::thread;

/// Runs once so many writes have ended.
#[derive(Debug)]
struct After {
    writes: usize,
    ended: Count,
    ran: Count,
}

impl Deferred for After {
    fn is_cancelled(&self) -> bool {
        false
    }

    fn run(self: Box<Self>) {
        assert!(self.ended.get() >= self.writes, "the writes before it have ended");
        self.ran.add();
    }
}

fn end(writes: &PendingWrites, number: u64, ended: &Count) {
    ended.add();
    writes.finish(number).into_iter().for_each(Deferred::run);
}

#[test]
fn pending_writes() {
    check("pending_writes", None, || {
        let writes = Arc::new(PendingWrites::default());
        let (ended, ran) = (Count::default(), Count::default());
        let before = [writes.start(), writes.start()];
        let threads = before.map(|number| {
            let (writes, ended) = (Arc::clone(&writes), ended.clone());
            thread::spawn(move || end(&writes, number, &ended))
        });
        let after = After { writes: 2, ended: ended.clone(), ran: ran.clone() };
        if let Some(now) = writes.barrier(Box::new(after)) {
            now.run();
        }
        // A later write holds nothing up.
        let _later = writes.start();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(ran.get(), 1);
    });
}
