//! What is in the logs: numbers by level, the first and the last time, and the first errors.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use crate::blocks::process;
use crate::entry::{Entry, Filter, Level, Time};

/// No more of an error is shown.
const SHOWN_BYTES: usize = 500;

/// What is in a block, or in all.
#[derive(Default)]
struct Summary {
    lines: u64,
    malformed: u64,
    levels: BTreeMap<Option<Level>, u64>,
    times: Option<(Time, Time)>,
    errors: Vec<String>,
}

/// Prints it; how many files could not be read.
pub(crate) async fn run(
    paths: Vec<PathBuf>,
    filter: Filter,
    first_errors: usize,
) -> io::Result<u64> {
    let mut blocks = std::pin::pin!(process(paths, move |path, lines| {
        let mut summary = Summary::default();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            summary.add(path, line, &filter, first_errors);
        }
        summary
    }));
    let (mut all, mut failed) = (Summary::default(), 0);
    while let Some(summary) = blocks.next().await {
        match summary {
            Ok(summary) => all.merge(summary, first_errors),
            Err(error) => {
                crate::tell(&error);
                failed += 1;
            }
        }
    }
    let mut output = aiofile::stdout();
    output.write_all(all.text().as_bytes()).await?;
    output.flush().await?;
    Ok(failed)
}

impl Summary {
    fn add(&mut self, path: &Path, line: &[u8], filter: &Filter, first_errors: usize) {
        let line = line.trim_ascii_end();
        let entry = Entry::parse(line);
        if !filter.wants(&entry) {
            return;
        }
        self.lines += 1;
        self.malformed += u64::from(entry.is_malformed);
        *self.levels.entry(entry.level).or_default() += 1;
        if let Some(time) = entry.time {
            let (first, last) = self.times.get_or_insert((time, time));
            (*first, *last) = (time.min(*first), time.max(*last));
        }
        if entry.level >= Some(Level::Error) && self.errors.len() < first_errors {
            let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN_BYTES)]);
            self.errors.push(format!("{}: {shown}", path.display()));
        }
    }

    /// Takes what comes after it in.
    fn merge(&mut self, next: Self, first_errors: usize) {
        self.lines += next.lines;
        self.malformed += next.malformed;
        for (level, lines) in next.levels {
            *self.levels.entry(level).or_default() += lines;
        }
        self.times = match (self.times, next.times) {
            (Some(ours), Some(next)) => Some((ours.0.min(next.0), ours.1.max(next.1))),
            (ours, next) => ours.or(next),
        };
        self.errors.extend(next.errors);
        self.errors.truncate(first_errors);
    }

    fn text(&self) -> String {
        let mut text = format!("{:>12} lines\n", self.lines);
        for (level, lines) in self.levels.iter().rev() {
            let _ = match level {
                Some(level) => writeln!(text, "{lines:>12} {level}"),
                None => writeln!(text, "{lines:>12} without a level"),
            };
        }
        if self.malformed > 0 {
            let _ = writeln!(text, "{:>12} begin as JSON and are none", self.malformed);
        }
        if let Some((first, last)) = self.times {
            let _ = writeln!(text, "from {first} to {last}");
        }
        for error in &self.errors {
            let _ = writeln!(text, "first errors: {error}");
        }
        text
    }
}
