//! A value that one thread hands to a future.

use super::check;
use crate::models::task::block_on;
use crate::sync::{Handoff, thread};

#[test]
fn handoff() {
    check("handoff", None, || {
        let handoff = Handoff::default();
        let giver = handoff.clone();
        let giver = thread::spawn(move || giver.give(7));
        assert_eq!(block_on(handoff), 7);
        giver.join().unwrap();
    });
}
