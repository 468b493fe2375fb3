//! Several pauses at once, some of them given up, while the timer's thread comes and goes.

use std::time::Duration;

use super::check;
use crate::models::system::advance;
use crate::models::task::{block_on, new_timer, poll_once, until};
use crate::sync::{now, thread};

const SECOND: Duration = Duration::from_secs(1);

fn model() {
    new_timer();
    let begun = now();
    let tasks: Vec<_> = (1..=3)
        .map(|number| {
            thread::spawn(move || {
                let mut given_up = Box::pin(until(begun + 2 * SECOND));
                let _ = poll_once(&mut given_up);
                block_on(until(begun + number * SECOND));
                drop(given_up);
                block_on(until(begun + (number + 2) * SECOND));
            })
        })
        .collect();
    let clock = thread::spawn(|| (0..5).for_each(|_| advance(SECOND)));
    clock.join().unwrap();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

#[test]
fn timer_tasks() {
    check("timer_tasks", model);
}
