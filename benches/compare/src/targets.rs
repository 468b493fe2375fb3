//! What the engine is to reach, and whether it does in a run of the matrix.

use aiofile_bench::table::Grid;
use aiofile_bench::{Class, Measured, Results};

const OURS: &str = "aiofile";

/// What is compared with what. All figures are medians.
#[derive(Clone, Copy)]
enum Demand {
    /// So many times the best of these rows.
    Rows(&'static [&'static str], f64),
    /// So many times the best other library.
    Peer(f64),
    /// So many times the best other library on as many threads.
    PeerOnTwo(f64),
    /// So many times the best other library on one thread.
    PeerOnOne(f64),
    /// At most so many times this row's processor time for each operation.
    Processor(&'static str, f64),
    /// At most this, in the unit of the cell.
    AtMost(f64),
    /// To be measured, and said.
    Said,
}

use Demand::{AtMost, Peer, PeerOnOne, PeerOnTwo, Processor, Rows, Said};

const RING: &[&str] = &["ring", "ring-2"];
const THREAD: &str = "aiofile:thread";
const RUST: &str = "aiofile:rust";
const SPAWN: &[&str] = &["spawn_blocking"];
const TOKIO_FS: &[&str] = &["tokio-fs"];
const TOKIO_RING: &[&str] = &["tokio-ring"];
const TEXT: &[Demand] = &[Rows(&["tokio-fs-8k"], 5.0), Rows(&["tokio-fs"], 0.0), Rows(PREAD, 0.0)];
const PREAD: &[&str] = &["pread"];

