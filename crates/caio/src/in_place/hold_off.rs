//! For how long no write that could wait is tried on the calling thread, after one that did wait.
//!
//! No look at the kernel's counts foresees every wait: a journal that commits, a page that is just
//! being written out, an extent that has to be read. So a write that took much longer than memory
//! takes sends those that follow to the pool, twice as long each time. What this bounds is how much
//! of its time a thread waits, however bad the device is: at most the length of one wait in each
//! [`LONGEST`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::per_process::PerProcess;
use crate::recent::Recent;
use crate::sync::atomic::{AtomicU64, Ordering};

/// A write that took longer has waited. Writing to the page cache takes microseconds.
const SLOW: Duration = Duration::from_millis(1);

/// The slowest memory that is no device, in bytes a microsecond.
const BYTES_PER_MICROSECOND: usize = 256;

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(10);

/// The devices that are written to.
static DEVICES: PerProcess<Recent<Arc<HoldOff>>> = PerProcess::new();

/// The waits of one device.
#[derive(Debug)]
pub(crate) struct HoldOff {
    start: Instant,
    /// Until when the pool writes, in nanoseconds since `start`.
    until: AtomicU64,
    /// For how long it did so the last time, in nanoseconds.
    length: AtomicU64,
}

impl HoldOff {
    /// That of a device, which all contexts of the process share.
    pub(crate) fn of(device: u64) -> Arc<Self> {
        DEVICES.get().get_or_insert(device, || Arc::new(Self::new(Instant::now())))
    }

    fn new(start: Instant) -> Self {
        Self { start, until: AtomicU64::new(0), length: AtomicU64::new(0) }
    }

    /// Whether a write may be tried now.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.since_start(now) >= self.until.load(Ordering::Relaxed)
    }

    /// Notes how long a write of so many bytes took.
    pub(crate) fn note(&self, begun: Instant, ended: Instant, bytes: usize) {
        let copying = u64::try_from(bytes / BYTES_PER_MICROSECOND).unwrap_or(u64::MAX);
        let (length, now) = (self.length.load(Ordering::Relaxed), self.since_start(ended));
        if ended.duration_since(begun) > SLOW + Duration::from_micros(copying) {
            let length = (2 * length).clamp(nanoseconds(SHORTEST), nanoseconds(LONGEST));
            self.length.store(length, Ordering::Relaxed);
            self.until.store(now + length, Ordering::Relaxed);
            return;
        }
        // It is forgotten as slowly as it grew.
        if length > 0 && now > self.until.load(Ordering::Relaxed) + length {
            let half = if length > nanoseconds(SHORTEST) { length / 2 } else { 0 };
            self.length.store(half, Ordering::Relaxed);
            self.until.store(now, Ordering::Relaxed);
        }
    }

    fn since_start(&self, now: Instant) -> u64 {
        nanoseconds(now.duration_since(self.start))
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(5);

    fn at(hold_off: &HoldOff, milliseconds: u64) -> Instant {
        hold_off.start + Duration::from_millis(milliseconds)
    }

    /// A write that begins then, and takes so long.
    fn write(hold_off: &HoldOff, milliseconds: u64, took: Duration) {
        let begun = at(hold_off, milliseconds);
        assert!(hold_off.is_over(begun), "no write is tried before");
        hold_off.note(begun, begun + took, 4096);
    }

    #[test]
    fn each_wait_holds_writes_off_twice_as_long_as_the_one_before() {
        let hold_off = HoldOff::new(Instant::now());
        write(&hold_off, 0, QUICK);
        let (mut now, mut expected) = (1, 10);
        for _ in 0..12 {
            write(&hold_off, now, 2 * SLOW);
            assert!(!hold_off.is_over(at(&hold_off, now + 1 + expected)));
            assert!(hold_off.is_over(at(&hold_off, now + 2 + expected)));
            now += 2 + expected;
            expected = (2 * expected).min(10_000);
        }
    }

    #[test]
    fn quick_writes_make_it_short_again() {
        let hold_off = HoldOff::new(Instant::now());
        write(&hold_off, 0, 2 * SLOW);
        write(&hold_off, 12, 2 * SLOW);
        assert!(!hold_off.is_over(at(&hold_off, 33)) && hold_off.is_over(at(&hold_off, 34)));
        // 20 ms were the last; after as long without a wait they are 10, then none.
        write(&hold_off, 40, QUICK);
        assert_eq!(hold_off.length.load(Ordering::Relaxed), nanoseconds(2 * SHORTEST));
        write(&hold_off, 55, QUICK);
        assert_eq!(hold_off.length.load(Ordering::Relaxed), nanoseconds(SHORTEST));
        write(&hold_off, 70, QUICK);
        assert_eq!(hold_off.length.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_large_write_may_take_longer() {
        let hold_off = HoldOff::new(Instant::now());
        let begun = at(&hold_off, 0);
        hold_off.note(begun, begun + 4 * SLOW, 1 << 20);
        assert!(hold_off.is_over(begun));
        hold_off.note(begun, begun + 6 * SLOW, 1 << 20);
        assert!(!hold_off.is_over(begun));
    }

    #[test]
    fn a_device_has_one_and_another_device_another() {
        let first = HoldOff::of(u64::MAX);
        assert!(Arc::ptr_eq(&first, &HoldOff::of(u64::MAX)));
        assert!(!Arc::ptr_eq(&first, &HoldOff::of(u64::MAX - 1)));
    }
}
