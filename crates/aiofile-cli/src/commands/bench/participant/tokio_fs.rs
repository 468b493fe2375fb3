//! `tokio::fs` as its documentation has it: a `File` for each task, seek and then read or write,
//! since it has no positional call.

use std::hint::black_box;
use std::io::SeekFrom;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use aiofile::AlignedBuffer;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader};
use tokio::task::JoinHandle;

use super::{Result, advise, block_on, noise};
use crate::commands::bench::cell::{Access, RANGES, Work};
use crate::commands::bench::job::{Job, Report};
use crate::commands::bench::lane::Lane;
use crate::commands::bench::meter::Meter;

/// Runs the job on tokio's multi-thread runtime.
pub(super) fn run(job: &Job) -> Result<Report> {
    block_on(async {
        let mut files = Vec::new();
        for _ in 0..job.cell.in_flight {
            files.push(if job.cell.work == Work::WholeFile {
                None
            } else {
                Some(open(job).await?)
            });
        }
        let job = Arc::new(job.clone());
        let mut meter = Meter::start(&job);
        let start = |(lane, file)| start(Arc::clone(&job), lane, file);
        let tasks: Vec<_> = meter.lanes().zip(files).map(start).collect();
        meter.wait()?;
        let mut lanes = Vec::new();
        for task in tasks {
            lanes.push(task.await??);
        }
        Ok(Report { backend: "tokio::fs".to_owned(), ..meter.finish(&lanes)? })
    })
}

async fn open(job: &Job) -> Result<File> {
    let append = job.cell.work == Work::DurableAppend;
    let mut options = OpenOptions::new();
    options.read(!append).write(job.cell.writes() && !append).append(append);
    let file = options.open(job.path()).await?;
    advise(job, file.as_fd())?;
    Ok(file)
}

fn start(job: Arc<Job>, lane: Lane, file: Option<File>) -> JoinHandle<Result<Lane>> {
    let block = job.cell.block;
    let Some(file) = file else { return tokio::spawn(whole_files(lane, job)) };
    match job.cell.work {
        Work::RandomWrite | Work::SequentialWrite => tokio::spawn(writes(lane, file, block)),
        Work::DurableAppend => tokio::spawn(appends(lane, file, block)),
        Work::Lines => tokio::spawn(lines(lane, job)),
        Work::Ranges => tokio::spawn(ranges(lane, job)),
        _ => tokio::spawn(reads(lane, file, block)),
    }
}

async fn reads(mut lane: Lane, mut file: File, block: usize) -> Result<Lane> {
    let (mut buffer, mut position) = (noise(block), 0);
    while let Some(offset) = lane.begin() {
        if offset != position {
            file.seek(SeekFrom::Start(offset)).await?;
        }
        lane.end(file.read_exact(&mut buffer).await?, block)?;
        position = offset + block as u64;
    }
    Ok(lane)
}

async fn writes(mut lane: Lane, mut file: File, block: usize) -> Result<Lane> {
    let (buffer, mut position) = (super::noise(block), 0);
    while let Some(offset) = lane.begin() {
        if offset != position {
            file.seek(SeekFrom::Start(offset)).await?;
        }
        file.write_all(&buffer).await?;
        // Before a flush the bytes are in tokio's buffer, not with the kernel.
        file.flush().await?;
        lane.end(block, block)?;
        position = offset + block as u64;
    }
    Ok(lane)
}

async fn appends(mut lane: Lane, mut file: File, block: usize) -> Result<Lane> {
    let record = super::noise(block);
    while lane.begin().is_some() {
        file.write_all(&record).await?;
        file.flush().await?;
        file.sync_data().await?;
        lane.end(block, block)?;
    }
    Ok(lane)
}

async fn whole_files(mut lane: Lane, job: Arc<Job>) -> Result<Lane> {
    while let Some(index) = lane.begin() {
        let content = tokio::fs::read(job.small_file(index)).await?;
        lane.end(content.len(), job.cell.block)?;
    }
    Ok(lane)
}

async fn lines(mut lane: Lane, job: Arc<Job>) -> Result<Lane> {
    while lane.begin().is_some() {
        let file = File::open(job.path()).await?;
        let mut reader = BufReader::with_capacity(job.cell.block, file);
        let (mut line, mut seen) = (Vec::new(), 0);
        while reader.read_until(b'\n', &mut line).await? > 0 {
            seen += black_box(&line).len();
            line.clear();
        }
        lane.end(seen, job.sizes.log as usize)?;
    }
    Ok(lane)
}

/// As many files as ranges, so that all are under way at once.
async fn ranges(mut lane: Lane, job: Arc<Job>) -> Result<Lane> {
    debug_assert!(job.cell.access != Access::Direct);
    let (block, path): (usize, PathBuf) = (job.cell.block, job.path());
    let mut readers = Vec::new();
    for _ in 0..RANGES {
        let file = File::open(&path).await?;
        advise(&job, file.as_fd())?;
        readers.push((file, noise(block)));
    }
    while let Some(places) = lane.begin_ranges() {
        let fetch = |((mut file, mut buffer), offset): ((File, AlignedBuffer), u64)| {
            tokio::spawn(async move {
                file.seek(SeekFrom::Start(offset)).await?;
                let moved = file.read_exact(&mut buffer).await?;
                Ok::<_, std::io::Error>((moved, file, buffer))
            })
        };
        let tasks: Vec<_> = readers.drain(..).zip(places).map(fetch).collect();
        let mut moved = 0;
        for task in tasks {
            let (bytes, file, buffer) = task.await??;
            moved += bytes;
            readers.push((file, buffer));
        }
        lane.end(moved, block * RANGES)?;
    }
    Ok(lane)
}