/// Every demand, by cell.
const TARGETS: &[(&str, &str, &[Demand])] = &[
    ("cached-read-4k-1", OURS, &[Rows(&["pread"], 0.9), Peer(1.3)]),
    ("cached-read-4k-64", OURS, &[Rows(&["pread-2"], 0.9), PeerOnTwo(1.0), PeerOnOne(1.7)]),
    ("direct-read-4k-1", OURS, &[Rows(TOKIO_RING, 1.0), Rows(RING, 0.0), Peer(0.0)]),
    ("direct-read-4k-32", OURS, &[PeerOnTwo(0.95), Rows(RING, 0.0), Processor("ring", 1.25)]),
    ("direct-read-4k-128", OURS, &[PeerOnTwo(0.9), Rows(RING, 0.0), Processor("ring", 1.25)]),
    ("direct-write-4k-32", OURS, &[Rows(RING, 0.97), Peer(1.0), Processor("ring", 1.25)]),
    ("write-4k-1", OURS, &[Peer(2.0), Rows(&["pread"], 0.0)]),
    ("write-4k-64", OURS, &[Rows(&["tokio-thread"], 1.0), Peer(0.0), Rows(&["pread-2"], 0.0)]),
    ("write-64k-16", OURS, &[Peer(1.0), Rows(&["pread-2"], 0.0)]),
    ("seq-read-64k", OURS, &[Rows(&["pread"], 0.9)]),
    ("seq-read-256k", OURS, &[Rows(&["pread"], 0.9)]),
    ("seq-read-1m", OURS, &[Rows(&["pread"], 0.9)]),
    ("lines-bytes", OURS, &[Rows(&["pread"], 0.85)]),
    ("lines-strings", OURS, &[Rows(&["tokio-fs-8k"], 5.0), Rows(&["tokio-fs", "pread"], 0.0)]),
    ("text-lines-usual", OURS, TEXT),
    ("text-lines-short", OURS, TEXT),
    ("text-lines-long", OURS, TEXT),
    ("text-lines-crlf", OURS, TEXT),
    ("text-lines-unicode", OURS, TEXT),
    ("walk-100k", OURS, &[Rows(&["walkdir"], 0.67)]),
    ("walk-100k-parallel", OURS, &[Rows(&["walkdir"], 1.0)]),
    ("hash-10k", OURS, &[Rows(&["sha256sum"], 1.5)]),
    ("small-files-64", OURS, &[Rows(&["tokio-fs"], 3.0), Rows(&["pread-2"], 0.8)]),
    ("fs-metadata-1", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-metadata-64", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-open-1", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-open-64", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-read-1", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-read-64", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-write-1", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-write-64", OURS, &[Rows(TOKIO_FS, 3.0)]),
    ("fs-symlink-metadata-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-symlink-metadata-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-missing-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-missing-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-canonicalize-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-canonicalize-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-set-permissions-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-set-permissions-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-rename-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-rename-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-create-dir-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-create-dir-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-hard-link-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-hard-link-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-read-dir-1", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-read-dir-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-copy-1", OURS, &[Rows(TOKIO_FS, 1.0), Rows(PREAD, 1.0)]),
    ("fs-copy-64", OURS, &[Rows(TOKIO_FS, 1.0)]),
    ("fs-copy-1m", OURS, &[Rows(TOKIO_FS, 1.0), Rows(PREAD, 1.0)]),
    ("fs-copy-256m", OURS, &[Rows(TOKIO_FS, 1.0), Rows(PREAD, 1.0)]),
    ("fs-copy-4k-cold", OURS, &[Rows(TOKIO_FS, 1.0), Rows(PREAD, 1.0)]),
    ("fs-copy-1m-cold", OURS, &[Rows(TOKIO_FS, 1.0), Rows(PREAD, 1.0)]),
    ("fs-copy-256m-cold", OURS, &[Rows(TOKIO_FS, 1.0), Rows(PREAD, 1.0)]),
    ("durable-append-64", OURS, &[Peer(1.0)]),
    ("cached-read-4k-1", THREAD, &[Rows(SPAWN, 1.0), Processor("spawn_blocking", 1.0)]),
    ("cached-read-4k-1", RUST, &[Rows(SPAWN, 1.0), Processor("spawn_blocking", 1.0)]),
    ("cached-read-4k-64", THREAD, &[Rows(SPAWN, 1.2), Processor("spawn_blocking", 1.0)]),
    ("cached-read-4k-64", RUST, &[Rows(SPAWN, 1.2), Processor("spawn_blocking", 1.0)]),
    ("write-4k-1", THREAD, &[Rows(SPAWN, 1.0), Processor("spawn_blocking", 1.0)]),
    ("write-4k-1", RUST, &[Rows(SPAWN, 1.0), Processor("spawn_blocking", 1.0)]),
    ("write-4k-64", THREAD, &[Rows(SPAWN, 1.2), Processor("spawn_blocking", 1.0)]),
    ("write-4k-64", RUST, &[Rows(SPAWN, 1.2), Processor("spawn_blocking", 1.0)]),
    ("cached-read-4k-1", THREAD, &[Rows(&[RUST], 1.0)]),
    ("cached-read-4k-64", THREAD, &[Rows(&[RUST], 1.0)]),
    ("write-4k-1", THREAD, &[Rows(&[RUST], 1.0)]),
    ("write-4k-64", THREAD, &[Rows(&[RUST], 1.0)]),
    ("direct-read-4k-32", "aiofile:linux", &[Rows(&["fio:libaio"], 0.95)]),
    ("direct-write-4k-32", "aiofile:linux", &[Rows(&["fio:libaio"], 0.95)]),
    ("cp-1g-bytes", OURS, &[Rows(&["cp"], 1.0)]),
    ("cp-1g", OURS, &[Rows(&["cp"], 1.0)]),
    ("cp-tree-20k", OURS, &[Rows(&["cp"], 2.0), Rows(&["pread"], 0.0)]),
    ("cp-tree-20k-cold", OURS, &[Rows(&["cp"], 2.0), Rows(&["pread"], 0.0)]),
    ("owned-ranges-cached", OURS, &[Rows(&["mmap"], 0.9)]),
    ("owned-ranges-cold", OURS, &[Rows(&["mmap"], 1.0)]),
    ("owned-ranges-direct", OURS, &[Rows(SPAWN, 1.0)]),
    ("many-ranges-8k", OURS, &[Peer(0.0), Rows(&["pread"], 0.0)]),
    ("readers-compute-32", OURS, &[Rows(TOKIO_RING, 1.0), PeerOnTwo(1.0)]),
    ("compute-1ms", OURS, &[Rows(TOKIO_RING, 1.0), Peer(0.0)]),
    ("echo-beside-direct-32", OURS, &[Rows(TOKIO_RING, 1.0), Peer(0.0)]),
    ("timer-beside-direct-32", OURS, &[Rows(TOKIO_RING, 1.0), Peer(0.0)]),
    ("echo-beside-writes-64", OURS, &[Rows(SPAWN, 1.0), Peer(0.0)]),
    ("timer-beside-writes-64", OURS, &[Rows(SPAWN, 1.0), Peer(0.0)]),
    ("in-flight-100k", OURS, &[Said]),
    ("in-flight-100k-raised", OURS, &[Said]),
    ("fairness-64-wait", OURS, &[AtMost(10.0)]),
    ("fairness-64-timer", OURS, &[AtMost(5.0)]),
    // A runtime that has nothing to do takes some 0.15 ms a second by itself.
    ("idle", OURS, &[AtMost(0.5)]),
];

/// What became of a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is reached.
    Met,
    /// It is not.
    Missed,
    /// Nothing was demanded but the figure.
    Recorded,
    /// A row that it needs is not in this run.
    NotMeasured,
}

/// A demand with what was measured.
pub struct Checked {
    /// The cell, our row, what it is compared with, what was measured and what it has to be.
    words: [String; 5],
    /// Whether it is.
    pub verdict: Verdict,
}

/// Every demand, held against a run of the matrix.
pub fn check(results: &Results) -> Vec<Checked> {
    let mut checked = Vec::new();
    for (cell, ours, demands) in TARGETS {
        for demand in *demands {
            let found = results.cell(cell).and_then(|measured| demand.find(measured, ours));
            let (demanded, verdict) = demand.judge(found.as_ref().map(|found| found.value));
            let (against, shown) = match found {
                Some(found) => (found.against, found.shown),
                None => (demand.against(), "-".to_owned()),
            };
            let words = [(*cell).to_owned(), (*ours).to_owned(), against, shown, demanded];
            checked.push(Checked { words, verdict });
        }
    }
    checked
}

/// The demands as a table, and how many are missed.
pub fn text(checked: &[Checked]) -> String {
    let count = |verdict| checked.iter().filter(|one| one.verdict == verdict).count();
    format!(
        "{}\n{} met, {} missed, {} not measured. Not among them: the engine's own overhead and its \
         allocations, which benches/ measures.\n",
        grid(checked).text(),
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::NotMeasured)
    )
}

