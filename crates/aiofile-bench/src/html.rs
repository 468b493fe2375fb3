//! The results as one page that needs nothing else: no script, no font, no picture from elsewhere.

mod plots;
mod svg;

use std::fmt::Write;

use crate::cell::{Access, Work};
use crate::measure::Measure;
use crate::participant::Class;
use crate::results::{Described, Measured, Results, Verdict};
use crate::table;

const STYLE: &str = include_str!("html/style.css");

/// The page.
pub fn page(results: &Results) -> String {
    let title = "aiofile bench";
    let sections = [
        head(results),
        summary(results),
        rows(results),
        sweeps(results),
        latencies(results),
        figures(results),
        machine(results),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n{}\n</body></html>\n",
        sections.concat()
    )
}

/// Text as it may stand in HTML.
fn escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('"', "&quot;")
}

fn headlines(results: &Results) -> impl Iterator<Item = &Measured> {
    results.cells.iter().filter(|measured| measured.cell.is_headline())
}

fn head(results: &Results) -> String {
    let machine = &results.machine;
    let verdicts: Vec<_> = headlines(results).filter_map(Measured::verdict).collect();
    let won = verdicts.iter().filter(|verdict| !verdict.is_loss()).count();
    let against = |rival: &str| {
        let ratios = headlines(results).filter_map(|measured| {
            let ours = measured.figure(measured.verdict()?.ours)?.median;
            Some((ours / measured.figure(rival)?.median).ln())
        });
        let ratios: Vec<_> = ratios.collect();
        (!ratios.is_empty()).then(|| (ratios.iter().sum::<f64>() / ratios.len() as f64).exp())
    };
    let mut tiles = format!(
        "<div class=\"tile\"><b>{won} of {}</b><span>rows in which no other is faster than our \
         best backend</span></div>",
        verdicts.len()
    );
    for (rival, name) in [("tokio-fs", "tokio::fs"), ("pread", "pread threads")] {
        if let Some(mean) = against(rival) {
            let _ = write!(
                tiles,
                "<div class=\"tile\"><b>×{mean:.2}</b><span>our best against {name}, geometric \
                 mean of the rows</span></div>"
            );
        }
    }
    format!(
        "<header><h1>Asynchronous file I/O on this disk</h1><p>{}, {} CPUs · Linux {} · {}</p>\
         <div class=\"tiles\">{tiles}</div></header>",
        escape(&machine.processor),
        machine.cpus,
        escape(&machine.kernel),
        escape(&machine.file_system),
    )
}

fn summary(results: &Results) -> String {
    let from_cache = |measured: &&Measured| {
        measured.cell.access == Access::Cached && measured.cell.work != Work::DurableAppend
    };
    let (cached, device): (Vec<_>, Vec<_>) =
        headlines(results).filter(|measured| measured.verdict().is_some()).partition(from_cache);
    let mut text = String::from(
        "<h2>At a glance</h2><p>Our best backend against the best of the others, row by row. To \
         the right of the line we are faster, to its left slower; each step is a factor.</p>\
         <div class=\"cards wide\">",
    );
    for (title, cells) in [("The page cache", cached), ("The device", device)] {
        if !cells.is_empty() {
            let plot = plots::summary(&cells);
            let _ = write!(text, "<figure class=\"card\"><h3>{title}</h3>{plot}</figure>");
        }
    }
    text + "</div>"
}

fn rows(results: &Results) -> String {
    let mut text = String::from(
        "<h2>Row by row</h2><p>Operations, or bytes (B), each second: medians, with the spread of \
         the runs as a thin line. uring, linux, thread and rust are ours, as they come, and -alone \
         without their routes; pread is a thread for each operation in flight.</p>",
    );
    text += &legend(results);
    text += "<div class=\"cards\">";
    for measured in headlines(results) {
        let (class, words) = match measured.verdict() {
            Some(verdict) if verdict.is_loss() => ("lost", verdict_words(verdict)),
            Some(verdict) => ("won", verdict_words(verdict)),
            None => ("", String::new()),
        };
        let _ = write!(
            text,
            "<figure class=\"card {class}\"><h3>{}</h3><p class=\"verdict\">{words}</p>{}</figure>",
            escape(&measured.cell.title),
            plots::bars(measured)
        );
    }
    text + "</div>"
}

