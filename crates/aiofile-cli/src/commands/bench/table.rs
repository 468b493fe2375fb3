//! The results as text for a terminal.

use std::fmt::Write;

use super::cell::Cell;
use super::participant::Participant;
use super::results::{Measured, Results, Row};

/// The matrix with winners and ratios, the backends alone, what was refused and, with `details`,
/// all figures.
pub(super) fn render(results: &Results, details: bool) -> String {
    let mut text = String::new();
    for (name, value) in results.machine.rows().iter().chain(&results.settings) {
        let _ = writeln!(text, "{name:<13} {value}");
    }
    text.push_str("\nOperations or bytes each second, medians. * wins the cell.\n");
    text.push_str("The ratio is that of our best to the best of the others; below 1 we lose.\n\n");
    matrix(&mut text, results);
    alone(&mut text, results);
    refusals(&mut text, results);
    if details {
        results.cells.iter().for_each(|measured| figures(&mut text, measured));
    } else {
        text.push_str(
            "\n--details, --json and --html have latencies, processor time, system calls\n",
        );
    }
    text
}

/// A number with three digits and a magnitude.
pub(super) fn short(value: f64) -> String {
    let magnitudes = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let fits = |(size, _): &(f64, _)| value >= size * 0.9995;
    let (scaled, letter) = magnitudes
        .into_iter()
        .find(fits)
        .map_or((value, ""), |(size, letter)| (value / size, letter));
    let digits = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.digits$}{letter}")
}

/// The same with its unit.
pub(super) fn rate(cell: &Cell, value: f64) -> String {
    format!("{}{}", short(value), if cell.counts_bytes() { "B" } else { "" })
}

fn columns(results: &Results, alone: bool) -> Vec<Participant> {
    let measured = |one: &Participant| results.cells.iter().any(|cell| cell.row(*one).is_some());
    let all = Participant::all().filter(|one| one.is_alone() == alone);
    all.filter(measured).collect()
}

fn matrix(text: &mut String, results: &Results) {
    let columns = columns(results, false);
    let width = title_width(results);
    let _ = write!(text, "{:<width$}", "");
    text.extend(columns.iter().map(|column| format!("{column:>9}")));
    text.push_str("  winner    ratio\n");
    for measured in &results.cells {
        let verdict = measured.verdict();
        let _ = write!(text, "{:<width$}", measured.cell.title());
        for column in &columns {
            let wins = verdict.is_some_and(|verdict| verdict.winner == *column);
            let _ = write!(text, "{:>9}", figure(measured, *column, wins));
        }
        if let Some(verdict) = verdict {
            let _ = write!(text, "  {:<9}{:>6.2}", verdict.winner, verdict.ratio);
            text.push_str(if verdict.is_loss() { "  LOST" } else { "" });
        }
        text.push('\n');
    }
}

fn alone(text: &mut String, results: &Results) {
    let columns = columns(results, true);
    if columns.is_empty() {
        return;
    }
    let width = title_width(results);
    text.push_str("\nThe backends alone, nothing done in place or by the pool\n\n");
    let _ = write!(text, "{:<width$}", "");
    text.extend(columns.iter().map(|column| format!("{column:>14}")));
    text.push('\n');
    let is_there = |measured: &&Measured| columns.iter().any(|one| measured.row(*one).is_some());
    for measured in results.cells.iter().filter(is_there) {
        let _ = write!(text, "{:<width$}", measured.cell.title());
        for column in &columns {
            let _ = write!(text, "{:>14}", figure(measured, *column, false));
        }
        text.push('\n');
    }
}

fn title_width(results: &Results) -> usize {
    let widths = results.cells.iter().map(|measured| measured.cell.title().chars().count());
    widths.max().unwrap_or(0) + 1
}

fn figure(measured: &Measured, participant: Participant, wins: bool) -> String {
    match (measured.row(participant), measured.rate(participant)) {
        (_, Some(found)) => {
            format!("{}{}", if wins { "*" } else { "" }, rate(&measured.cell, found.median))
        }
        (Some(_), None) => "refused".to_owned(),
        (None, _) => "-".to_owned(),
    }
}

