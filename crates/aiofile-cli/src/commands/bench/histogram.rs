//! Latencies in logarithmic buckets, small enough to be handed from a participant's process to the
//! one that reports, so that percentiles are taken over all rounds together.

use serde::{Deserialize, Serialize};

const FINE_BITS: u32 = 5;
const FINE: u64 = 1 << FINE_BITS;

/// Counts of latencies in nanoseconds, each power of two cut into 32 buckets: what comes out is at
/// most 3 % off what went in. Only buckets up to the greatest latency seen take memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "Vec<(u32, u64)>", from = "Vec<(u32, u64)>")]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Counts one latency.
    pub(super) fn record(&mut self, nanoseconds: u64) {
        self.add(index_of(nanoseconds), 1);
    }

    /// Adds what another one has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (index, count) in other.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            self.add(index, *count);
        }
    }

    /// How many latencies were counted.
    #[cfg(test)]
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The latency in microseconds that this share of all did not exceed. None where too few were
    /// counted to tell: the slowest of a hundred is not a p99.9.
    pub(super) fn percentile_us(&self, share: f64) -> Option<f64> {
        let enough = (1.0 - share) * self.total as f64 >= 0.5;
        let rank = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut passed = 0;
        let place = self.counts.iter().position(|count| {
            passed += count;
            passed >= rank
        });
        place.filter(|_| enough).map(|index| middle_of(index) / 1000.0)
    }

    fn add(&mut self, index: usize, count: u64) {
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += count;
        self.total += count;
    }
}

impl From<Histogram> for Vec<(u32, u64)> {
    fn from(histogram: Histogram) -> Self {
        let counts = histogram.counts.into_iter().enumerate();
        counts.filter(|(_, count)| *count > 0).map(|(index, count)| (index as u32, count)).collect()
    }
}

impl From<Vec<(u32, u64)>> for Histogram {
    fn from(pairs: Vec<(u32, u64)>) -> Self {
        let mut histogram = Self::default();
        for (index, count) in pairs {
            // The greatest index there can be, so that a strange report takes no strange memory.
            histogram.add((index as usize).min(index_of(u64::MAX)), count);
        }
        histogram
    }
}

fn index_of(value: u64) -> usize {
    if value < FINE {
        return value as usize;
    }
    let shift = value.ilog2() - FINE_BITS;
    (u64::from(shift + 1) * FINE + (value >> shift) - FINE) as usize
}

fn middle_of(index: usize) -> f64 {
    let (octave, fine) = (index as u64 / FINE, index as u64 % FINE);
    match octave {
        0 => fine as f64,
        _ => (FINE + fine) as f64 * 2f64.powi(octave as i32 - 1) + 2f64.powi(octave as i32 - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_lost_between_buckets_and_none_is_far_from_its_own() {
        let mut before = 0;
        for value in 0..200_000 {
            let index = index_of(value);
            assert!(index == before || index == before + 1, "a gap at {value}");
            before = index;
            let distance = (middle_of(index) - value as f64).abs();
            assert!(distance <= 0.5 + value as f64 * 0.032, "{value} became {}", middle_of(index));
        }
        assert!(index_of(u64::MAX) < 2048);
    }

    #[test]
    fn percentiles_are_ranks() {
        let mut histogram = Histogram::default();
        (1..=2000).for_each(|us| histogram.record(us * 1000));
        for (share, expected) in [(0.5, 1000.0), (0.99, 1980.0), (0.999, 1998.0)] {
            let found = histogram.percentile_us(share).unwrap();
            assert!((found - expected).abs() < expected * 0.03, "{share}: {found}");
        }
    }

    #[test]
    fn the_slowest_of_a_hundred_is_no_p999() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_us(0.5), None);
        (0..100).for_each(|_| histogram.record(5000));
        assert!(histogram.percentile_us(0.99).is_some());
        assert_eq!(histogram.percentile_us(0.999), None);
    }

    #[test]
    fn json_and_merging_keep_every_count() {
        let (mut left, mut right) = (Histogram::default(), Histogram::default());
        [3, 900, 900, 1 << 40].into_iter().for_each(|value| left.record(value));
        right.record(70_000);
        let text = serde_json::to_string(&left).unwrap();
        let back: Histogram = serde_json::from_str(&text).unwrap();
        assert_eq!(back, left);
        right.merge(&left);
        assert_eq!(right.total(), 5);
        assert!(right.percentile_us(0.0).unwrap() < 0.01);
    }
}
