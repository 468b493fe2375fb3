//! The lines that match. The pattern is looked for in blocks of lines, and only where it is found
//! are the ends of the line looked for: a regex engine is fastest where it may run on.

use std::io;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use memchr::{memchr, memrchr};
use regex::bytes::{Regex, RegexBuilder};
use tokio::io::AsyncWriteExt;

use crate::blocks::process;
use crate::entry::{Entry, Filter};

/// What was found in a block.
struct Found {
    path: PathBuf,
    lines: u64,
    text: Vec<u8>,
}

/// Prints what is found; how many files could not be read.
pub(crate) async fn run(
    paths: Vec<PathBuf>,
    filter: Filter,
    pattern: &str,
    only_count: bool,
) -> io::Result<u64> {
    let regex = compile(pattern)?;
    let mut blocks = std::pin::pin!(process(paths, move |path, lines| {
        let mut found = Found { path: path.to_owned(), lines: 0, text: Vec::new() };
        matching(&regex, lines, |line| {
            if filter.is_empty() || filter.wants(&Entry::parse(line)) {
                found.lines += 1;
                if !only_count {
                    found.text.extend_from_slice(line);
                    found.text.push(b'\n');
                }
            }
        });
        found
    }));
    let (mut output, mut failed) = (aiofile::stdout(), 0);
    let mut count: Option<(PathBuf, u64)> = None;
    while let Some(found) = blocks.next().await {
        match (found, &mut count) {
            (Err(error), _) => {
                crate::tell(&error);
                failed += 1;
            }
            (Ok(found), _) if !only_count => output.write_all(&found.text).await?,
            (Ok(found), Some((path, lines))) if *path == found.path => *lines += found.lines,
            (Ok(found), _) => {
                if let Some(count) = count.replace((found.path, found.lines)) {
                    output.write_all(count_line(&count).as_bytes()).await?;
                }
            }
        }
    }
    if let Some(count) = count {
        output.write_all(count_line(&count).as_bytes()).await?;
    }
    output.flush().await?;
    Ok(failed)
}

fn count_line((path, lines): &(PathBuf, u64)) -> String {
    format!("{}: {lines}\n", Path::display(path))
}

fn compile(pattern: &str) -> io::Result<Regex> {
    let refuse = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        // Several lines are searched at once, so that their text has other ends than a line.
        if character == '\\' && matches!(characters.next(), Some('A' | 'z')) {
            return Err(refuse("write ^ and $ for the ends of a line, not \\A and \\z".to_owned()));
        }
    }
    let regex = RegexBuilder::new(pattern).multi_line(true).crlf(true).build();
    regex.map_err(|error| refuse(error.to_string()))
}

/// Calls `each` with every line that matches, without its end.
fn matching(regex: &Regex, lines: &[u8], mut each: impl FnMut(&[u8])) {
    let mut from = 0;
    // Behind the last end of a line there is no line, though an empty match would be there.
    while from < lines.len()
        && let Some(found) = regex.find_at(lines, from)
        && (found.start() < lines.len() || lines.last() != Some(&b'\n'))
    {
        let start = memrchr(b'\n', &lines[..found.start()]).map_or(0, |at| at + 1);
        let length = memchr(b'\n', &lines[found.start()..]);
        let end = length.map_or(lines.len(), |length| found.start() + length);
        let line = &lines[start..end];
        if found.end() > start + text(line).len() {
            // Such a pattern goes on over the ends of lines, and perhaps to the end of the block
            // each time.
            return one_by_one(regex, &lines[start..], each);
        }
        each(line);
        from = end + 1;
    }
}

fn one_by_one(regex: &Regex, lines: &[u8], each: impl FnMut(&[u8])) {
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line));
    lines.filter(|line| regex.is_match(text(line))).for_each(each);
}

/// The line without what is left of its end.
fn text(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
