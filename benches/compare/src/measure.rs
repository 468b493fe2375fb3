//! What the figure of a cell is: its unit, and whether more of it is better or less.

use crate::cell::{Cell, Work};
use crate::report::Report;

/// The figure of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Operations for each second.
    Operations,
    /// Bytes for each second.
    Bytes,
    /// The slowest operation of a run, in milliseconds.
    LongestMs,
    /// The worst lateness of a timer, in milliseconds.
    LatenessMs,
    /// Resident memory for each operation that waits, in bytes.
    BytesEach,
    /// Processor time for each second, in milliseconds.
    ProcessorMs,
}

impl Measure {
    /// What this cell is about.
    pub fn of(cell: &Cell) -> Measure {
        match cell.work {
            Work::FairnessWait => Measure::LongestMs,
            Work::FairnessTimer => Measure::LatenessMs,
            Work::InFlight | Work::InFlightRaised => Measure::BytesEach,
            Work::Idle => Measure::ProcessorMs,
            Work::SequentialRead | Work::ManyRanges => Measure::Bytes,
            _ if cell.is_lines() || cell.is_copy() => Measure::Bytes,
            _ => Measure::Operations,
        }
    }

    /// Its unit, in words.
    pub fn unit(self) -> &'static str {
        match self {
            Measure::Operations => "operations/s",
            Measure::Bytes => "bytes/s",
            Measure::LongestMs => "ms, the longest wait",
            Measure::LatenessMs => "ms, the worst lateness",
            Measure::BytesEach => "bytes for each",
            Measure::ProcessorMs => "ms of CPU a second",
        }
    }

    /// Whether less of it is better.
    pub fn less_is_better(self) -> bool {
        !matches!(self, Measure::Operations | Measure::Bytes)
    }

    /// The figure of a run.
    pub fn figure(self, report: &Report) -> Option<f64> {
        match self {
            Measure::Operations => Some(report.operations_per_s),
            Measure::Bytes => Some(report.bytes_per_s),
            Measure::LongestMs => report.longest_us.map(|us| us / 1000.0),
            _ => report.value,
        }
    }

    /// How many times better the one is than the other: above 1 it is ahead.
    pub fn ratio(self, one: f64, other: f64) -> f64 {
        let (more, less) = if self.less_is_better() { (other, one) } else { (one, other) };
        if more == less { 1.0 } else { more / less }
    }

    /// Three digits and a magnitude, with the letter of the unit.
    pub fn short(self, value: f64) -> String {
        let unit = match self {
            Measure::Operations => "",
            Measure::Bytes | Measure::BytesEach => "B",
            _ => "ms",
        };
        let (scaled, magnitude) = match value {
            value if value >= 999.5e6 => (value / 1e9, "G"),
            value if value >= 999.5e3 => (value / 1e6, "M"),
            value if value >= 999.5 => (value / 1e3, "k"),
            value => (value, ""),
        };
        let digits = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
        format!("{scaled:.digits$}{magnitude}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell;

    #[test]
    fn figures_have_three_digits() {
        let shown = |value| Measure::Operations.short(value);
        assert_eq!(shown(999.0), "999");
        assert_eq!(shown(999.7), "1.00k");
        assert_eq!(shown(17_961.0), "18.0k");
        assert_eq!(shown(2_053_000.0), "2.05M");
        assert_eq!(shown(5.5), "5.50");
        assert_eq!(Measure::LatenessMs.short(4.25), "4.25ms");
    }

    #[test]
    fn a_ratio_above_one_is_ahead_whatever_is_better() {
        assert_eq!(Measure::Operations.ratio(20.0, 10.0), 2.0);
        assert_eq!(Measure::LongestMs.ratio(20.0, 10.0), 0.5);
        assert_eq!(Measure::ProcessorMs.ratio(0.0, 0.0), 1.0);
        assert!(Measure::ProcessorMs.ratio(0.0, 1.0) > 1e9);
    }

    #[test]
    fn every_cell_takes_its_figure_from_the_report() {
        let report = Report {
            operations_per_s: 1.0,
            bytes_per_s: 1.0,
            longest_us: Some(1000.0),
            value: Some(1.0),
            ..Report::default()
        };
        for cell in cell::all(false) {
            assert_eq!(Measure::of(&cell).figure(&report), Some(1.0), "{}", cell.name);
        }
    }
}