fn refusals(text: &mut String, results: &Results) {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut add =
        |reason: String, what: String| match reasons.iter_mut().find(|(known, _)| *known == reason)
        {
            Some((_, all)) => all.push(what),
            None => reasons.push((reason, vec![what])),
        };
    for (participant, description) in &results.participants {
        if let Err(reason) = description {
            add(reason.clone(), participant.to_string());
        }
    }
    for measured in &results.cells {
        for row in &measured.rows {
            if let Some(reason) = &row.refused {
                add(reason.clone(), format!("{} in {}", row.participant, measured.cell.name()));
            }
        }
    }
    if !reasons.is_empty() {
        text.push_str("\nRefused\n");
    }
    for (reason, whats) in reasons {
        let _ = writeln!(text, "  {reason}");
        text.extend(whats.iter().map(|what| format!("    {what}\n")));
    }
}

fn figures(text: &mut String, measured: &Measured) {
    let _ = writeln!(text, "\n{} ({})", measured.cell.title(), measured.cell.name());
    let _ = write!(text, "{:<13}", "");
    text.extend(HEADS.iter().map(|head| format!("{head:>11}")));
    text.push('\n');
    for row in measured.rows.iter().filter(|row| row.refused.is_none()) {
        let _ = write!(text, "{:<13}", row.participant);
        text.extend(cells(&measured.cell, row).iter().map(|value| format!("{value:>11}")));
        text.push('\n');
    }
}

/// What the detailed table shows of each row.
pub(super) const HEADS: [&str; 11] = [
    "median",
    "min",
    "max",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "user us/op",
    "sys us/op",
    "calls/op",
    "switch/op",
    "peak MiB",
];

/// The figures of a row, in the order of [`HEADS`].
pub(super) fn cells(cell: &Cell, row: &Row) -> Vec<String> {
    let missing = || "-".to_owned();
    let shown = |value: Option<f64>| value.map_or_else(missing, short);
    let speed = row.rate(cell);
    let latencies = row.latencies();
    let mut values: Vec<_> = [speed.map(|speed| speed.median), speed.map(|speed| speed.min)]
        .into_iter()
        .chain([speed.map(|speed| speed.max)])
        .map(|value| value.map_or_else(missing, |value| rate(cell, value)))
        .collect();
    values.extend([0.5, 0.99, 0.999].map(|share| shown(latencies.percentile_us(share))));
    let median = |figure: Option<super::statistics::Figure>| figure.map(|figure| figure.median);
    values.extend([
        shown(median(row.per_op(|run| run.user_us))),
        shown(median(row.per_op(|run| run.system_us))),
        shown(row.calls_per_op),
        shown(median(row.per_op(|run| run.switches))),
        shown(median(row.figure(|run| run.peak_kib as f64 / 1024.0))),
    ]);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::cell;
    use crate::commands::bench::machine::Machine;
    use crate::commands::bench::results::tests::measured;

    fn results() -> Results {
        let cells = cell::all(true);
        let lost = [("uring", &[500][..]), ("thread", &[900]), ("pread", &[1000])];
        let won = [("uring", &[3000, 5000, 4000][..]), ("tokio-fs", &[1000]), ("rust-alone", &[7])];
        let mut refused = measured(&cells[2], &[("linux", &[1])]);
        refused.rows[0].refuse("ran on \"thread\", not on \"linux\"".to_owned());
        Results {
            machine: Machine::of(&std::env::temp_dir()).unwrap(),
            settings: vec![("seed", "1".to_owned())],
            participants: Vec::new(),
            cells: vec![measured(&cells[0], &lost), measured(&cells[1], &won), refused],
        }
    }

    #[test]
    fn winners_ratios_and_losses_are_marked() {
        let text = render(&results(), false);
        let line = |title: &str| text.lines().find(|line| line.starts_with(title)).unwrap();
        let lost = line("random read, cached, 4 KiB × 1 ");
        assert!(lost.contains("*1.00k") && lost.ends_with("pread      0.90  LOST"), "{lost}");
        let won = line("random read, cached, 4 KiB × 64 ");
        assert!(won.contains("*4.00k") && won.ends_with("uring      4.00"), "{won}");
        assert!(text.contains("rust-alone"), "{text}");
    }

    #[test]
    fn a_refused_row_has_a_reason_and_no_figure() {
        let text = render(&results(), true);
        assert!(text.contains("  ran on \"thread\", not on \"linux\"\n    linux in "), "{text}");
        assert!(text.lines().any(|line| line.contains("refused")), "{text}");
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.5, 9.996, 99.96, 999.7, 12_345.0, 2.5e6, 1e9].map(short);
        assert_eq!(shown, ["0.50", "10.0", "100", "1.00k", "12.3k", "2.50M", "1.00G"]);
    }
}
