//! Pauses: the thread that wakes what is due, and that ends when nothing is.

use std::time::Duration;

use super::check;
use crate::delay::LONGEST_SLEEP;
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
fn timer_sooner() {
    check("timer_sooner", Some(2), || {
        new_timer();
        let begun = now();
        let mut later = Box::pin(until(begun + 2 * SECOND));
        assert!(poll_once(&mut later).is_pending());
        let clock = thread::spawn(|| advance(SECOND));
        block_on(until(begun + SECOND));
        clock.join().unwrap();
        drop(later);
        advance(SECOND);
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

#[test]
fn timer_ends() {
    check("timer_ends", Some(2), || {
        new_timer();
        let mut given_up = Box::pin(until(now() + 100 * LONGEST_SLEEP));
        assert!(poll_once(&mut given_up).is_pending());
        drop(given_up);
        advance(LONGEST_SLEEP);
    });
}
