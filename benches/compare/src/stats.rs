//! The arithmetic of the figures: a histogram of latencies with logarithmic buckets, and medians
//! with their spread.
//!
//! Not a statistics library: everything here is what the table prints, and no more.

use serde::{Deserialize, Serialize};

const SUB_BUCKET_BITS: u32 = 4;
const SUB_BUCKETS: u64 = 1 << SUB_BUCKET_BITS;
const BUCKETS: usize = 40 * SUB_BUCKETS as usize;

/// Latencies in nanoseconds, each octave cut into sixteen buckets: a percentile is at most 6 % off.
#[derive(Clone)]
pub struct Histogram {
    counts: Box<[u32]>,
    recorded: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; BUCKETS].into_boxed_slice(), recorded: 0 }
    }
}

impl Histogram {
    /// Counts one latency. What is longer than the last bucket (about an hour) counts as that.
    pub fn record(&mut self, nanoseconds: u64) {
        let bucket = bucket_of(nanoseconds).min(BUCKETS - 1);
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
        self.recorded += 1;
    }

    /// Adds what another histogram has counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.recorded += other.recorded;
    }

    /// The latency, in microseconds, that the given share of the operations did not exceed; none
    /// without operations.
    pub fn percentile_us(&self, share: f64) -> Option<f64> {
        let rank = (share * self.recorded as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(bucket, count)| {
            seen += u64::from(*count);
            (seen >= rank).then(|| middle_of(bucket) / 1000.0)
        })
    }
}

fn bucket_of(value: u64) -> usize {
    if value < SUB_BUCKETS {
        return value as usize;
    }
    let octave = value.ilog2();
    let sub_bucket = (value >> (octave - SUB_BUCKET_BITS)) & (SUB_BUCKETS - 1);
    ((octave - SUB_BUCKET_BITS + 1) as u64 * SUB_BUCKETS + sub_bucket) as usize
}

fn middle_of(bucket: usize) -> f64 {
    let (row, sub_bucket) = (bucket as u64 / SUB_BUCKETS, bucket as u64 % SUB_BUCKETS);
    if row == 0 {
        return sub_bucket as f64;
    }
    let width = (1u64 << (row - 1)) as f64;
    (SUB_BUCKETS + sub_bucket) as f64 * width + width / 2.0
}

/// A median with the least and the greatest of the values it was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least value.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The greatest value.
    pub max: f64,
}

/// The median and the spread of some values; none of no values.
pub fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let half = sorted.len() / 2;
    let median =
        if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 };
    Some(Spread { min, median, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_ordered() {
        let mut last = 0;
        for value in 0..100_000 {
            let bucket = bucket_of(value);
            assert!(bucket == last || bucket == last + 1, "a gap at {value}");
            last = bucket;
        }
    }

    #[test]
    fn the_middle_of_a_bucket_is_near_its_values() {
        for value in [17_u64, 100, 999, 4_096, 65_537, 1_000_000, 3_000_000_000] {
            let middle = middle_of(bucket_of(value));
            let off = (middle - value as f64).abs() / value as f64;
            assert!(off < 0.0626, "{value} became {middle}");
        }
    }

    #[test]
    fn percentiles_find_their_rank() {
        let mut histogram = Histogram::default();
        (1..=1000_u64).for_each(|micros| histogram.record(micros * 1000));
        let p50 = histogram.percentile_us(0.5).unwrap();
        let p99 = histogram.percentile_us(0.99).unwrap();
        assert!((470.0..530.0).contains(&p50), "{p50}");
        assert!((930.0..1050.0).contains(&p99), "{p99}");
    }

    #[test]
    fn an_empty_histogram_has_no_percentile() {
        assert_eq!(Histogram::default().percentile_us(0.5), None);
    }

    #[test]
    fn merging_adds_the_counts() {
        let (mut left, mut right) = (Histogram::default(), Histogram::default());
        left.record(10);
        right.record(1_000_000);
        right.record(1_000_000);
        left.merge(&right);
        assert!(left.percentile_us(0.9).unwrap() > 900.0);
        assert!(left.percentile_us(0.3).unwrap() < 1.0);
    }

    #[test]
    fn values_beyond_the_last_bucket_are_kept_in_it() {
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX);
        assert!(histogram.percentile_us(1.0).unwrap() > 1e9);
    }

    #[test]
    fn the_median_of_odd_and_even_counts() {
        let odd = spread([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(odd, Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(spread([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(spread([]), None);
    }
}
