//! Prints what was measured: one matrix of medians with the winner of each cell marked, then our
//! ratios, then all figures of every run.

use std::fmt::Write;

use crate::cell::Cell;
use crate::report::Report;
use crate::runner::Entry;
use crate::stats::{Spread, spread};

const BASELINES: [&str; 7] =
    ["pread", "pread-2", "threads", "ring", "ring-2", "spawn_blocking", "fio:libaio"];
const PEERS: [&str; 5] = ["tokio-uring", "compio", "monoio", "glommio", "tokio-fs"];
const ONE_THREAD_PEERS: [&str; 4] = ["tokio-uring", "compio", "monoio", "glommio"];
const OURS: &str = "aiofile";

/// The matrix, the ratios and the details, as text.
pub fn render(cells: &[Cell], names: &[&str], entries: &[Entry]) -> String {
    let view = View { cells, entries };
    let ours = names.iter().filter(|name| name.starts_with(OURS));
    let ratios: String = ours.map(|name| view.ratios(name)).collect();
    [view.matrix(names), ratios, view.details()].concat()
}

struct View<'a> {
    cells: &'a [Cell],
    entries: &'a [Entry],
}

impl View<'_> {
    fn rate(&self, cell: &Cell, name: &str) -> Option<Spread> {
        let is_it = |entry: &&Entry| entry.cell == cell.name && entry.participant == name;
        rate(cell, self.entries.iter().find(is_it)?)
    }

    fn of_cell<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| entry.cell == cell.name)
    }

    /// The fastest of a cell, of those that pass.
    fn winner(&self, cell: &Cell, passes: impl Fn(&str) -> bool) -> Option<(String, f64)> {
        self.of_cell(cell)
            .filter(|entry| passes(&entry.participant))
            .filter_map(|entry| Some((entry.participant.clone(), rate(cell, entry)?.median)))
            .max_by(|left, right| left.1.total_cmp(&right.1))
    }

    fn matrix(&self, names: &[&str]) -> String {
        let mut text =
            String::from("Medians a second (operations, B bytes); * the winner of the cell\n\n");
        let width = |name: &str| name.len().max(7) + 2;
        let _ = write!(text, "{:<20}", "cell");
        for name in names {
            let _ = write!(text, "{name:>width$}", width = width(name));
        }
        text.push('\n');
        for cell in self.cells {
            let best = self.winner(cell, |_| true).map(|(name, _)| name);
            let _ = write!(text, "{:<20}", cell.name);
            for name in names {
                let figure =
                    self.rate(cell, name).map_or("-".to_owned(), |rate| short(cell, rate.median));
                let mark = if best.as_deref() == Some(name) { "*" } else { "" };
                let _ = write!(text, "{:>width$}", format!("{mark}{figure}"), width = width(name));
            }
            text.push('\n');
        }
        text
    }

    fn ratios(&self, ours: &str) -> String {
        let mut text = format!("\nRatio of {ours} to each; ! where it is behind\n\n{:<20}", "cell");
        for heading in ["winner but us", "best peer", "best peer, 1 thread"] {
            let _ = write!(text, "{heading:>24}");
        }
        for name in BASELINES {
            let _ = write!(text, "{name:>16}");
        }
        text.push('\n');
        for cell in self.cells {
            let Some(rate) = self.rate(cell, ours) else { continue };
            let _ = write!(text, "{:<20}", cell.name);
            for words in self.rivals(cell, rate.median) {
                let _ = write!(text, "{words:>24}");
            }
            for name in BASELINES {
                let ratio = self.rate(cell, name).map(|other| ratio(rate.median, other.median));
                let _ = write!(text, "{:>16}", ratio.as_deref().unwrap_or("-"));
            }
            text.push('\n');
        }
        text
    }

    /// The ratio to the fastest of all, of the peers, and of the peers on one thread, with its
    /// name.
    fn rivals(&self, cell: &Cell, ours: f64) -> [String; 3] {
        let all = self.winner(cell, |name| !name.starts_with(OURS));
        let peer = self.winner(cell, |name| PEERS.iter().any(|peer| name.starts_with(peer)));
        let single = self.winner(cell, |name| ONE_THREAD_PEERS.contains(&name));
        [all, peer, single].map(|rival| {
            rival.map_or("-".to_owned(), |(name, rate)| format!("{name} {}", ratio(ours, rate)))
        })
    }

    fn details(&self) -> String {
        let mut text = String::new();
        for cell in self.cells {
            let mut rows: Vec<_> =
                self.of_cell(cell).map(|entry| (rate(cell, entry), entry)).collect();
            rows.sort_by(|left, right| median(right.0).total_cmp(&median(left.0)));
            let _ = writeln!(
                text,
                "\n{:<20}{:>9}{:>18}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}",
                cell.name,
                "median",
                "min..max",
                "p50 us",
                "p99",
                "p99.9",
                "user us",
                "sys us",
                "switch",
                "calls",
                "MiB"
            );
            rows.iter().for_each(|(rate, entry)| detail(&mut text, cell, *rate, entry));
        }
        text
    }
}