fn verdict_words(verdict: Verdict<'_>) -> String {
    let Verdict { winner, ours, rival, ratio } = verdict;
    match ours == winner {
        true => format!("{winner} wins: ×{ratio:.2} of {rival}"),
        false => format!("{winner} wins: our best, {ours}, is ×{ratio:.2} of it"),
    }
}

fn legend(results: &Results) -> String {
    let mut text = String::from("<ul class=\"legend\">");
    for participant in participants(results) {
        let _ = write!(
            text,
            "<li title=\"{}\"><i style=\"background:{}\"></i>{}</li>",
            escape(&participant.what),
            svg::colour(&participant.name),
            participant.name
        );
    }
    text + "</ul>"
}

/// Those with a colour of their own, where they were measured.
fn participants(results: &Results) -> Vec<&Described> {
    let was_there =
        |one: &&Described| results.cells.iter().any(|cell| cell.figure(&one.name).is_some());
    let all = results.participants.iter().filter(|one| !one.class.is_aside());
    all.filter(was_there).collect()
}

fn sweeps(results: &Results) -> String {
    let participants: Vec<_> = participants(results).iter().map(|one| one.name.as_str()).collect();
    let pick = |passes: &dyn Fn(&Measured) -> bool, key: &dyn Fn(&Measured) -> usize| {
        let random =
            |measured: &&Measured| measured.cell.work == Work::RandomRead && passes(measured);
        let mut cells: Vec<_> = results.cells.iter().filter(random).collect();
        cells.sort_by_key(|measured| key(measured));
        cells
    };
    let mut text = String::new();
    for (access, way, in_flight) in
        [(Access::Cached, "cached", 1), (Access::Direct, "O_DIRECT", 16)]
    {
        let depths = pick(
            &|measured| measured.cell.access == access && measured.cell.block == 4096,
            &|measured| measured.cell.in_flight,
        );
        let blocks = pick(
            &|measured| measured.cell.access == access && measured.cell.in_flight == in_flight,
            &|measured| measured.cell.block,
        );
        if depths.len() > 1 {
            let title = format!("{way}, 4 KiB: operations each second by operations in flight");
            let label = |measured: &Measured| measured.cell.in_flight.to_string();
            let plot = plots::curves(&title, &depths, &participants, label, |_, speed| speed);
            let _ = write!(text, "<figure class=\"card\"><h3>{title}</h3>{plot}</figure>");
        }
        if blocks.len() > 1 {
            let title = format!("{way}, {in_flight} in flight: bytes each second by block");
            let label = |measured: &Measured| measured.cell.block_words();
            let bytes = |measured: &Measured, speed| speed * measured.cell.block as f64;
            let plot = plots::curves(&title, &blocks, &participants, label, bytes);
            let _ = write!(text, "<figure class=\"card\"><h3>{title}</h3>{plot}</figure>");
        }
    }
    if text.is_empty() {
        return text;
    }
    let head = "<h2>Random reads, by depth and by block</h2>";
    format!("{head}{}<div class=\"cards wide\">{text}</div>", legend(results))
}

fn latencies(results: &Results) -> String {
    let mut text = String::from(
        "<h2>Latency</h2><p>From the median (the large dot) over the p99 to the p99.9 (the small \
         one), on a scale of factors. Less is better; a dot that is missing had too few operations \
         to tell.</p><div class=\"cards\">",
    );
    let timed = |measured: &&Measured| {
        measured.cell.measure == Measure::Operations
            && measured.rows.iter().any(|row| !row.runs.is_empty())
    };
    for measured in headlines(results).filter(timed) {
        let (title, plot) = (escape(&measured.cell.title), plots::latencies(measured));
        let _ = write!(text, "<figure class=\"card\"><h3>{title}</h3>{plot}</figure>");
    }
    text + "</div>"
}

