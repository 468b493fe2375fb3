//! What the engine is to reach, and whether it does in a run of the matrix.

use std::fmt::Write;

use crate::measure::Measure;
use crate::results::{
    OURS, Results, is_one_thread_peer, is_ours, is_peer, is_two_thread_peer, processor_us,
};

/// One demand.
struct Target {
    cell: &'static str,
    ours: &'static str,
    demand: Demand,
}

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

/// Every demand, by cell.
const TARGETS: &[(&str, &str, &[Demand])] = &[
    ("cached-read-4k-1", OURS, &[Rows(&["pread"], 0.9), Peer(1.3)]),
    ("cached-read-4k-64", OURS, &[Rows(&["pread-2"], 0.9), PeerOnTwo(1.0), PeerOnOne(1.7)]),
    ("direct-read-4k-1", OURS, &[Rows(RING, 0.97), Peer(1.0)]),
    ("direct-read-4k-32", OURS, &[Rows(RING, 0.97), Peer(1.0), Processor("ring", 1.25)]),
    ("direct-read-4k-128", OURS, &[Rows(RING, 0.97), Peer(1.0), Processor("ring", 1.25)]),
    ("direct-write-4k-32", OURS, &[Rows(RING, 0.97), Peer(1.0), Processor("ring", 1.25)]),
    ("write-4k-1", OURS, &[Peer(1.2), Rows(&["pread"], 0.0)]),
    ("write-4k-64", OURS, &[Peer(1.0), Rows(&["pread-2"], 0.0)]),
    ("write-64k-16", OURS, &[Peer(1.0), Rows(&["pread-2"], 0.0)]),
    ("seq-read-64k", OURS, &[Rows(&["pread"], 0.9)]),
    ("seq-read-256k", OURS, &[Rows(&["pread"], 0.9)]),
    ("seq-read-1m", OURS, &[Rows(&["pread"], 0.9)]),
    ("lines-bytes", OURS, &[Rows(&["pread"], 0.85)]),
    ("lines-strings", OURS, &[Rows(&["tokio-fs-8k"], 5.0), Rows(&["tokio-fs", "pread"], 0.0)]),
    ("small-files-64", OURS, &[Rows(&["tokio-fs"], 3.0), Rows(&["pread-2"], 0.8)]),
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
    ("many-ranges-8k", OURS, &[Peer(0.0), Rows(&["pread"], 0.0)]),
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

impl Verdict {
    /// In a word or two.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::Missed => "MISSED",
            Verdict::Recorded => "recorded",
            Verdict::NotMeasured => "not measured",
        }
    }
}

/// A demand with what was measured.
pub struct Checked {
    /// The cell.
    pub cell: &'static str,
    /// Our row.
    pub ours: &'static str,
    /// Whom or what it is compared with.
    pub against: String,
    /// The ratio, or the figure.
    pub measured: String,
    /// What it has to be.
    pub demanded: String,
    /// Whether it is.
    pub verdict: Verdict,
}

/// Every demand, held against a run of the matrix.
pub fn check(results: &Results) -> Vec<Checked> {
    let each = TARGETS.iter().flat_map(|(cell, ours, demands)| {
        demands.iter().map(|demand| Target { cell, ours, demand: *demand })
    });
    each.map(|target| target.check(results)).collect()
}

/// The demands as a table, and how many are missed.
pub fn render(checked: &[Checked]) -> String {
    let mut text = format!(
        "{:<24}{:<16}{:<44}{:>12}{:>12}  verdict\n",
        "cell", "row", "against", "measured", "demanded"
    );
    for one in checked {
        let _ = writeln!(
            text,
            "{:<24}{:<16}{:<44}{:>12}{:>12}  {}",
            one.cell,
            one.ours,
            one.against,
            one.measured,
            one.demanded,
            one.verdict.words()
        );
    }
    let count = |verdict| checked.iter().filter(|one| one.verdict == verdict).count();
    let _ = writeln!(
        text,
        "\n{} met, {} missed, {} not measured. Not among them: the engine's own overhead and its \
         allocations, which benches/ measures.",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::NotMeasured)
    );
    text
}

/// A figure with its rival.
struct Found {
    against: String,
    value: f64,
    shown: String,
}

