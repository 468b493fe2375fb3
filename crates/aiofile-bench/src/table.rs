//! The results as text for a terminal and as Markdown for a document.

mod grid;

use std::fmt::Write;

pub use grid::Grid;

use crate::measure::short;
use crate::participant::Class;
use crate::results::{Measured, Results, Row};

/// The matrix with winners and ratios, ours in forms that do not compete, what was refused and,
/// with `details`, all figures.
pub fn text(results: &Results, details: bool) -> String {
    let mut text = String::new();
    for (name, value) in facts(results) {
        let _ = writeln!(text, "{name:<13} {value}");
    }
    text.push_str("\nMedians, each in the unit of its row. * wins the row.\n");
    text.push_str("The ratio is that of our best to the best of the others; below 1 we lose.\n\n");
    text += &matrix(results, |class| !class.is_aside(), true).text();
    let aside = matrix(results, Class::is_aside, false);
    if !aside.is_empty() {
        text.push_str("\nOurs in other forms, which do not compete\n\n");
        text += &aside.text();
    }
    refusals(&mut text, results);
    if !details {
        let hint = "--details, --json and --html have latencies, processor time, system calls";
        let _ = writeln!(text, "\n{hint}");
        return text;
    }
    for measured in &results.cells {
        let _ = writeln!(text, "\n{} ({})\n", measured.cell.title, measured.cell.name);
        text += &figures(measured).text();
    }
    text
}

