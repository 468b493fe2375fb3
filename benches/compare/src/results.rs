//! Everything that a run of the matrix found, as it is kept in a file: the machine, the settings,
//! what was measured, and each single run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::measure::Measure;
use crate::runner::Entry;
use crate::stage::Result;
use crate::stats::{Spread, spread};

/// What our rows begin with; the row of the default context has exactly this name.
pub const OURS: &str = "aiofile";

/// Other libraries; the row of two threads has the same name and `-2`.
const PEERS: [&str; 6] =
    ["tokio-uring", "compio", "monoio", "glommio", "tokio-fs", "tokio-fs-uring"];

/// Those of them that have one thread unless told otherwise.
const ONE_THREAD_PEERS: [&str; 4] = ["tokio-uring", "compio", "monoio", "glommio"];

/// A run of the matrix.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The machine, the date, and how it was run: names and values.
    pub about: Vec<(String, String)>,
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// The participants, in order, each with what it does.
    pub participants: Vec<(String, String)>,
    /// All runs.
    pub entries: Vec<Entry>,
}

impl Results {
    /// Reads what [`save`](Self::save) has written.
    pub fn load(path: &Path) -> Result<Results> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text)
            .map_err(|error| format!("{} is not a run's file: {error}", path.display()).into())
    }

    /// Writes it as JSON.
    pub fn save(&self, path: &Path) -> Result<()> {
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)?)?)
    }

    /// The cell of this name.
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.name == name)
    }

    /// All runs of one participant on one cell.
    pub fn entry(&self, cell: &Cell, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.cell == cell.name && entry.participant == name)
    }

    /// The rows of a cell with their figures, the best first and those without one last.
    pub fn ranked(&self, cell: &Cell) -> Vec<(Option<Spread>, &Entry)> {
        let less = Measure::of(cell).less_is_better();
        let of_cell = self.entries.iter().filter(|entry| entry.cell == cell.name);
        let mut rows: Vec<_> = of_cell.map(|entry| (figure(cell, entry), entry)).collect();
        rows.sort_by(|(left, _), (right, _)| {
            let rank = |figure: &Option<Spread>| {
                let median = figure.map_or(f64::INFINITY, |figure| figure.median);
                if less || figure.is_none() { median } else { -median }
            };
            rank(left).total_cmp(&rank(right))
        });
        rows
    }

    /// The figure of a participant on a cell, over its runs.
    pub fn figure(&self, cell: &Cell, name: &str) -> Option<Spread> {
        figure(cell, self.entry(cell, name)?)
    }

    /// The best of a cell, of those that pass, and its median.
    pub fn best(&self, cell: &Cell, passes: impl Fn(&str) -> bool) -> Option<(&str, f64)> {
        let measure = Measure::of(cell);
        let of = |entry: &Entry| figure(cell, entry).map(|figure| figure.median);
        self.entries
            .iter()
            .filter(|entry| entry.cell == cell.name && passes(&entry.participant))
            .filter_map(|entry| Some((entry.participant.as_str(), of(entry)?)))
            .reduce(|best, next| if measure.ratio(next.1, best.1) > 1.0 { next } else { best })
    }
}

/// The figure over the runs of a row; none where none succeeded.
pub fn figure(cell: &Cell, entry: &Entry) -> Option<Spread> {
    let measure = Measure::of(cell);
    spread(entry.runs.iter().filter_map(|run| measure.figure(run)))
}

/// Processor time for each operation, in microseconds, over the runs of a row.
pub fn processor_us(entry: &Entry) -> Option<f64> {
    let us = entry.runs.iter().map(|run| run.user_us_per_op + run.system_us_per_op);
    spread(us).map(|spread| spread.median)
}

/// Whether it is one of our rows.
pub fn is_ours(name: &str) -> bool {
    name.starts_with(OURS)
}

/// Whether it is another library.
pub fn is_peer(name: &str) -> bool {
    PEERS.contains(&name.strip_suffix("-2").unwrap_or(name))
}

/// Whether it is another library on one thread.
pub fn is_one_thread_peer(name: &str) -> bool {
    ONE_THREAD_PEERS.contains(&name)
}

/// Whether it is another library on as many threads as we have workers.
pub fn is_two_thread_peer(name: &str) -> bool {
    is_peer(name) && !is_one_thread_peer(name)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::report::Report;

    /// A row with runs of these rates (and figures).
    pub fn entry(cell: &Cell, participant: &str, rates: &[f64]) -> Entry {
        let run = |rate: &f64| Report {
            operations_per_s: *rate,
            bytes_per_s: *rate,
            longest_us: Some(*rate * 1000.0),
            value: Some(*rate),
            user_us_per_op: 1.0,
            ..Report::default()
        };
        Entry {
            cell: cell.name.clone(),
            participant: participant.to_owned(),
            runs: rates.iter().map(run).collect(),
            refusals: Vec::new(),
            calls_per_op: None,
        }
    }

    /// A run of the matrix with these rows.
    pub fn results(cells: Vec<Cell>, entries: Vec<Entry>) -> Results {
        let mut names: Vec<_> = entries.iter().map(|entry| entry.participant.clone()).collect();
        names.dedup();
        let participants = names.into_iter().map(|name| (name, "does it".to_owned())).collect();
        let about = vec![("kernel".to_owned(), "Linux 7.7".to_owned())];
        Results { about, cells, participants, entries }
    }

    #[test]
    fn the_best_has_the_most_or_the_least() {
        for cell in crate::cell::all(true) {
            let entries = vec![entry(&cell, "less", &[1.0, 2.0]), entry(&cell, "more", &[9.0])];
            let results = results(vec![cell.clone()], entries);
            let best = results.best(&cell, |_| true).unwrap().0;
            let less = Measure::of(&cell).less_is_better();
            assert_eq!(best, if less { "less" } else { "more" }, "{}", cell.name);
        }
    }

    #[test]
    fn rows_are_ranked_and_the_refused_come_last() {
        let cell = crate::cell::all(true).remove(0);
        let rows = [("none", &[][..]), ("slow", &[1.0]), ("fast", &[9.0])];
        let entries = rows.map(|(name, rates)| entry(&cell, name, rates)).into();
        let results = results(vec![cell.clone()], entries);
        let names: Vec<_> =
            results.ranked(&cell).iter().map(|(_, entry)| entry.participant.as_str()).collect();
        assert_eq!(names, ["fast", "slow", "none"]);
    }

    #[test]
    fn peers_are_told_by_their_threads() {
        assert!(is_one_thread_peer("compio") && !is_one_thread_peer("compio-2"));
        assert!(is_two_thread_peer("compio-2") && is_two_thread_peer("tokio-fs-uring"));
        assert!(!is_peer("pread-2") && !is_peer("aiofile") && !is_peer("spawn_blocking"));
    }
}
