//! Somebody who looks after requests that wait while all threads are at work.
//!
//! Whether more threads are needed is asked when a request comes. The threads at work may never
//! come back, though: opening a FIFO waits for the other end, a network file system for its server.
//! Then the request that came last would wait until the next one comes, and there may be none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::pace::STUCK;

/// How often it looks and finds that nothing waits before it goes.
const QUIET: u32 = 10;

const STACK_BYTES: usize = 128 * 1024;

/// Knows whether a thread is on the lookout for a pool. There is none while nothing waits.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    on_duty: AtomicBool,
}

impl Lookout {
    /// Has a thread call `look` from time to time, until nothing waits any more or the pool's
    /// `staff` has gone. `look` starts a thread where one is needed, and returns whether requests
    /// wait.
    ///
    /// Call it with a request in the queue that no thread is on its way for. Where the system gives
    /// no thread, the next request looks after this one.
    pub(super) fn ensure<S>(self: &Arc<Self>, staff: &Arc<S>, look: fn(&Arc<S>) -> bool)
    where
        S: Send + Sync + 'static,
    {
        if self.on_duty.load(Ordering::SeqCst) || self.on_duty.swap(true, Ordering::SeqCst) {
            return;
        }
        let (lookout, staff) = (Arc::clone(self), Arc::downgrade(staff));
        let look = move || staff.upgrade().is_some_and(|staff| look(&staff));
        let started = thread::Builder::new()
            .name("caio-lookout".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || lookout.watch(look));
        if started.is_err() {
            self.on_duty.store(false, Ordering::SeqCst);
        }
    }

    fn watch(&self, look: impl Fn() -> bool) {
        let mut quiet = 0;
        loop {
            // By then nobody has come since the look before, or they are not stuck.
            thread::sleep(STUCK + Duration::from_millis(1));
            quiet = if look() { 0 } else { quiet + 1 };
            if quiet < QUIET {
                continue;
            }
            self.on_duty.store(false, Ordering::SeqCst);
            // One that came just before counts on this thread.
            if !look() || self.on_duty.swap(true, Ordering::SeqCst) {
                return;
            }
            quiet = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_stays_for_what_comes_as_it_goes_and_comes_back_for_what_comes_later() {
        let (lookout, looks) = (Arc::new(Lookout::default()), Arc::new(AtomicU32::new(0)));
        // One comes just after the last look that found nothing.
        let ensure = || {
            lookout.ensure(&looks, |looks| looks.fetch_add(1, Ordering::SeqCst) == QUIET);
        };
        let gone_after = |number: u32| {
            let deadline = Instant::now() + Duration::from_secs(10);
            while lookout.on_duty.load(Ordering::SeqCst) || looks.load(Ordering::SeqCst) < number {
                assert!(Instant::now() < deadline, "{number} looks, then it goes");
                thread::sleep(Duration::from_millis(1));
            }
            looks.load(Ordering::SeqCst)
        };
        ensure();
        ensure();
        assert_eq!(gone_after(2 * (QUIET + 1)), 2 * (QUIET + 1), "one thread looks");
        ensure();
        assert_eq!(gone_after(3 * (QUIET + 1)), 3 * (QUIET + 1));
    }
}