impl Target {
    fn check(&self, results: &Results) -> Checked {
        let (demanded, passes): (String, Box<dyn Fn(f64) -> bool>) = match self.demand {
            Said | Rows(_, 0.0) | Peer(0.0) => ("-".to_owned(), Box::new(|_| true)),
            Rows(_, least) | Peer(least) | PeerOnTwo(least) | PeerOnOne(least) => {
                (format!(">= {least:.2}"), Box::new(move |ratio| ratio >= least))
            }
            Processor(_, most) => (format!("<= {most:.2}"), Box::new(move |ratio| ratio <= most)),
            AtMost(most) => (format!("<= {most}"), Box::new(move |value| value <= most)),
        };
        let found = self.find(results);
        let verdict = match &found {
            None => Verdict::NotMeasured,
            Some(_) if demanded == "-" => Verdict::Recorded,
            Some(found) if passes(found.value) => Verdict::Met,
            Some(_) => Verdict::Missed,
        };
        let found =
            found.unwrap_or(Found { against: self.wanted(), value: 0.0, shown: "-".to_owned() });
        let (against, measured) = (found.against, found.shown);
        Checked { cell: self.cell, ours: self.ours, against, measured, demanded, verdict }
    }

    fn find(&self, results: &Results) -> Option<Found> {
        let cell = results.cell(self.cell)?;
        let measure = Measure::of(cell);
        let ours = results.figure(cell, self.ours)?.median;
        let best = |passes: &dyn Fn(&str) -> bool| results.best(cell, passes);
        let rival = match self.demand {
            Rows(names, _) => best(&|name| names.contains(&name)),
            Peer(_) => best(&is_peer),
            PeerOnTwo(_) => best(&is_two_thread_peer),
            PeerOnOne(_) => best(&is_one_thread_peer),
            Processor(name, _) => {
                let ours = processor_us(results.entry(cell, self.ours)?)?;
                let value = ours / processor_us(results.entry(cell, name)?)?;
                let against = format!("{name}, CPU for each");
                return Some(Found { against, value, shown: format!("{value:.2}") });
            }
            AtMost(_) | Said => {
                let against = measure.unit().to_owned();
                return Some(Found { against, value: ours, shown: measure.short(ours) });
            }
        };
        let (name, other) = rival?;
        debug_assert!(!is_ours(name) || matches!(self.demand, Rows(..)));
        let value = measure.ratio(ours, other);
        let against = match self.demand {
            Rows(..) => name.to_owned(),
            _ => format!("{}: {name}", self.wanted()),
        };
        Some(Found { against, value, shown: format!("{value:.2}") })
    }

    /// Whom it is to be compared with, where that one was not there.
    fn wanted(&self) -> String {
        match self.demand {
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
    use super::*;
    use crate::cell;
    use crate::participants;
    use crate::results::tests::{entry, results};

    fn verdict(results: &Results, cell: &str, against: &str) -> (Verdict, String) {
        let checked = check(results);
        let fits =
            |one: &&Checked| one.cell == cell && one.ours == OURS && one.against.contains(against);
        let one = checked.iter().find(fits).unwrap();
        (one.verdict, one.measured.clone())
    }

    #[test]
    fn every_demand_names_cells_and_rows_that_exist() {
        let (cells, rows) = (cell::all(false), participants::all());
        let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap();
        for (cell, ours, demands) in TARGETS {
            let cell = cells.iter().find(|one| one.name == *cell).unwrap();
            assert!((row(ours).takes)(cell), "{ours} {}", cell.name);
            for demand in *demands {
                let names: &[&str] = match demand {
                    Rows(names, _) => names,
                    Processor(name, _) => &[*name],
                    _ => continue,
                };
                assert!(names.iter().any(|name| (row(name).takes)(cell)), "{names:?}");
            }
        }
    }

    #[test]
    fn ratios_and_limits_are_judged() {
        let cells = cell::all(true);
        let of = |name: &str| cells.iter().find(|cell| cell.name == name).unwrap();
        let (read, wait) = (of("cached-read-4k-1"), of("fairness-64-wait"));
        let entries = vec![
            entry(read, "pread", &[100.0]),
            entry(read, "compio", &[80.0]),
            entry(read, OURS, &[95.0]),
            entry(wait, OURS, &[12.0]),
        ];
        let results = results(vec![read.clone(), wait.clone()], entries);
        let (met, measured) = verdict(&results, "cached-read-4k-1", "pread");
        assert_eq!((met, measured.as_str()), (Verdict::Met, "0.95"));
        assert_eq!(verdict(&results, "cached-read-4k-1", "best peer").0, Verdict::Missed);
        assert_eq!(verdict(&results, "fairness-64-wait", "ms").0, Verdict::Missed);
        assert_eq!(verdict(&results, "idle", "").0, Verdict::NotMeasured);
    }
}