fn detail(text: &mut String, cell: &Cell, rate: Option<Spread>, entry: &Entry) {
    let Some(rate) = rate else {
        let why = entry.refusals.first().map_or("no run", String::as_str);
        let _ = writeln!(text, "  {:<18}{why}", entry.participant);
        return;
    };
    let typical = |of: fn(&Report) -> Option<f64>, digits: usize| {
        let middle = spread(entry.runs.iter().filter_map(of)).map(|spread| spread.median);
        middle.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let range = format!("{}..{}", short(cell, rate.min), short(cell, rate.max));
    let calls = entry.calls_per_op.map_or("-".to_owned(), |calls| format!("{calls:.2}"));
    let _ = writeln!(
        text,
        "  {:<18}{:>9}{range:>18}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{calls:>9}{:>8}",
        entry.participant,
        short(cell, rate.median),
        typical(|run| run.p50_us, 1),
        typical(|run| run.p99_us, 1),
        typical(|run| run.p999_us, 1),
        typical(|run| Some(run.user_us_per_op), 2),
        typical(|run| Some(run.system_us_per_op), 2),
        typical(|run| Some(run.switches_per_op), 3),
        typical(|run| Some(run.peak_rss_kib as f64 / 1024.0), 0),
    );
}

fn ratio(ours: f64, other: f64) -> String {
    let mark = if ours < other { "!" } else { "" };
    format!("{mark}{:.2}", ours / other)
}

fn rate(cell: &Cell, entry: &Entry) -> Option<Spread> {
    let of_run = |run: &Report| {
        if cell.counts_bytes() { run.bytes_per_s } else { run.operations_per_s }
    };
    spread(entry.runs.iter().map(of_run))
}

fn median(rate: Option<Spread>) -> f64 {
    rate.map_or(0.0, |rate| rate.median)
}

/// Three digits and a magnitude.
fn short(cell: &Cell, value: f64) -> String {
    let unit = if cell.counts_bytes() { "B" } else { "" };
    let (scaled, magnitude) = match value {
        value if value >= 999.5e6 => (value / 1e9, "G"),
        value if value >= 999.5e3 => (value / 1e6, "M"),
        value if value >= 999.5 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let digits = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.digits$}{magnitude}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell;

    fn entry(cell: &Cell, participant: &str, rates: &[f64]) -> Entry {
        let run = |rate: &f64| Report { operations_per_s: *rate, ..Report::default() };
        Entry {
            cell: cell.name.clone(),
            participant: participant.to_owned(),
            runs: rates.iter().map(run).collect(),
            refusals: Vec::new(),
            calls_per_op: None,
        }
    }

    #[test]
    fn figures_have_three_digits() {
        let cell = &cell::all(true)[0];
        let shown = |value| short(cell, value);
        assert_eq!(shown(999.0), "999");
        assert_eq!(shown(999.7), "1.00k");
        assert_eq!(shown(17_961.0), "18.0k");
        assert_eq!(shown(2_053_000.0), "2.05M");
        assert_eq!(shown(5.5), "5.50");
    }

    #[test]
    fn the_winner_is_marked_and_our_ratio_given() {
        let cell = cell::all(true).remove(0);
        let entries = [
            entry(&cell, "pread", &[1000.0, 3000.0, 2000.0]),
            entry(&cell, "compio", &[500.0]),
            entry(&cell, "aiofile", &[1000.0]),
        ];
        let text = render(&[cell], &["pread", "compio", "aiofile"], &entries);
        assert!(text.contains("*2.00k"), "{text}");
        assert!(text.contains("pread !0.50"), "{text}");
        assert!(text.contains("compio 2.00"), "{text}");
    }

    #[test]
    fn a_refused_row_says_why() {
        let cell = cell::all(true).remove(0);
        let mut refused = entry(&cell, "compio", &[]);
        refused.refusals.push("ran on threads".to_owned());
        let text = render(&[cell], &["compio"], &[refused]);
        assert!(text.contains("ran on threads"), "{text}");
    }
}
