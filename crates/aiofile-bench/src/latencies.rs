//! Latencies, small enough to be handed from a participant's process to the one that reports, so
//! that percentiles can be taken over all rounds together.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Counts of latencies in nanoseconds, kept to two digits: what comes out is at most 1 % off what
/// went in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Vec<(u64, u64)>", from = "Vec<(u64, u64)>")]
pub struct Latencies(Histogram<u64>);

/// A day. What takes longer counts as that.
const LONGEST_NS: u64 = 86_400 * 1_000_000_000;

impl Default for Latencies {
    fn default() -> Self {
        // Only bounds that contradict each other and more than five digits are refused.
        let histogram = Histogram::new(2);
        Self(histogram.expect("two digits are possible"))
    }
}

impl Latencies {
    /// Counts one latency.
    #[inline]
    pub fn record(&mut self, nanoseconds: u64) {
        self.add(nanoseconds, 1);
    }

    /// Counts one latency of what is begun at every `interval`, and those of all that would have
    /// been begun meanwhile: what waits for one that is held up is held up, too.
    pub fn record_at_intervals(&mut self, nanoseconds: u64, interval: u64) {
        let _ = self.0.record_correct(nanoseconds.min(LONGEST_NS), interval);
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for counted in other.0.iter_recorded() {
            self.add(counted.value_iterated_to(), counted.count_at_value());
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The latency in microseconds that this share of all did not exceed. None where too few were
    /// counted to tell: the slowest of a hundred is not a p99.9.
    pub fn percentile_us(&self, share: f64) -> Option<f64> {
        let enough = !self.is_empty() && (1.0 - share) * self.0.len() as f64 >= 0.5;
        enough.then(|| self.0.value_at_quantile(share) as f64 / 1000.0)
    }

    /// The longest, in microseconds.
    pub fn longest_us(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.0.max() as f64 / 1000.0)
    }

    fn add(&mut self, nanoseconds: u64, count: u64) {
        // A histogram that grows by itself takes every value up to its bound.
        let _ = self.0.record_n(nanoseconds.min(LONGEST_NS), count);
    }
}

impl From<Latencies> for Vec<(u64, u64)> {
    fn from(latencies: Latencies) -> Self {
        let counts = latencies.0.iter_recorded();
        counts.map(|counted| (counted.value_iterated_to(), counted.count_at_value())).collect()
    }
}

impl From<Vec<(u64, u64)>> for Latencies {
    fn from(counts: Vec<(u64, u64)>) -> Self {
        let mut latencies = Self::default();
        counts.into_iter().for_each(|(value, count)| latencies.add(value, count));
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_ranks() {
        let mut latencies = Latencies::default();
        (1..=2000).for_each(|us| latencies.record(us * 1000));
        for (share, expected) in [(0.5, 1000.0), (0.99, 1980.0), (0.999, 1998.0)] {
            let found = latencies.percentile_us(share).unwrap();
            assert!((found - expected).abs() < expected * 0.011, "{share}: {found}");
        }
        assert!((latencies.longest_us().unwrap() - 2000.0).abs() < 20.0);
    }

    #[test]
    fn the_slowest_of_a_hundred_is_no_p999() {
        let mut latencies = Latencies::default();
        assert_eq!((latencies.percentile_us(0.5), latencies.longest_us()), (None, None));
        (0..100).for_each(|_| latencies.record(5000));
        assert!(latencies.percentile_us(0.99).is_some());
        assert_eq!(latencies.percentile_us(0.999), None);
    }

    #[test]
    fn what_would_have_waited_meanwhile_counts() {
        let mut latencies = Latencies::default();
        latencies.record_at_intervals(10_000_000, 1_000_000);
        assert_eq!(latencies.count(), 10);
        let median = latencies.percentile_us(0.5).unwrap();
        assert!((4900.0..5200.0).contains(&median), "{median}");
    }

    #[test]
    fn json_and_merging_keep_every_count() {
        let (mut left, mut right) = (Latencies::default(), Latencies::default());
        [3, 900, 900, u64::MAX].into_iter().for_each(|value| left.record(value));
        right.record(70_000);
        let text = serde_json::to_string(&left).unwrap();
        let back: Latencies = serde_json::from_str(&text).unwrap();
        assert_eq!(back.count(), 4);
        right.merge(&back);
        assert_eq!(right.count(), 5);
        assert!(right.percentile_us(0.0).unwrap() < 0.01);
        assert!(right.longest_us().unwrap() > 1e9);
    }
}
