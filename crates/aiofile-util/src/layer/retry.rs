//! Another try for what failed for a moment.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use caio::{Error, Layer, OpInfo, Stage};

/// Repeats what failed with an error that may be gone a moment later ([`Error::is_transient`]),
/// after pauses that double each time.
///
/// Only what changes nothing is repeated ([`OpInfo::is_repeatable`]): reads at an offset, whole
/// files, fstat(2), opens that neither create nor cut. The context itself sees to that: never a
/// write, an append, a sync, a rename, or any other closure.
///
/// A pause holds nothing: the next attempt is admitted by all layers afresh. It goes by the clock
/// of its runtime, also a paused one. One that is longer than any clock goes never ends: the
/// operation waits until its future is dropped, or a [`Timeout`](super::Timeout) ends it.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use aiofile::fs::Fs;
/// use aiofile_util::layer::Retry;
///
/// let retry = Retry::new().attempts(3).pause(Duration::from_millis(20));
/// let context = aiofile::context().layer(Arc::new(retry)).build()?;
/// assert!(!Fs::new(&context).read("/proc/version").await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Retry {
    attempts: u32,
    pause: Duration,
    pause_max: Duration,
    jitter: bool,
}

impl Retry {
    /// Three attempts in all, with a pause of 10 ms after the first, at most 1 s, with jitter.
    #[must_use]
    pub fn new() -> Self {
        let (pause, pause_max) = (Duration::from_millis(10), Duration::from_secs(1));
        Self { attempts: 3, pause, pause_max, jitter: true }
    }

    /// So many attempts in all, at least 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The pause after the first attempt; each further one is twice as long.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// No pause is longer than this, or than the first.
    #[must_use]
    pub fn pause_max(mut self, pause: Duration) -> Self {
        self.pause_max = pause;
        self
    }

    /// Whether each pause is cut by a random part of up to a half, so that what failed together
    /// does not come back together. True unless said.
    #[must_use]
    pub fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// The longest pause after so many attempts.
    fn longest(&self, attempt: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.pause.saturating_mul(doubled).min(self.pause_max.max(self.pause))
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for Retry {
    fn stage(&self) -> Stage {
        Stage::Retry
    }

    fn retry(&self, _op: &OpInfo, attempt: u32, error: &Error) -> Option<Duration> {
        if attempt >= self.attempts || !error.is_transient() {
            return None;
        }
        let longest = self.longest(attempt);
        Some(if self.jitter { cut(longest, random()) } else { longest })
    }
}

/// The pause without this part of its half; the longest one, too, is within what a pause can be.
fn cut(longest: Duration, part: f64) -> Duration {
    longest.saturating_sub(longest.mul_f64(part / 2.0))
}

/// A random number from 0 to less than 1. The keys of a fresh hasher are random enough for this.
fn random() -> f64 {
    (RandomState::new().hash_one(0_u8) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn random_numbers_spread() {
        let numbers: Vec<_> = (0..1000).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn the_longest_pause_is_cut_like_any_other() {
        assert_eq!(cut(Duration::MAX, 0.0), Duration::MAX);
        let half = cut(Duration::MAX, 1.0).as_secs_f64() / Duration::MAX.as_secs_f64();
        assert!((half - 0.5).abs() < 1e-9, "{half}");
        assert_eq!(cut(Duration::from_secs(8), 0.5), Duration::from_secs(6));
    }

    proptest! {
        #[test]
        fn pauses_double_up_to_the_longest(
            pause in 1_u64..10_000, most in 1_u64..100_000, attempt in 1_u32..100,
        ) {
            let (pause, most) = (Duration::from_micros(pause), Duration::from_micros(most));
            let retry = Retry::new().pause(pause).pause_max(most);
            let exact = pause.as_secs_f64() * 2_f64.powi(attempt as i32 - 1);
            let expected = exact.min(most.max(pause).as_secs_f64());
            let longest = retry.longest(attempt).as_secs_f64();
            prop_assert!((longest - expected).abs() < 1e-6, "{longest} for {expected}");
        }
    }
}