/// A section for a document that keeps figures with their date: what was measured where, our
/// ratios, the cells that we lose, what is `said` beside that, and each row of each cell.
pub fn markdown(results: &Results, baselines: &[&str], said: &str) -> String {
    let mut text = String::new();
    for (name, value) in facts(results) {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let ratios = ratios(results, baselines).markdown();
    let lost = lost(results);
    let lost = if lost.is_empty() { "None.\n".to_owned() } else { lost };
    let _ = write!(
        text,
        "\n### Ratios\n\nHow many times better `aiofile` is; **bold** where it is behind. Figures \
         are medians.\n\n{ratios}\n### Losing cells\n\n{lost}\n{said}"
    );
    for measured in &results.cells {
        let (name, unit) = (&measured.cell.name, measured.cell.measure.unit());
        let _ = write!(text, "\n### `{name}`, {unit}\n\n{}", figures(measured).markdown());
    }
    text
}

/// Our best in each cell beside the best of the others, of the other libraries, of those on one
/// thread, and beside these rows.
pub fn ratios(results: &Results, baselines: &[&str]) -> Grid {
    let heads = ["cell", "unit", "ours", "least .. most", "winner but us"];
    let heads = heads.into_iter().chain(["best peer", "best peer, 1 thread"]);
    let mut grid = Grid::new(heads.chain(baselines.iter().copied()));
    for measured in &results.cells {
        let (cell, measure) = (&measured.cell, measured.cell.measure);
        let Some((ours, value)) = measured.best(|row| row.class == Class::Ours) else {
            grid.push([cell.name.clone(), measure.unit().to_owned()]);
            continue;
        };
        let range = measured.figure(ours).map(|figure| {
            format!("{} .. {}", measure.short(figure.min), measure.short(figure.max))
        });
        let name = cell.name.clone();
        let mut line = vec![name, measure.unit().to_owned(), measure.short(value)];
        line.push(range.unwrap_or_default());
        let against = |rival: Option<(&str, f64)>| {
            rival.map_or("-".to_owned(), |(name, other)| {
                let ratio = measure.ratio(value, other);
                let mark = if ratio < 0.995 { "**" } else { "" };
                format!("{name} {mark}{ratio:.2}{mark}")
            })
        };
        line.push(against(measured.best(|row| row.class.is_rival())));
        line.push(against(measured.best(|row| row.class.is_peer())));
        line.push(against(measured.best(|row| row.class == Class::OneThreadPeer)));
        for name in baselines {
            line.push(against(measured.best(|row| row.participant == *name)));
        }
        grid.push(line);
    }
    grid
}

/// The cells in which another participant is ahead of ours, and by how much: a line each.
pub fn lost(results: &Results) -> String {
    let line = |measured: &Measured| {
        let verdict = measured.verdict().filter(|verdict| verdict.is_loss())?;
        Some(format!("- `{}`: {:.2} of {}\n", measured.cell.name, verdict.ratio, verdict.rival))
    };
    results.cells.iter().filter_map(line).collect()
}

pub(crate) fn facts(results: &Results) -> impl Iterator<Item = (&str, String)> {
    let settings = results.settings.iter();
    let settings = settings.map(|(name, value)| (name.as_str(), value.clone()));
    results.machine.rows().into_iter().chain(settings)
}

fn matrix(results: &Results, passes: impl Fn(Class) -> bool, judged: bool) -> Grid {
    let is_there = |name: &str| results.cells.iter().any(|measured| measured.row(name).is_some());
    let columns = results.participants.iter().filter(|one| passes(one.class));
    let columns: Vec<_> =
        columns.map(|one| one.name.as_str()).filter(|one| is_there(one)).collect();
    let verdict_heads: &[&str] = if judged { &["winner", "ratio"] } else { &[] };
    let mut grid = Grid::new([""].iter().chain(&columns).chain(verdict_heads).copied());
    if columns.is_empty() {
        return grid;
    }
    for measured in &results.cells {
        let verdict = measured.verdict().filter(|_| judged);
        let mut line = vec![measured.cell.title.clone()];
        line.extend(columns.iter().map(|column| {
            let wins = verdict.is_some_and(|verdict| verdict.winner == *column);
            match (measured.row(column), measured.figure(column)) {
                (_, Some(found)) => {
                    let mark = if wins { "*" } else { "" };
                    format!("{mark}{}", measured.cell.measure.short(found.median))
                }
                (Some(_), None) => "refused".to_owned(),
                (None, _) => "-".to_owned(),
            }
        }));
        if let Some(verdict) = verdict {
            let lost = if verdict.is_loss() { "  LOST" } else { "" };
            line.extend([verdict.winner.to_owned(), format!("{:.2}{lost}", verdict.ratio)]);
        }
        if judged || columns.iter().any(|column| measured.row(column).is_some()) {
            grid.push(line);
        }
    }
    grid
}

fn refusals(text: &mut String, results: &Results) {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    let mut add = |reason, what| match reasons.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, all)) => all.push(what),
        None => reasons.push((reason, vec![what])),
    };
    for one in &results.participants {
        if let Some(reason) = &one.refused {
            add(reason, one.name.clone());
        }
    }
    for measured in &results.cells {
        for row in &measured.rows {
            if let Some(reason) = &row.refused {
                add(reason, format!("{} in {}", row.participant, measured.cell.name));
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

/// What is shown of each row in detail.
pub(crate) const HEADS: [&str; 12] = [
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
    "notes",
];

/// All figures of a cell, the best row first.
fn figures(measured: &Measured) -> Grid {
    let mut grid = Grid::new(["row"].into_iter().chain(HEADS));
    for row in measured.ranked() {
        let mut line = vec![row.participant.clone()];
        match &row.refused {
            Some(reason) => line.push(format!("refused: {}", reason.replace('\n', "; "))),
            None => line.extend(details(measured, row)),
        }
        grid.push(line);
    }
    grid
}

/// The figures of a row, in the order of [`HEADS`].
pub(crate) fn details(measured: &Measured, row: &Row) -> Vec<String> {
    let missing = || "-".to_owned();
    let shown = |value: Option<f64>| value.map_or_else(missing, short);
    let figure = row.figure(&measured.cell);
    let mut values: Vec<_> = [
        figure.map(|figure| figure.median),
        figure.map(|figure| figure.min),
        figure.map(|figure| figure.max),
    ]
    .map(|value| value.map_or_else(missing, |value| measured.cell.measure.short(value)))
    .into();
    let median = |figure: Option<crate::Figure>| figure.map(|figure| figure.median);
    values.extend([
        shown(row.p50_us),
        shown(row.p99_us),
        shown(row.p999_us),
        shown(median(row.per_op(|run| run.user_us))),
        shown(median(row.per_op(|run| run.system_us))),
        shown(row.calls_per_op),
        shown(median(row.per_op(|run| run.switches))),
        shown(median(row.over_runs(|run| Some(run.peak_kib as f64 / 1024.0)))),
        notes(row),
    ]);
    values
}

/// What else was seen, over the runs.
fn notes(row: &Row) -> String {
    let names = row.runs.last().into_iter().flat_map(|run| run.notes.keys());
    let each = |name: &String| {
        let figure = row.over_runs(|run| run.notes.get(name).copied())?;
        Some(format!("{name} {}", short(figure.median)))
    };
    names.filter_map(each).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
