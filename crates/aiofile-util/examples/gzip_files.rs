//! Many files through a pipeline: read, compressed on a pool of threads, written beside the source.
//!
//! It shows a group of tasks with a limit, work for the processor that keeps no executor's thread
//! busy, and results that get their names when they are complete: an error, Ctrl-C and a kill leave
//! no half file under a final name.
//!
//! ```text
//! cargo run --release -p aiofile-util --example gzip_files -- --jobs 8 LOGS…
//! ```

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use aiofile::{AioFile, Reader, fs, tempfile};
use clap::Parser;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

/// So much is read, compressed and written in one step.
const CHUNK_BYTES: usize = 512 << 10;

#[derive(Parser)]
#[command(about = "Compresses each file into one with .gz behind its name")]
struct Arguments {
    /// So many files are open at once; as many are compressed as there are processors
    #[arg(long, default_value = "8")]
    jobs: NonZeroUsize,
    /// From 0, fast, to 9, small
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=9))]
    level: u32,
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// What was done with a file.
struct Compressed {
    path: PathBuf,
    outcome: io::Result<(u64, u64)>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            _ = writeln!(io::stderr(), "gzip_files: {failed} were not compressed");
            ExitCode::FAILURE
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "gzip_files: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many files could not be compressed.
async fn run(arguments: Arguments) -> io::Result<u64> {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let processors = Arc::new(Semaphore::new(processors));
    let level = Compression::new(arguments.level);
    let (mut files, mut group) = (arguments.files.into_iter(), JoinSet::new());
    let (mut output, mut failed) = (aiofile::stdout(), 0);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        // The next file begins when one is done, so that the group stays small.
        while group.len() < arguments.jobs.get()
            && let Some(path) = files.next()
        {
            let processors = Arc::clone(&processors);
            group.spawn(async move {
                let outcome = compress(&path, level, &processors).await;
                Compressed { path, outcome }
            });
        }
        let compressed = tokio::select! {
            compressed = group.join_next() => compressed,
            // The group goes with this function, and with it its temporary files.
            _ = &mut interrupted => return Err(io::ErrorKind::Interrupted.into()),
        };
        match compressed.transpose()? {
            None => break,
            Some(Compressed { path, outcome: Ok((from, to)) }) => {
                let line = format!("{}: {from} -> {to} bytes\n", path.display());
                output.write_all(line.as_bytes()).await?;
            }
            Some(Compressed { path, outcome: Err(error) }) => {
                _ = writeln!(io::stderr(), "gzip_files: {}: {error}", path.display());
                failed += 1;
            }
        }
    }
    output.flush().await?;
    Ok(failed)
}

/// Compresses one file; its length and that of the result.
async fn compress(
    path: &Path,
    level: Compression,
    processors: &Semaphore,
) -> io::Result<(u64, u64)> {
    if !fs::metadata(path).await?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut target = path.as_os_str().to_owned();
    target.push(".gz");
    if fs::try_exists(&target).await? {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the result exists already"));
    }
    let file = AioFile::open(path, "r").await?;
    let permissions = file.metadata().await?.permissions();
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // What fails of the result is told by the name that it was to get.
    let target = Path::new(&target);
    let named = |error: io::Error| named(&error, target);
    let mut result = tempfile::NamedTempFile::new_in(directory).await.map_err(named)?;
    let mut reader = Reader::new(file).chunk_size(CHUNK_BYTES);
    let mut encoder = GzEncoder::new(Vec::new(), level);
    let mut written = 0;
    while let Some(chunk) = reader.next_chunk().await? {
        let _processor = processors.acquire().await.map_err(io::Error::other)?;
        let (went_on, bytes) = spawn_blocking(move || {
            encoder.write_all(&chunk)?;
            let bytes = std::mem::take(encoder.get_mut());
            io::Result::Ok((encoder, bytes))
        })
        .await??;
        encoder = went_on;
        written += bytes.len() as u64;
        result.write_all(&bytes).await.map_err(named)?;
    }
    let rest = encoder.finish()?;
    written += rest.len() as u64;
    result.write_all(&rest).await.map_err(named)?;
    result.as_file().set_permissions(permissions).await.map_err(named)?;
    result.sync_all().await.map_err(named)?;
    result.persist_noclobber(target).await.map_err(|error| named(error.into()))?;
    Ok((reader.position(), written))
}

/// What the system answered, of this file and not of the temporary one.
fn named(error: &io::Error, target: &Path) -> io::Error {
    let answer = aiofile::Error::of(error).and_then(aiofile::Error::raw_os_error);
    let answer = match answer.or_else(|| error.raw_os_error()) {
        Some(errno) => io::Error::from_raw_os_error(errno).to_string(),
        None => error.kind().to_string(),
    };
    io::Error::new(error.kind(), format!("write {}: {answer}", target.display()))
}
