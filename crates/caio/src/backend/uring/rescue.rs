//! Handing over entries that the kernel would not take when it was told to.
//!
//! `io_uring_enter` may fail for lack of memory or for a full completion queue, and then the
//! entries stay where they are until somebody calls it again. If nothing else happens in the
//! program, nobody would. This thread does, until all is taken.
//!
//! It stays until the ring is idle: the kernel would cancel what a thread has begun when that
//! thread ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::ring::Ring;

const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Starts the thread for this ring, unless it runs already. Where it cannot be started, the next
/// submission on the ring takes its place.
pub(super) fn start(ring: &Arc<Ring>) {
    if ring.in_rescue.swap(true, Ordering::AcqRel) {
        return;
    }
    let own = Arc::clone(ring);
    let thread = thread::Builder::new().name("caio-rescue".to_owned());
    if thread.spawn(move || run(&own)).is_err() {
        ring.in_rescue.store(false, Ordering::Release);
    }
}

fn run(ring: &Arc<Ring>) {
    let mut pause = PAUSE_MIN;
    loop {
        thread::sleep(pause);
        let left = ring.flush();
        let abandoned = Arc::strong_count(ring) == 1;
        if left == 0 && (abandoned || ring.in_flight() == 0) {
            break;
        }
        pause = if left == 0 { (pause * 2).min(PAUSE_MAX) } else { PAUSE_MIN };
    }
    ring.in_rescue.store(false, Ordering::Release);
    // Who failed just before that relied on this thread.
    if ring.flush() > 0 {
        start(ring);
    }
}
