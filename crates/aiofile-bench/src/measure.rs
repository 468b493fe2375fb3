//! What the figure of a cell is: its unit, and whether more of it is better or less.

use serde::{Deserialize, Serialize};

use crate::cell::Work;
use crate::job::Report;

/// The figure of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Operations for each second.
    Operations,
    /// Bytes for each second.
    Bytes,
    /// The latency that 99 of 100 do not exceed, in microseconds; of a run that is too short to
    /// tell, the longest.
    P99,
    /// The longest latency of a run, in milliseconds.
    Longest,
    /// Resident memory for each operation that waits, in bytes.
    BytesEach,
    /// Processor time for each second, in milliseconds.
    Processor,
}

impl Measure {
    /// What it is for this work, unless a cell says otherwise.
    pub fn of(work: Work) -> Self {
        match work {
            Work::Waiting | Work::WaitingRaised => Self::BytesEach,
            Work::Idle => Self::Processor,
            Work::SequentialRead
            | Work::SequentialWrite
            | Work::Ranges
            | Work::OwnedRange
            | Work::LineBytes
            | Work::LineStrings
            | Work::TextLines(_)
            | Work::Copy
            | Work::CopyBytes => Self::Bytes,
            _ => Self::Operations,
        }
    }

    /// Its unit, in words.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Operations => "operations/s",
            Self::Bytes => "bytes/s",
            Self::P99 => "us, the p99",
            Self::Longest => "ms, the longest",
            Self::BytesEach => "bytes for each",
            Self::Processor => "ms of CPU a second",
        }
    }

    /// Whether less of it is better.
    pub fn less_is_better(self) -> bool {
        !matches!(self, Self::Operations | Self::Bytes)
    }

    /// The figure of a run.
    pub fn figure(self, run: &Report) -> Option<f64> {
        match self {
            Self::Operations => Some(run.operations as f64 / run.seconds),
            Self::Bytes => Some(run.bytes as f64 / run.seconds),
            Self::P99 => run.p99_us.or(run.longest_us),
            Self::Longest => run.longest_us.map(|us| us / 1000.0),
            Self::BytesEach | Self::Processor => run.value,
        }
    }

    /// How many times better the one is than the other: above 1 it is ahead.
    pub fn ratio(self, one: f64, other: f64) -> f64 {
        let (more, less) = if self.less_is_better() { (other, one) } else { (one, other) };
        if more == less { 1.0 } else { more / less }
    }

    /// Three digits and a magnitude, with the letters of the unit.
    pub fn short(self, value: f64) -> String {
        let unit = match self {
            Self::Operations => "",
            Self::Bytes | Self::BytesEach => "B",
            Self::P99 if value >= 999.5 => return Self::Longest.short(value / 1000.0),
            Self::P99 => "us",
            Self::Longest | Self::Processor => "ms",
        };
        short(value) + unit
    }
}

/// A number with three digits and a magnitude.
pub fn short(value: f64) -> String {
    let magnitudes = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let fits = |(size, _): &(f64, _)| value >= size * 0.9995;
    let (scaled, letter) = magnitudes
        .into_iter()
        .find(fits)
        .map_or((value, ""), |(size, letter)| (value / size, letter));
    let digits = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.digits$}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.5, 9.996, 99.96, 999.7, 12_345.0, 2.5e6, 1e9].map(short);
        assert_eq!(shown, ["0.50", "10.0", "100", "1.00k", "12.3k", "2.50M", "1.00G"]);
        assert_eq!(Measure::Longest.short(4.25), "4.25ms");
        assert_eq!([250.0, 4250.0].map(|us| Measure::P99.short(us)), ["250us", "4.25ms"]);
    }

    #[test]
    fn a_ratio_above_one_is_ahead_whatever_is_better() {
        assert_eq!(Measure::Operations.ratio(20.0, 10.0), 2.0);
        assert_eq!(Measure::Longest.ratio(20.0, 10.0), 0.5);
        assert_eq!(Measure::Processor.ratio(0.0, 0.0), 1.0);
        assert!(Measure::Processor.ratio(0.0, 1.0) > 1e9);
    }

    #[test]
    fn every_cell_takes_its_figure_from_the_report() {
        let report = Report {
            operations: 1,
            bytes: 1,
            seconds: 1.0,
            p99_us: Some(1.0),
            longest_us: Some(1000.0),
            value: Some(1.0),
            ..Report::default()
        };
        for cell in suite::comparison(false) {
            assert_eq!(cell.measure.figure(&report), Some(1.0), "{}", cell.name);
        }
    }
}
