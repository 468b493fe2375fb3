//! Which queues a runtime need not be asked for while runtimes come and go, and when the thread
//! that reaps may end.

use std::sync::Arc;

use super::*;
use crate::models::exhaustive::check;

const FIRST: u64 = 1;
const SECOND: u64 = 2;

fn driver() -> Arc<Driver> {
    Arc::new(Driver::new(Reactor::default()))
}

/// The runtime watches the queue from now on.
fn watch(driver: &Driver, runtime: u64, queue: usize) -> u64 {
    let number = driver.begin_watch(runtime, queue).expect("it is not watched yet");
    assert!(driver.keep_watch(number, Box::new(())).is_ok());
    number
}

#[test]
fn driver_two_runtimes() {
    check("driver_two_runtimes", None, || {
        let driver = driver();
        let theirs = Arc::clone(&driver);
        let other = thread::spawn(move || watch(&theirs, SECOND, 1));
        watch(&driver, FIRST, 0);
        other.join().unwrap();
        assert!(driver.covers(FIRST, 0b01) && driver.covers(SECOND, 0b10));
        assert!(!driver.covers(FIRST, 0b10) && !driver.covers(SECOND, 0b01));
    });
}

#[test]
fn driver_runtime_goes() {
    check("driver_runtime_goes", None, || {
        let driver = driver();
        let number = watch(&driver, FIRST, 0);
        let theirs = Arc::clone(&driver);
        let other = thread::spawn(move || drop(theirs.end_watch(number)));
        watch(&driver, FIRST, 1);
        other.join().unwrap();
        watch(&driver, SECOND, 0);
        assert!(driver.covers(FIRST, 0b10) && !driver.covers(FIRST, 0b01));
        assert!(driver.covers(SECOND, 0b01) && !driver.covers(SECOND, 0b10));
    });
}

#[test]
fn driver_slots() {
    check("driver_slots", None, || {
        let driver = driver();
        let number = watch(&driver, FIRST, 0);
        let theirs = Arc::clone(&driver);
        // The second runtime gets the slot of the first one, which is being read.
        let other = thread::spawn(move || {
            drop(theirs.end_watch(number));
            watch(&theirs, SECOND, 1);
        });
        assert!(!driver.covers(FIRST, 0b10), "the first one never watches this queue");
        other.join().unwrap();
    });
}

#[test]
fn driver_runtime_goes_at_once() {
    check("driver_runtime_goes_at_once", None, || {
        let driver = driver();
        let number = driver.begin_watch(FIRST, 0).unwrap();
        let theirs = Arc::clone(&driver);
        let other = thread::spawn(move || theirs.end_watch(number).is_some());
        let kept = driver.keep_watch(number, Box::new(())).is_ok();
        assert!(other.join().unwrap());
        assert!(!driver.covers(FIRST, 0b01), "nothing is left, kept before or not: {kept}");
        assert!(lock(&driver.watches).is_empty());
    });
}

#[test]
fn driver_thread() {
    check("driver_thread", None, || {
        let (driver, pending) = (driver(), Arc::new(PendingCount::default()));
        assert!(driver.claim_thread());
        let (theirs, counted) = (Arc::clone(&driver), Arc::clone(&pending));
        let thread = thread::spawn(move || theirs.thread_ends(&counted));
        pending.enter().unwrap();
        let starts = driver.claim_thread();
        let ends = thread.join().unwrap();
        assert!(starts || !ends, "what is in flight has a thread");
    });
}
