//! `aiofile hash`: hashes of files, and checking them.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use aiofile_util::{CheckOutcome, Checked, ChecksumLine, Hash, HashOptions};
use caio::Choice;
use futures_util::FutureExt;
use serde_json::json;

use super::bar::Bar;
use super::json;
use super::stoppable::failed;
use crate::args::HashArgs;
use crate::failure::Failure;
use crate::output;

/// How much is collected before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// What standard input is called here.
const STDIN: &str = "/dev/stdin";

pub(super) async fn run(backend: Option<Choice>, args: HashArgs) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let mut options = HashOptions::new(args.algorithm).context(&context);
    if let Some(jobs) = args.jobs {
        options = options.jobs(jobs);
    }
    match &args.check {
        Some(list) => check(&options, list, &args).await,
        None => hash(&options, &args).await,
    }
}

async fn hash(options: &HashOptions, args: &HashArgs) -> Result<(), Failure> {
    let paths: Vec<_> = args.files.iter().map(|path| opened_as(path)).collect();
    let mut out = Out::new(Bar::files(args.quiet, Some(paths.len() as u64)));
    let mut hashes = options.files(paths);
    let mut is_whole = true;
    for path in &args.files {
        let next = out.wait(hashes.next()).await?;
        let Some((_, found)) = next else { break };
        match found {
            Ok(hash) => out.put(line_of(args, path, hash))?,
            Err(error) => {
                is_whole = false;
                if args.json {
                    out.put(json::of_path(path, json!({ "error": error.to_string() })).into())?;
                }
                out.complain(&error)?;
            }
        }
        out.bar.add(1);
    }
    out.finish()?;
    if is_whole { Ok(()) } else { Err(Failure::Reported) }
}

fn opened_as(path: &Path) -> PathBuf {
    if path.as_os_str() == "-" { STDIN.into() } else { path.to_owned() }
}

fn line_of(args: &HashArgs, path: &Path, hash: Hash) -> Vec<u8> {
    let kind = args.algorithm;
    if args.json {
        let members = json!({ "algorithm": kind.name(), "hash": hash.to_string() });
        return json::of_path(path, members).into();
    }
    let line = ChecksumLine { kind, hash, path: path.to_owned(), is_binary: false };
    let mut line = line.to_bytes();
    line.push(b'\n');
    line
}

/// How many lines came to what.
#[derive(Default)]
struct Counts {
    same: u64,
    different: u64,
    unreadable: u64,
    malformed: u64,
}

async fn check(options: &HashOptions, list: &Path, args: &HashArgs) -> Result<(), Failure> {
    let mut out = Out::new(Bar::files(args.quiet, None));
    let mut checks = options.check(opened_as(list));
    let mut counts = Counts::default();
    while let Some(checked) = out.wait(checks.next()).await? {
        report(&mut out, &mut counts, args, &checked.map_err(failed)?)?;
        out.bar.add(1);
    }
    let Counts { same, different, unreadable, malformed } = counts;
    if args.json {
        let counts = json!({ "ok": same, "failed": different, "unreadable": unreadable,
                             "malformed": malformed });
        out.put(json::line(&counts).into())?;
    }
    out.finish()?;
    let list = output::shown(list);
    if same + different + unreadable == 0 {
        let kind = args.algorithm;
        return Err(Failure::Failed(format!("{list}: no line of it is one of a {kind} list")));
    }
    for (count, one, several) in [
        (malformed, "line is malformed", "lines are malformed"),
        (unreadable, "file could not be read", "files could not be read"),
        (different, "file has another hash", "files have another hash"),
    ] {
        if count > 0 && !args.json {
            let what = if count == 1 { one } else { several };
            output::complain(format_args!("{list}: {count} {what}, {same} are right"));
        }
    }
    if different + unreadable > 0 { Err(Failure::Reported) } else { Ok(()) }
}

fn report(
    out: &mut Out,
    counts: &mut Counts,
    args: &HashArgs,
    checked: &Checked,
) -> Result<(), Failure> {
    let (count, status, error) = match &checked.outcome {
        CheckOutcome::Same => (&mut counts.same, "OK", None),
        CheckOutcome::Different { .. } => (&mut counts.different, "FAILED", None),
        CheckOutcome::Unreadable(error) => {
            (&mut counts.unreadable, "FAILED open or read", Some(error))
        }
        _ => (&mut counts.malformed, "malformed", None),
    };
    *count += 1;
    if args.json {
        let error = error.map(io::Error::to_string);
        let members = json!({ "line": checked.line, "status": status, "error": error });
        return out.put(json::of_path(&checked.path, members).into());
    }
    if let Some(error) = error {
        out.complain(error)?;
    }
    match checked.outcome {
        CheckOutcome::Same if args.quiet => Ok(()),
        CheckOutcome::Malformed => Ok(()),
        _ => out.put(format!("{}: {status}\n", output::shown(&checked.path)).into()),
    }
}

/// Standard output, written when there is much to write or nothing more to come at once.
struct Out {
    bar: Bar,
    buffer: Vec<u8>,
    is_terminal: bool,
}

impl Out {
    fn new(bar: Bar) -> Self {
        Self { bar, buffer: Vec::new(), is_terminal: io::stdout().is_terminal() }
    }

    fn put(&mut self, line: Vec<u8>) -> Result<(), Failure> {
        self.buffer.extend(line);
        if self.is_terminal || self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn complain(&mut self, error: &io::Error) -> Result<(), Failure> {
        self.flush()?;
        self.bar.beside(|| output::complain(error));
        Ok(())
    }

    /// Waits for what comes next; what there is is written meanwhile.
    async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T, Failure> {
        let mut next = std::pin::pin!(next);
        if let Some(next) = next.as_mut().now_or_never() {
            return Ok(next);
        }
        self.flush()?;
        Ok(next.await)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let written =
            self.bar.beside(|| stdout.write_all(&self.buffer).and_then(|()| stdout.flush()));
        self.buffer.clear();
        written.map_err(|error| Failure::of_stdout(&error))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.bar.finish();
        self.flush()
    }
}
