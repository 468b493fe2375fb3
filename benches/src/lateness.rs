//! How late a timer of a millisecond is beside buffered writes that are done in place, and beside
//! the same ones through the pool, while a neighbour makes the file system busy.
//!
//! ```text
//! cargo run --release -p benches --bin lateness -- DIRECTORY NEIGHBOUR SECONDS
//! ```
//!
//! One thread runs the timer and a task that writes over 64 blocks of 4 KiB of a cached file, and
//! then sleeps for a millisecond: what a write waits for, the timer waits for. (A task that never
//! sleeps delays timers by itself: tokio looks at them each 61 turns of tasks.) Both ways take
//! turns of two seconds.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aiofile::{AioFile, BufferedWrites, OpenOptions};
use aiofile_bench::Latencies;

const TICK: Duration = Duration::from_millis(1);
const TURN: Duration = Duration::from_secs(2);
const BLOCK: usize = 4096;

/// Writes between two pauses.
const BURST: usize = 64;

/// Blocks of the file that is written over.
const BLOCKS: u64 = 16 * 1024;

/// What the neighbour of a way does until it is told to stop.
type Neighbour = fn(&Path, &AtomicBool) -> io::Result<()>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, name, seconds] = arguments.as_slice() else {
        return usage();
    };
    let (Some(neighbour), Ok(seconds)) = (neighbour(name), seconds.parse()) else {
        return usage();
    };
    match run(Path::new(directory), neighbour, Duration::from_secs(seconds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "lateness: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    let _ = writeln!(io::stderr(), "lateness DIRECTORY calm|bulk|fsync|journal SECONDS");
    ExitCode::from(2)
}

fn neighbour(name: &str) -> Option<Neighbour> {
    match name {
        "calm" => Some(|_, _| Ok(())),
        "bulk" => Some(bulk),
        "fsync" => Some(fsync),
        "journal" => Some(journal),
        _ => None,
    }
}

fn run(directory: &Path, neighbour: Neighbour, time: Duration) -> io::Result<()> {
    let scratch = directory.join(format!("lateness-{}", std::process::id()));
    fs::create_dir(&scratch)?;
    let stop = AtomicBool::new(false);
    let measured = thread::scope(|scope| {
        let busy = scope.spawn(|| neighbour(&scratch, &stop));
        let measured = measure(&scratch, time);
        stop.store(true, Ordering::Relaxed);
        busy.join().unwrap_or_else(|_| Err(io::Error::other("the neighbour panicked")))?;
        measured
    });
    fs::remove_dir_all(&scratch)?;
    let mut output = io::stdout();
    writeln!(output, "way        writes/s  late: p50 us     p99   p99.9   worst")?;
    for (way, found) in measured? {
        let late = |share| found.late.percentile_us(share).unwrap_or_default();
        let (rate, shares) = (found.writes as f64 / found.time.as_secs_f64(), [0.5, 0.99, 0.999]);
        let [p50, p99, p999] = shares.map(late);
        let worst = found.late.longest_us().unwrap_or_default();
        writeln!(output, "{way:<10}{rate:>9.0}{p50:>14.0}{p99:>8.0}{p999:>8.0}{worst:>8.0}")?;
    }
    Ok(())
}

#[derive(Default)]
struct Found {
    late: Latencies,
    writes: u64,
    time: Duration,
}

fn measure(scratch: &Path, time: Duration) -> io::Result<Vec<(&'static str, Found)>> {
    let path = scratch.join("written over");
    let file = File::create(&path)?;
    (0..BLOCKS).try_for_each(|block| file.write_all_at(&[1; BLOCK], block * BLOCK as u64))?;
    file.sync_all()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ways = [("pool", BufferedWrites::Pool), ("in_place", BufferedWrites::InPlace)];
    let mut found = ways.map(|(name, _)| (name, Found::default()));
    let begun = Instant::now();
    while begun.elapsed() < time {
        for ((_, found), (_, way)) in found.iter_mut().zip(ways) {
            runtime.block_on(turn(&path, way, found))?;
        }
    }
    Ok(found.into())
}

async fn turn(path: &PathBuf, way: BufferedWrites, found: &mut Found) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).buffered_writes(way).open_aio(path).await?;
    let end = Instant::now() + TURN;
    let writer = tokio::spawn(write(file, end));
    while Instant::now() < end {
        let due = Instant::now() + TICK;
        tokio::time::sleep_until(due.into()).await;
        let late = due.elapsed();
        found.late.record_at_intervals(late.as_nanos() as u64, TICK.as_nanos() as u64);
    }
    found.writes += writer.await.map_err(io::Error::other)??;
    found.time += TURN;
    Ok(())
}

async fn write(file: AioFile, end: Instant) -> io::Result<u64> {
    let (mut block, mut writes) = (0, 0);
    while Instant::now() < end {
        for _ in 0..BURST {
            file.write_all_at(vec![2; BLOCK], block * BLOCK as u64).await?;
            // A step that has no common factor with the number of blocks comes to each of them.
            block = (block + 4099) % BLOCKS;
            writes += 1;
        }
        tokio::time::sleep(TICK).await;
    }
    Ok(writes)
}

/// Writes large files as fast as it can, so that the kernel throttles whoever dirties pages.
fn bulk(scratch: &Path, stop: &AtomicBool) -> io::Result<()> {
    let block = vec![3; 1 << 20];
    let mut file = File::create(scratch.join("bulk"))?;
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        if written == 4096 {
            file = File::create(scratch.join("bulk"))?;
            written = 0;
        }
        file.write_all(&block)?;
        written += 1;
    }
    Ok(())
}

/// Appends and syncs, so that the journal commits again and again.
fn fsync(scratch: &Path, stop: &AtomicBool) -> io::Result<()> {
    let mut file = File::create(scratch.join("log"))?;
    while !stop.load(Ordering::Relaxed) {
        file.write_all(&[4; BLOCK])?;
        file.sync_all()?;
    }
    Ok(())
}

/// Makes and removes files, so that the journal fills up.
fn journal(scratch: &Path, stop: &AtomicBool) -> io::Result<()> {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let file = |number: u64| scratch.join(format!("file-{}", number % 50_000));
        File::create(file(number))?.write_all(b"contents")?;
        if number >= 25_000 {
            let _ = fs::remove_file(file(number - 25_000));
        }
        number += 1;
    }
    Ok(())
}
