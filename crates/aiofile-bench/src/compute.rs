//! Work for a processor: a given number of microseconds of it, however busy the processor is.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::pattern::mix;

/// Computes as long as this takes on a processor of its own.
pub(crate) fn compute(time: Duration) {
    turns(time.as_micros() as u64 * turns_each_us());
}

/// Finds out how fast this machine is, so that the first call of [`compute`] need not.
pub(crate) fn prepare() {
    turns_each_us();
}

/// How many turns this machine makes in a microsecond: the fastest of some attempts, since an
/// interruption only makes one slower.
fn turns_each_us() -> u64 {
    const ATTEMPTS: usize = 20;
    const TURNS: u64 = 50_000;
    static FOUND: OnceLock<u64> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let attempt = |_| {
            let since = Instant::now();
            turns(TURNS);
            since.elapsed()
        };
        let fastest = (0..ATTEMPTS).map(attempt).min().unwrap_or_default();
        (TURNS * 1000 / (fastest.as_nanos() as u64).max(1)).max(1)
    })
}

fn turns(count: u64) {
    let number = (0..count).fold(1, |number, turn| mix(number ^ turn));
    black_box(number);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_its_time() {
        let since = Instant::now();
        compute(Duration::from_millis(5));
        assert!(since.elapsed() >= Duration::from_millis(2), "{:?}", since.elapsed());
    }
}
