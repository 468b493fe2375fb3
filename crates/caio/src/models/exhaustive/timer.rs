//! Pauses: the thread that wakes what is due, and that ends when nothing is.

use std::time::Duration;

use super::check;
use crate::models::system::advance;
use crate::models::task::{block_on, new_timer, poll_once, until};
use crate::sync::{now, thread};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn timer_wakes_all() {
    check("timer_wakes_all", Some(2), || {
        new_timer();
        let begun = now();
        let other = thread::spawn(move || block_on(until(begun + 2 * SECOND)));
        let clock = thread::spawn(|| (0..2).for_each(|_| advance(SECOND)));
        block_on(until(begun + SECOND));
        clock.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn timer_given_up() {
    check("timer_given_up", Some(2), || {
        new_timer();
        let begun = now();
        let given_up = thread::spawn(move || {
            let mut delay = Box::pin(until(begun + SECOND));
            let _ = poll_once(&mut delay);
        });
        let clock = thread::spawn(|| advance(SECOND));
        block_on(until(begun + SECOND));
        clock.join().unwrap();
        given_up.join().unwrap();
    });
}
