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

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aiofile_util::{BatchOptions, BatchWriter};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const PRODUCERS: usize = 4;
const RECORD: [u8; 100] = [b'.'; 100];

/// How often each way is measured, and how many records it writes each time.
const ROUNDS: usize = 5;
const BATCHED_RECORDS: usize = 4_000_000;
const CHANNEL_RECORDS: usize = 400_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("which directory is to be written in?")?);
    match arguments.next() {
        Some(option) if option == "--measure" => measure(&directory).await?,
        Some(other) => return Err(format!("{} is no option", other.display()).into()),
        None => log_events(&directory.join("events.log")).await?,
    }
    Ok(())
}

/// Events of several tasks, of which the last one of each task is durable.
#[allow(clippy::print_stdout, reason = "it is what this program is for")]
async fn log_events(path: &Path) -> io::Result<()> {
    let options = BatchOptions::new().rotate_bytes(1 << 20).keep_files(3).gzip(6);
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
    println!("{}: {report:?}", path.display());
    Ok(())
}

#[allow(clippy::print_stdout, reason = "it is what this program is for")]
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
    println!("records of {} bytes a second, {PRODUCERS} tasks, 2 threads, no sync", RECORD.len());
    println!("BatchWriter                   {batched:>12.0}");
    println!("tokio::fs behind a channel    {channel:>12.0}");
    println!("ratio                         {:>12.1}", batched / channel);
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
