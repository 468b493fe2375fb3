//! `aiofile tail`: the last lines of files, and those that follow.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use aiofile::{AioFile, Context, FollowEvent, LineReader, OpenOptions, Reader};
use aiofile_util::{keep_last_lines, last_lines};
use caio::Choice;
use futures_util::stream::{SelectAll, StreamExt, unfold};
use serde_json::json;

use super::{json, stdout};
use crate::args::TailArgs;
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(backend: Option<Choice>, args: TailArgs) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let mut teller = Teller { args: &args, told: None };
    let (mut followed, mut failed) = (Vec::new(), false);
    for path in &args.files {
        match print_last(&context, path, &mut teller).await {
            Ok(end) => followed.extend(end.map(|(file, end)| (path.as_path(), file, end))),
            Err(Stop::Input(error)) => {
                output::complain(error);
                failed = true;
            }
            Err(Stop::Output(failure)) => return Err(failure),
        }
    }
    if args.follow {
        tokio::select! {
            followed = follow(&context, &followed, &mut teller) => failed |= !followed?,
            failure = stdout::reader_gone() => return Err(failure),
        }
    }
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

/// Why a file is not printed to its end.
enum Stop {
    /// It cannot be read; the next one may be.
    Input(io::Error),
    Output(Failure),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Input(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Output(failure)
    }
}

/// Prints the last lines. Gives where to go on; `None` for what cannot be followed.
async fn print_last(
    context: &Context,
    path: &Path,
    teller: &mut Teller<'_>,
) -> Result<Option<(AioFile, u64)>, Stop> {
    let is_stdin = path.as_os_str() == "-";
    let opened = if is_stdin { Path::new("/dev/stdin") } else { path };
    let file = OpenOptions::new().read(true).context(context).open_aio(opened).await?;
    let count = teller.args.lines;
    let metadata = file.metadata().await?;
    teller.heading(path)?;
    if !metadata.is_file() || metadata.len() == 0 {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut lines = LineReader::new(&file);
        for line in keep_last_lines(&mut lines, count).await? {
            teller.line(path, &line)?;
        }
        let end = lines.position();
        return Ok((metadata.is_file() && !is_stdin).then_some((file, end)));
    }
    let mut lines = last_lines(&file, count).await?;
    if !teller.args.json {
        let end = copy(&file, lines.position()).await?;
        return Ok((!is_stdin).then_some((file, end)));
    }
    if !teller.args.follow || is_stdin {
        while let Some(line) = lines.next_line().await? {
            teller.line(path, line)?;
        }
    }
    // Else they are told as they are followed, so that no half line is.
    Ok((!is_stdin).then_some((file, lines.position())))
}

/// Prints all from `offset` on, and gives where that ended.
async fn copy(file: &AioFile, offset: u64) -> Result<u64, Stop> {
    let mut reader = Reader::new(file).offset(offset);
    while let Some(chunk) = reader.next_chunk().await? {
        stdout::write(&chunk)?;
    }
    Ok(reader.position())
}

/// Goes on with these files from there. Ends where none is left; whether none failed.
async fn follow(
    context: &Context,
    files: &[(&Path, AioFile, u64)],
    teller: &mut Teller<'_>,
) -> Result<bool, Failure> {
    let mut all = SelectAll::new();
    for (path, file, end) in files {
        // Another file may have the name by now.
        let lines = LineReader::follow(*path).file(file).offset(*end).context(context);
        let events = unfold(Some(lines), async move |lines| {
            let mut lines = lines?;
            let event = lines.next_event().await;
            // A line that is too long was passed over; all else would happen again.
            let goes_on =
                event.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::InvalidData);
            Some(((*path, event), goes_on.then_some(lines)))
        });
        all.push(events.boxed());
    }
    let mut is_whole = true;
    while let Some((path, event)) = all.next().await {
        match event {
            Ok(FollowEvent::Line(line)) => teller.line(path, &line)?,
            Ok(event) => teller.event(path, &event)?,
            Err(error) => {
                is_whole = false;
                output::complain(error);
            }
        }
    }
    Ok(is_whole)
}

/// Prints lines, and whose they are.
struct Teller<'a> {
    args: &'a TailArgs,
    /// Whose heading was printed last.
    told: Option<PathBuf>,
}

impl Teller<'_> {
    fn heading(&mut self, path: &Path) -> Result<(), Failure> {
        let is_wanted = self.args.files.len() > 1 && !self.args.quiet && !self.args.json;
        if !is_wanted || self.told.as_deref() == Some(path) {
            return Ok(());
        }
        let gap = if self.told.is_some() { "\n" } else { "" };
        self.told = Some(path.to_owned());
        output::print(format_args!("{gap}==> {} <==\n", output::shown(path)))
    }

    fn line(&mut self, path: &Path, line: &[u8]) -> Result<(), Failure> {
        if self.args.json {
            let mut members = json!({ "line": String::from_utf8_lossy(line) });
            if std::str::from_utf8(line).is_err() {
                members["line_bytes"] = json!(line);
            }
            return output::print(json::of_path(path, members));
        }
        self.heading(path)?;
        stdout::write(&[line, b"\n"].concat())
    }

    /// Tells what else happened to a file.
    fn event(&self, path: &Path, event: &FollowEvent) -> Result<(), Failure> {
        let (name, said) = match event {
            FollowEvent::Truncated => ("truncated", "was truncated, and goes on from its start"),
            FollowEvent::Rotated => ("rotated", "is another file now"),
            FollowEvent::Removed => ("removed", "is gone; waiting for another of this name"),
            _ => return Ok(()),
        };
        if self.args.json {
            return output::print(json::of_path(path, json!({ "event": name })));
        }
        if !self.args.quiet {
            output::remark(format_args!("aiofile: {} {said}", output::shown(path)));
        }
        Ok(())
    }
}
