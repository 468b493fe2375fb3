//! A run of the matrix as a section of Markdown, for a document that keeps figures with their date.

use std::fmt::Write;

use crate::cell::Cell;
use crate::measure::Measure;
use crate::results::{OURS, Results, is_one_thread_peer, is_ours, is_peer, processor_us};
use crate::stats::spread;
use crate::table::competes;
use crate::targets::{self, Verdict};

/// The section: what was measured where, our ratios, the cells that are lost, the demands, and each
/// row of each cell.
pub fn render(results: &Results) -> String {
    let mut text = String::new();
    for (name, value) in &results.about {
        let _ = writeln!(text, "- {name}: {value}");
    }
    text.push_str(&summary(results));
    text.push_str(&losing(results));
    text.push_str(&demands(results));
    for cell in &results.cells {
        text.push_str(&rows(results, cell));
    }
    text
}

/// Our default row in each cell beside those that matter most.
fn summary(results: &Results) -> String {
    let mut text = String::from(
        "\n### Ratios\n\nHow many times better `aiofile` is; **bold** where it is behind. Figures \
         are medians, the ratio of a peer is that to the best of them.\n\n\
         | cell | unit | aiofile | least .. most | winner but us | best peer | best peer, 1 thread \
         | pread | spawn_blocking |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for cell in &results.cells {
        let measure = Measure::of(cell);
        let Some(ours) = results.figure(cell, OURS) else {
            let _ = writeln!(text, "| `{}` | {} | - | | | | | | |", cell.name, measure.unit());
            continue;
        };
        let against = |rival: Option<(&str, f64)>| {
            rival.map_or("-".to_owned(), |(name, value)| {
                format!("{name} {}", bold(measure.ratio(ours.median, value)))
            })
        };
        // A thread that waits in its call has one operation in flight.
        let plain = if cell.in_flight > 1 { "pread-2" } else { "pread" };
        let others = [
            against(results.best(cell, |name| !is_ours(name) && competes(name))),
            against(results.best(cell, is_peer)),
            against(results.best(cell, is_one_thread_peer)),
            against(results.best(cell, |name| name == plain)),
            against(results.best(cell, |name| name == "spawn_blocking")),
        ];
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} .. {} | {} |",
            cell.name,
            measure.unit(),
            measure.short(ours.median),
            measure.short(ours.min),
            measure.short(ours.max),
            others.join(" | ")
        );
    }
    text
}

fn bold(ratio: f64) -> String {
    if ratio < 1.0 { format!("**{ratio:.2}**") } else { format!("{ratio:.2}") }
}

/// The cells in which someone else is ahead of our default row, and by how much.
fn losing(results: &Results) -> String {
    let lost = results.cells.iter().filter_map(|cell| {
        let ours = results.figure(cell, OURS)?.median;
        let (name, value) = results.best(cell, |name| !is_ours(name) && competes(name))?;
        let ratio = Measure::of(cell).ratio(ours, value);
        (ratio < 1.0).then(|| format!("- `{}`: {ratio:.2} of {name}\n", cell.name))
    });
    let lost: String = lost.collect();
    let none = if lost.is_empty() { "None.\n" } else { "" };
    format!("\n### Losing cells\n\n{lost}{none}")
}

fn demands(results: &Results) -> String {
    let mut text = String::from(
        "\n### Demands\n\n| cell | row | against | measured | demanded | verdict |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for one in targets::check(results) {
        let verdict = match one.verdict {
            Verdict::Missed => "**missed**",
            other => other.words(),
        };
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {verdict} |",
            one.cell, one.ours, one.against, one.measured, one.demanded
        );
    }
    text
}

/// Everyone in a cell, the best first.
fn rows(results: &Results, cell: &Cell) -> String {
    let measure = Measure::of(cell);
    let mut text = format!(
        "\n### `{}`, {}\n\n| row | median | least .. most | p50 us | p99 us | p99.9 us \
         | CPU us | system calls | switches | peak MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        cell.name,
        measure.unit()
    );
    for (figure, entry) in results.ranked(cell) {
        let Some(figure) = figure else {
            let _ = writeln!(text, "| {} | refused: {} |", entry.participant, entry.why_not());
            continue;
        };
        let typical = |of: fn(&crate::report::Report) -> Option<f64>, digits: usize| {
            let middle = spread(entry.runs.iter().filter_map(of)).map(|spread| spread.median);
            middle.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} .. {} | {} | {} | {} | {:.2} | {} | {} | {} |",
            entry.participant,
            measure.short(figure.median),
            measure.short(figure.min),
            measure.short(figure.max),
            typical(|run| run.p50_us, 1),
            typical(|run| run.p99_us, 1),
            typical(|run| run.p999_us, 1),
            processor_us(entry).unwrap_or(0.0),
            entry.calls_per_op.map_or("-".to_owned(), |calls| format!("{calls:.2}")),
            typical(|run| Some(run.switches_per_op), 3),
            typical(|run| Some(run.peak_rss_kib as f64 / 1024.0), 0),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell;
    use crate::results::tests::{entry, results};

    #[test]
    fn a_section_has_the_machine_the_ratios_and_the_losses() {
        let cells = cell::all(true);
        let (read, idle) = (cells[0].clone(), cells[cells.len() - 1].clone());
        let entries = vec![
            entry(&read, "pread", &[200.0]),
            entry(&read, OURS, &[100.0, 120.0, 110.0]),
            entry(&read, "compio", &[50.0]),
            entry(&idle, OURS, &[0.0]),
            entry(&idle, "spawn_blocking", &[1.0]),
        ];
        let text = render(&results(vec![read, idle], entries));
        assert!(text.contains("- kernel: Linux 7.7"), "{text}");
        assert!(text.contains("| pread **0.55** | compio 2.20 |"), "{text}");
        assert!(text.contains("- `cached-read-4k-1`: 0.55 of pread\n"), "{text}");
        assert!(text.contains("| `cached-read-4k-1` | aiofile | pread | 0.55 |"), "{text}");
        let order: Vec<_> =
            ["| pread | 200", "| aiofile | 110", "| compio | 50"].map(|row| text.find(row)).into();
        assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{text}");
    }
}