/// The same as a part of a section of Markdown.
pub fn markdown(checked: &[Checked]) -> String {
    format!("### Demands\n\n{}", grid(checked).markdown())
}

fn grid(checked: &[Checked]) -> Grid {
    let mut grid = Grid::new(["cell", "row", "against", "measured", "demanded", "verdict"]);
    for one in checked {
        let verdict = match one.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "**missed**",
            Verdict::Recorded => "recorded",
            Verdict::NotMeasured => "not measured",
        };
        grid.push(one.words.iter().cloned().chain([verdict.to_owned()]));
    }
    grid
}

/// A figure with what it is compared with.
struct Found {
    against: String,
    value: f64,
    shown: String,
}

impl Demand {
    fn judge(self, value: Option<f64>) -> (String, Verdict) {
        let verdict = |passes: fn(f64, f64) -> bool, bound| match value {
            None => Verdict::NotMeasured,
            Some(value) if passes(value, bound) => Verdict::Met,
            Some(_) => Verdict::Missed,
        };
        let (least, most) = (|value, bound| value >= bound, |value, bound| value <= bound);
        match self {
            Said | Rows(_, 0.0) | Peer(0.0) => {
                ("-".to_owned(), value.map_or(Verdict::NotMeasured, |_| Verdict::Recorded))
            }
            Rows(_, bound) | Peer(bound) | PeerOnTwo(bound) | PeerOnOne(bound) => {
                (format!(">= {bound:.2}"), verdict(least, bound))
            }
            Processor(_, bound) => (format!("<= {bound:.2}"), verdict(most, bound)),
            AtMost(bound) => (format!("<= {bound}"), verdict(most, bound)),
        }
    }

