//! Prints what was measured: one matrix of medians with the winner of each cell marked, then our
//! ratios, then all figures of every run.

use std::fmt::Write;

use crate::cell::Cell;
use crate::measure::Measure;
use crate::report::Report;
use crate::results::{Results, figure, is_one_thread_peer, is_ours, is_peer};
use crate::runner::Entry;
use crate::stats::{Spread, spread};

const BASELINES: [&str; 9] = [
    "pread",
    "pread-2",
    "threads",
    "ring",
    "ring-2",
    "spawn_blocking",
    "fio:libaio",
    "cp",
    "tasks",
];

/// The matrix, the ratios and the details, as text.
pub fn render(results: &Results) -> String {
    let names: Vec<&str> = results.participants.iter().map(|(name, _)| name.as_str()).collect();
    let about: String =
        results.about.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let ours = names.iter().filter(|name| is_ours(name));
    let ratios: String = ours.map(|name| ratios(results, name)).collect();
    [about, matrix(results, &names), ratios, details(results)].concat()
}

fn matrix(results: &Results, names: &[&str]) -> String {
    let mut text =
        String::from("\nMedians, each in the unit of its cell; * the winner of the cell\n\n");
    let width = |name: &str| name.len().max(8) + 2;
    let _ = write!(text, "{:<22}{:<24}", "cell", "unit");
    for name in names {
        let _ = write!(text, "{name:>width$}", width = width(name));
    }
    text.push('\n');
    for cell in &results.cells {
        let measure = Measure::of(cell);
        let best = results.best(cell, competes).map(|(name, _)| name);
        let _ = write!(text, "{:<22}{:<24}", cell.name, measure.unit());
        for name in names {
            let figure = match results.entry(cell, name) {
                None => "-".to_owned(),
                Some(entry) => figure(cell, entry)
                    .map_or("refused".to_owned(), |figure| measure.short(figure.median)),
            };
            let mark = if best == Some(name) { "*" } else { "" };
            let _ = write!(text, "{:>width$}", format!("{mark}{figure}"), width = width(name));
        }
        text.push('\n');
    }
    text
}

/// Bare tasks do no work that could win.
pub fn competes(name: &str) -> bool {
    name != "tasks"
}

fn ratios(results: &Results, ours: &str) -> String {
    let mut text = format!(
        "\nHow many times better {ours} is than each; ! where it is behind\n\n{:<22}",
        "cell"
    );
    for heading in ["winner but us", "best peer", "best peer, 1 thread"] {
        let _ = write!(text, "{heading:>24}");
    }
    for name in BASELINES {
        let _ = write!(text, "{name:>16}");
    }
    text.push('\n');
    for cell in &results.cells {
        let Some(figure) = results.figure(cell, ours) else { continue };
        let measure = Measure::of(cell);
        let _ = write!(text, "{:<22}", cell.name);
        for words in rivals(results, cell, figure.median) {
            let _ = write!(text, "{words:>24}");
        }
        for name in BASELINES {
            let other = results.figure(cell, name);
            let ratio = other.map(|other| ratio(measure, figure.median, other.median));
            let _ = write!(text, "{:>16}", ratio.as_deref().unwrap_or("-"));
        }
        text.push('\n');
    }
    text
}

/// The ratio to the best of all, of the peers, and of the peers on one thread, with its name.
fn rivals(results: &Results, cell: &Cell, ours: f64) -> [String; 3] {
    let measure = Measure::of(cell);
    let all = results.best(cell, |name| !is_ours(name) && competes(name));
    let (peer, single) = (results.best(cell, is_peer), results.best(cell, is_one_thread_peer));
    [all, peer, single].map(|rival| {
        rival
            .map_or("-".to_owned(), |(name, rate)| format!("{name} {}", ratio(measure, ours, rate)))
    })
}

fn details(results: &Results) -> String {
    let mut text = String::new();
    for cell in &results.cells {
        let measure = Measure::of(cell);
        let _ = writeln!(
            text,
            "\n{:<22}{:>9}{:>20}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}",
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
        for (figure, entry) in results.ranked(cell) {
            detail(&mut text, measure, figure, entry);
        }
    }
    text
}

fn detail(text: &mut String, measure: Measure, figure: Option<Spread>, entry: &Entry) {
    let Some(figure) = figure else {
        let _ = writeln!(text, "  {:<20}refused: {}", entry.participant, entry.why_not());
        return;
    };
    let typical = |of: fn(&Report) -> Option<f64>, digits: usize| {
        let middle = spread(entry.runs.iter().filter_map(of)).map(|spread| spread.median);
        middle.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let range = format!("{}..{}", measure.short(figure.min), measure.short(figure.max));
    let calls = entry.calls_per_op.map_or("-".to_owned(), |calls| format!("{calls:.2}"));
    let _ = writeln!(
        text,
        "  {:<20}{:>9}{range:>20}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{calls:>9}{:>8}{}",
        entry.participant,
        measure.short(figure.median),
        typical(|run| run.p50_us, 1),
        typical(|run| run.p99_us, 1),
        typical(|run| run.p999_us, 1),
        typical(|run| Some(run.user_us_per_op), 2),
        typical(|run| Some(run.system_us_per_op), 2),
        typical(|run| Some(run.switches_per_op), 3),
        typical(|run| Some(run.peak_rss_kib as f64 / 1024.0), 0),
        notes(entry)
    );
}

/// What the last run noted beside its figures.
pub fn notes(entry: &Entry) -> String {
    let notes = entry.runs.last().map(|run| &run.notes);
    let each = |(name, value): (&String, &f64)| format!("  {name} {value:.2}");
    let trim = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    notes.into_iter().flatten().map(each).map(trim).collect()
}

fn ratio(measure: Measure, ours: f64, other: f64) -> String {
    let ratio = measure.ratio(ours, other);
    let mark = if ratio < 1.0 { "!" } else { "" };
    format!("{mark}{ratio:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell;
    use crate::results::tests::{entry, results};

    #[test]
    fn the_winner_is_marked_and_our_ratio_given() {
        let cell = cell::all(true).remove(0);
        let entries = vec![
            entry(&cell, "pread", &[1000.0, 3000.0, 2000.0]),
            entry(&cell, "compio", &[500.0]),
            entry(&cell, "aiofile", &[1000.0]),
        ];
        let text = render(&results(vec![cell], entries));
        assert!(text.contains("*2.00k"), "{text}");
        assert!(text.contains("pread !0.50"), "{text}");
        assert!(text.contains("compio 2.00"), "{text}");
        assert!(text.contains("kernel: Linux 7.7"), "{text}");
    }

    #[test]
    fn where_less_is_better_the_least_wins() {
        let cells = cell::all(true);
        let cell = cells.into_iter().find(|cell| cell.name == "fairness-64-wait").unwrap();
        let entries = vec![entry(&cell, "tokio-fs", &[20.0]), entry(&cell, "aiofile", &[5.0])];
        let text = render(&results(vec![cell], entries));
        assert!(text.contains("*5.00ms"), "{text}");
        assert!(text.contains("tokio-fs 4.00"), "{text}");
    }

    #[test]
    fn a_refused_row_says_why() {
        let cell = cell::all(true).remove(0);
        let mut refused = entry(&cell, "compio", &[]);
        refused.refusals.push("ran on threads".to_owned());
        let text = render(&results(vec![cell], vec![refused]));
        assert!(text.contains("refused: ran on threads"), "{text}");
    }
}
