//! A log of events from many tasks, rotated and compressed; and what it costs beside `tokio::fs`.
//!
//! ```sh
//! cargo run --release -p aiofile-util --example batched_events -- DIRECTORY
//! cargo run --release -p aiofile-util --example batched_events -- DIRECTORY --measure
//! ```
//!
//! Without `--measure` it writes `events.log` there and tells what came of it. With it, four tasks
//! on two threads write records of 100 bytes, by turns through a `BatchWriter` and through a
//! channel to a task that writes each record with `tokio::fs`, and the median of each is printed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use aiofile_util::{BatchOptions, BatchWriter};
use clap::Parser;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

#[derive(Parser)]
#[command(about = "Writes a log of events from many tasks, rotated and compressed")]
struct Arguments {
    directory: PathBuf,
    /// Compares it with a channel to a task that writes each record with tokio::fs
    #[arg(long)]
    measure: bool,
}

const PRODUCERS: usize = 4;
const RECORD: [u8; 100] = [b'.'; 100];

/// How often each way is measured, and how many records it writes each time.
const ROUNDS: usize = 5;
const BATCHED_RECORDS: usize = 4_000_000;
const CHANNEL_RECORDS: usize = 400_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let Arguments { directory, measure: measures } = Arguments::parse();
    let result = match measures {
        true => measure(&directory).await,
        false => log_events(&directory.join("events.log")).await,
    };
    if let Err(error) = result {
        _ = writeln!(io::stderr(), "batched_events: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Events of several tasks, of which the last one of each task is durable.
async fn log_events(path: &Path) -> io::Result<()> {
    let options = BatchOptions::new().record_end(b'\n').rotate_bytes(1 << 20).keep_files(3).gzip(6);
    let log = options.open(path).await?;
    let mut tasks = JoinSet::new();
    for task in 0..PRODUCERS {
        let log = log.clone();
        tasks.spawn(async move {
            for event in 0..20_000 {
                log.append(format!("task={task} event={event} kind=request status=200\n")).await?;
            }
            log.append_durable(format!("task={task} kind=done\n")).await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let report = log.close().await?;
    writeln!(io::stdout(), "{}: {report:?}", path.display())
}

async fn measure(directory: &Path) -> io::Result<()> {
    let (mut batched, mut channel) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let path = directory.join(format!("measured-{round}"));
        let begun = Instant::now();
        write_batched(&path).await?;
        batched.push(BATCHED_RECORDS as f64 / begun.elapsed().as_secs_f64());
        tokio::fs::remove_file(&path).await?;

        let begun = Instant::now();
        write_through_channel(&path).await?;
        channel.push(CHANNEL_RECORDS as f64 / begun.elapsed().as_secs_f64());
        tokio::fs::remove_file(&path).await?;
    }
    let (batched, channel) = (median(batched), median(channel));
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "records of {} bytes a second, {PRODUCERS} tasks, 2 threads, no sync",
        RECORD.len()
    )?;
    writeln!(output, "BatchWriter                   {batched:>12.0}")?;
    writeln!(output, "tokio::fs behind a channel    {channel:>12.0}")?;
    writeln!(output, "ratio                         {:>12.1}", batched / channel)?;
    Ok(())
}

async fn write_batched(path: &Path) -> io::Result<()> {
    let log = BatchWriter::open(path).await?;
    let mut tasks = JoinSet::new();
    for _ in 0..PRODUCERS {
        let log = log.clone();
        tasks.spawn(async move {
            for _ in 0..BATCHED_RECORDS / PRODUCERS {
                log.append(RECORD).await?;
            }
            io::Result::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    log.close().await?;
    Ok(())
}

async fn write_through_channel(path: &Path) -> io::Result<()> {
    let mut file = tokio::fs::File::create(path).await?;
    let (sender, mut records) = mpsc::channel::<Vec<u8>>(1024);
    for _ in 0..PRODUCERS {
        let sender = sender.clone();
        tokio::spawn(async move {
            for _ in 0..CHANNEL_RECORDS / PRODUCERS {
                if sender.send(RECORD.to_vec()).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    while let Some(record) = records.recv().await {
        file.write_all(&record).await?;
    }
    file.flush().await
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