fn figures(results: &Results) -> String {
    let mut text = String::from(
        "<h2>All figures</h2><p>Processor time, system calls and context switches are those of one \
         operation; latencies and processor time are in microseconds.</p>",
    );
    for measured in &results.cells {
        let title = escape(&measured.cell.title);
        let _ = write!(
            text,
            "<details><summary>{title}</summary><div class=\"scroll\"><table><tr><th>"
        );
        for name in table::HEADS {
            let _ = write!(text, "<th>{name}");
        }
        for row in &measured.rows {
            let _ = write!(text, "<tr><td>{}", row.participant);
            match &row.refused {
                Some(reason) => {
                    let columns = table::HEADS.len();
                    let _ = write!(text, "<td colspan=\"{columns}\">refused: {}", escape(reason));
                }
                None => {
                    let cells = table::details(measured, row);
                    text.extend(cells.iter().map(|value| format!("<td>{value}")));
                }
            }
        }
        text += "</table></div></details>";
    }
    text
}

fn machine(results: &Results) -> String {
    let mut text = String::from("<h2>Machine, settings, participants</h2><table class=\"facts\">");
    for (name, value) in table::facts(results) {
        let _ = write!(text, "<tr><td>{name}<td>{}", escape(&value));
    }
    for participant in &results.participants {
        let (name, what) = (&participant.name, escape(&participant.what));
        let _ = write!(text, "<tr><td>{name}<td>{what}");
    }
    text += "</table>";
    for participant in results.participants.iter().filter(|one| one.class == Class::Ours) {
        let Described { name, description, refused, .. } = participant;
        let words = if refused.is_some() { " (refused)" } else { "" };
        let report = description.as_ref().or(refused.as_ref()).map(|report| escape(report));
        let _ = write!(
            text,
            "<details><summary>What {name} says of itself{words}</summary><pre>{}</pre></details>",
            report.unwrap_or_default()
        );
    }
    text + "<footer>Made by <code>aiofile bench</code>. The same seed gives the same work; figures \
            of other machines, other disks and other moments differ.</footer>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::participants;
    use crate::results::tests::measured;
    use crate::suite;

    fn results() -> Results {
        let rates: [(&str, &[u64]); 4] =
            [("uring", &[5000, 6000]), ("thread", &[900]), ("pread", &[1000]), ("tokio-fs", &[80])];
        let mut cells: Vec<_> =
            suite::disk(false).iter().map(|cell| measured(cell, &rates)).collect();
        cells[0].rows[1].refuse("ran on <nothing>".to_owned());
        Results {
            machine: Machine::of(&std::env::temp_dir()).unwrap(),
            settings: [("seed".to_owned(), "1".to_owned())].into(),
            participants: participants::all()
                .iter()
                .map(|one| Described::new(one, Ok("backend uring".to_owned())))
                .collect(),
            cells,
        }
    }

    #[test]
    fn the_page_stands_alone_and_has_a_plot_for_everything() {
        let (results, page) = (results(), page(&results()));
        for external in ["<script", "<link", "src=", "@import", "url("] {
            assert!(!page.contains(external), "{external}");
        }
        // Two of the summary, one a row, four curves, and the latencies.
        let (rows, plots) = (headlines(&results).count(), page.matches("<svg ").count());
        assert!(plots > rows + 6, "{plots} plots of {rows} rows");
        assert_eq!(page.matches("<svg ").count(), page.matches("</svg>").count());
        assert!(page.contains("ran on &lt;nothing&gt;") && !page.contains("<nothing>"));
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
    }

    #[test]
    fn a_page_of_a_single_row_has_no_curves() {
        let mut results = results();
        results.cells.truncate(1);
        let page = page(&results);
        assert!(!page.contains("by depth and by block"), "{page}");
    }
}
