//! The end of accepting, and the wait for what was accepted.

use std::sync::Arc;
use std::time::Duration;

use super::check;
use crate::models::task::Count;
use crate::pending_count::PendingCount;
use crate::sync::{now, thread};

fn model(requests: usize) {
    let (pending, inside) = (Arc::new(PendingCount::default()), Count::default());
    let requests: Vec<_> = (0..requests)
        .map(|_| {
            let (pending, inside) = (Arc::clone(&pending), inside.clone());
            thread::spawn(move || {
                let accepted = pending.enter().is_ok();
                if accepted {
                    inside.add();
                    pending.leave();
                }
                accepted
            })
        })
        .collect();
    pending.close();
    assert_eq!(pending.wait(now() + Duration::from_secs(1)), 0);
    let ended = inside.get();
    let accepted = requests.into_iter().map(|one| one.join().unwrap());
    assert_eq!(accepted.filter(|accepted| *accepted).count(), ended, "none is let in later");
}

#[test]
fn pending_count_one() {
    check("pending_count_one", None, || model(1));
}

#[test]
fn pending_count_two() {
    check("pending_count_two", None, || model(2));
}