    fn find(self, measured: &Measured, ours: &str) -> Option<Found> {
        let measure = measured.cell.measure;
        let our_figure = measured.figure(ours)?.median;
        let rival = match self {
            Rows(names, _) => measured.best(|row| names.contains(&row.participant.as_str())),
            Peer(_) => measured.best(|row| row.class.is_peer()),
            PeerOnTwo(_) => measured.best(|row| row.class == Class::Peer),
            PeerOnOne(_) => measured.best(|row| row.class == Class::OneThreadPeer),
            Processor(name, _) => {
                let us = |name| measured.row(name)?.processor_us();
                let value = us(ours)? / us(name)?;
                return Some(Found {
                    against: self.against(),
                    value,
                    shown: format!("{value:.2}"),
                });
            }
            AtMost(_) | Said => {
                let (against, shown) = (measure.unit().to_owned(), measure.short(our_figure));
                return Some(Found { against, value: our_figure, shown });
            }
        };
        let (name, other) = rival?;
        let value = measure.ratio(our_figure, other);
        let against = match self {
            Rows(..) => name.to_owned(),
            _ => format!("{}: {name}", self.against()),
        };
        Some(Found { against, value, shown: format!("{value:.2}") })
    }

    fn against(self) -> String {
        match self {
            Rows(names, _) => names.join(" or "),
            Peer(_) => "best peer".to_owned(),
            PeerOnTwo(_) => "best peer, as many threads".to_owned(),
            PeerOnOne(_) => "best peer, 1 thread".to_owned(),
            Processor(name, _) => format!("{name}, CPU for each"),
            AtMost(_) | Said => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use aiofile_bench::{Machine, Report, Row, find, suite};

    use super::*;
    use crate::participants;

    #[test]
    fn every_demand_names_cells_and_rows_that_exist() {
        let (cells, all) = (suite::comparison(false), participants::all());
        for (cell, ours, demands) in TARGETS {
            let cell = cells.iter().find(|one| one.name == *cell).unwrap();
            assert!((find(&all, ours).unwrap().takes)(cell), "{ours} {}", cell.name);
            for demand in *demands {
                let names: &[&str] = match demand {
                    Rows(names, _) => names,
                    Processor(name, _) => &[*name],
                    _ => continue,
                };
                let takes = |name: &&str| (find(&all, name).unwrap().takes)(cell);
                assert!(names.iter().any(takes), "{names:?}");
            }
        }
    }

    #[test]
    fn ratios_and_limits_are_judged() {
        let all = participants::all();
        let measured = |name: &str, rates: &[(&str, f64)]| {
            let cell = suite::comparison(true).into_iter().find(|cell| cell.name == name).unwrap();
            let row = |(name, rate): &(&str, f64)| {
                let mut row = Row::new(name, find(&all, name).unwrap().class);
                let (operations, longest_us) = (*rate as u64, Some(rate * 1000.0));
                row.add(Ok(Report { operations, longest_us, seconds: 1.0, ..Report::default() }));
                row
            };
            Measured::new(&cell, rates.iter().map(row).collect())
        };
        let read = [("pread", 100.0), ("tokio-fs", 80.0), (OURS, 95.0)];
        let cells = vec![
            measured("cached-read-4k-1", &read),
            measured("fairness-64-wait", &[(OURS, 12.0)]),
        ];
        let (machine, settings) = (Machine::default(), Default::default());
        let checked = check(&Results { machine, settings, participants: Vec::new(), cells });
        let verdict = |cell: &str, against: &str| {
            let fits =
                |one: &&Checked| one.words[..2] == [cell, OURS] && one.words[2].contains(against);
            let one = checked.iter().find(fits).unwrap();
            (one.verdict, one.words[3].as_str())
        };
        assert_eq!(verdict("cached-read-4k-1", "pread"), (Verdict::Met, "0.95"));
        assert_eq!(verdict("cached-read-4k-1", "best peer").0, Verdict::Missed);
        assert_eq!(verdict("fairness-64-wait", "ms").0, Verdict::Missed);
        assert_eq!(verdict("idle", "").0, Verdict::NotMeasured);
    }
}
