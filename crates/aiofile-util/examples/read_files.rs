//! Thousands of files, read one after the other and then many at once, with both times.
//!
//! It shows what concurrency brings where the files are not in memory, a progress bar, and how one
//! file that cannot be read keeps none of the others from being read: what may pass is tried
//! again, and what does not is told.
//!
//! ```text
//! cargo run --release -p aiofile-util --example read_files -- --at-once 64 DIRECTORY…
//! ```

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aiofile::{AioFile, Error, Reader, fs};
use backon::{ExponentialBuilder, Retryable};
use clap::Parser;
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::AsyncWriteExt;

/// A larger file is read chunk by chunk, since all that is read at once is in memory.
const WHOLE_BYTES_MAX: u64 = 1 << 20;

#[derive(Parser)]
#[command(about = "Reads all files below some paths: first one by one, then many at once")]
struct Arguments {
    /// So many files are read at once
    #[arg(long, default_value = "64")]
    at_once: NonZeroUsize,
    /// Files, and directories with all that is in them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// What a run came to.
#[derive(Default)]
struct Outcome {
    files: u64,
    bytes: u64,
    errors: Vec<(PathBuf, io::Error)>,
    time: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            _ = writeln!(io::stderr(), "read_files: {failed} could not be read");
            ExitCode::FAILURE
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "read_files: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many paths could not be read.
async fn run(arguments: Arguments) -> io::Result<usize> {
    let (files, mut failed) = find(arguments.paths).await;
    let sequential = read_all(&files, 1).await;
    let concurrent = read_all(&files, arguments.at_once.get()).await;
    let mut output = aiofile::stdout();
    for (name, outcome) in [("sequential", &sequential), ("concurrent", &concurrent)] {
        let Outcome { files, bytes, time, .. } = outcome;
        let line = format!("{name}: {files} files, {bytes} bytes in {:.3} s\n", time.as_secs_f64());
        output.write_all(line.as_bytes()).await?;
    }
    output.flush().await?;
    for (path, error) in concurrent.errors {
        _ = writeln!(io::stderr(), "read_files: {}: {error}", path.display());
        failed += 1;
    }
    Ok(failed)
}

/// The files, and how many paths could not be looked at.
async fn find(paths: Vec<PathBuf>) -> (Vec<PathBuf>, usize) {
    let (mut files, mut failed) = (Vec::new(), 0);
    for path in paths {
        let mut entries = fs::walk(path).sort(true).entries();
        while let Some(entry) = entries.next().await {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => {
                    _ = writeln!(io::stderr(), "read_files: {error}");
                    failed += 1;
                }
            }
        }
    }
    (files, failed)
}

/// Reads them all, so many at once. The bar is seen on a terminal alone.
async fn read_all(files: &[PathBuf], at_once: usize) -> Outcome {
    let start = Instant::now();
    let bar = ProgressBar::new(files.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {per_sec}, {eta}")
    {
        bar.set_style(style);
    }
    // What fails for want of descriptors or memory may succeed a moment later.
    let policy = ExponentialBuilder::default().with_min_delay(Duration::from_millis(20));
    let may_pass = |error: &io::Error| Error::of(error).is_some_and(Error::is_transient);
    let reads = stream::iter(files).map(async |path| {
        let read = || read(path);
        (path, read.retry(policy).when(may_pass).await)
    });
    let mut reads = std::pin::pin!(reads.buffer_unordered(at_once));
    let mut outcome = Outcome::default();
    while let Some((path, read)) = reads.next().await {
        match read {
            Ok(bytes) => {
                outcome.files += 1;
                outcome.bytes += bytes;
            }
            Err(error) => outcome.errors.push((path.clone(), error)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    outcome.errors.sort_by(|one, other| one.0.cmp(&other.0));
    outcome.time = start.elapsed();
    outcome
}

/// Reads a file to its end; how many bytes it has.
async fn read(path: &Path) -> io::Result<u64> {
    if fs::metadata(path).await?.len() <= WHOLE_BYTES_MAX {
        return Ok(fs::read(path).await?.len() as u64);
    }
    let mut reader = Reader::new(AioFile::open(path, "r").await?).chunk_size(256 << 10);
    loop {
        let bytes = reader.fill().await?.len();
        if bytes == 0 {
            return Ok(reader.position());
        }
        reader.consume(bytes);
    }
}
