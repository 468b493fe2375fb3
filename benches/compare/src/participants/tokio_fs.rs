//! `tokio::fs` as it is meant to be used: a `File` for each task, seek and read where there is no
//! positional call, `tokio::fs::read` for whole files. Built with tokio's unstable io_uring, the
//! same code is the row `tokio-fs-uring`.

use std::hint::black_box;
use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader};

use super::blocking_lines;
use super::on_tokio::on_tokio;
use crate::buffer::AlignedBuffer;
use crate::cell::{Job, RANGES, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::Result;

/// Runs the job on tokio's multi-thread runtime with two workers, a task for each lane.
pub fn run(job: &Job) -> Result<Report> {
    on_tokio(job, async |job| {
        let paths = Arc::new(match job.cell.work {
            Work::SmallFiles => job.small_paths(),
            _ => vec![job.path()],
        });
        let cell = Arc::new(job.cell.clone());
        Ok(move |lane: Lane| {
            let (paths, cell) = (Arc::clone(&paths), Arc::clone(&cell));
            async move {
                match cell.work {
                    Work::SmallFiles => whole_files(lane, &paths).await,
                    Work::LineBytes | Work::LineStrings => lines(lane, &paths[0], &cell).await,
                    Work::SequentialRead => sequential(lane, &paths[0], cell.block).await,
                    Work::RandomRead | Work::FairnessWait | Work::FairnessTimer => {
                        reads(lane, &paths[0], cell.block).await
                    }
                    Work::ManyRanges => ranges(lane, &paths[0], cell.block).await,
                    work => writes(lane, &paths[0], cell.block, work).await,
                }
            }
        })
    })
}

async fn reads(mut lane: Lane, path: &PathBuf, block: usize) -> io::Result<Lane> {
    let (mut file, mut buffer) = (File::open(path).await?, AlignedBuffer::new(block));
    while let Some(offset) = lane.begin() {
        file.seek(SeekFrom::Start(offset)).await?;
        lane.finish(file.read_exact(&mut buffer).await)?;
    }
    Ok(lane)
}

/// As many files as ranges, so that all are under way at once.
async fn ranges(mut lane: Lane, path: &PathBuf, block: usize) -> io::Result<Lane> {
    let mut readers = Vec::new();
    for _ in 0..RANGES {
        readers.push((File::open(path).await?, AlignedBuffer::new(block)));
    }
    let mut places = Vec::new();
    while lane.begin_many(&mut places).is_some() {
        let reads = readers.iter_mut().zip(&places).map(async |((file, buffer), offset)| {
            file.seek(SeekFrom::Start(*offset)).await?;
            file.read_exact(buffer).await
        });
        let moved = try_join_all(reads).await?;
        lane.finish_many(moved.iter().sum())?;
    }
    Ok(lane)
}

async fn sequential(mut lane: Lane, path: &PathBuf, block: usize) -> io::Result<Lane> {
    let (mut file, mut buffer) = (File::open(path).await?, AlignedBuffer::new(block));
    let mut expected = 0;
    while let Some(offset) = lane.begin() {
        if offset != expected {
            file.seek(SeekFrom::Start(offset)).await?;
        }
        lane.finish(file.read_exact(&mut buffer).await)?;
        expected = offset + block as u64;
    }
    Ok(lane)
}

async fn writes(mut lane: Lane, path: &PathBuf, block: usize, work: Work) -> io::Result<Lane> {
    let mut file = OpenOptions::new().write(true).open(path).await?;
    let buffer = AlignedBuffer::new(block);
    while let Some(offset) = lane.begin() {
        file.seek(SeekFrom::Start(offset)).await?;
        file.write_all(&buffer).await?;
        // Only a flush says that the kernel has taken the bytes; before it they are in tokio's
        // buffer.
        file.flush().await?;
        if work == Work::DurableAppend {
            file.sync_data().await?;
        }
        lane.finish_whole();
    }
    Ok(lane)
}

async fn whole_files(mut lane: Lane, paths: &[PathBuf]) -> io::Result<Lane> {
    while let Some(index) = lane.begin() {
        let content = tokio::fs::read(&paths[index as usize]).await;
        lane.finish(content.map(|content| content.len()))?;
    }
    Ok(lane)
}

async fn lines(mut lane: Lane, path: &PathBuf, cell: &crate::cell::Cell) -> io::Result<Lane> {
    while lane.begin().is_some() {
        let reader = BufReader::with_capacity(cell.block, File::open(path).await?);
        let seen = match cell.work {
            Work::LineBytes => bytes(reader).await?,
            _ => strings(reader).await?,
        };
        blocking_lines::check(seen, cell.size)?;
        lane.finish_whole();
    }
    Ok(lane)
}

async fn bytes(mut reader: BufReader<File>) -> io::Result<u64> {
    let (mut line, mut seen) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line).await? > 0 {
        seen += black_box(&line).len() as u64;
        line.clear();
    }
    Ok(seen)
}

async fn strings(reader: BufReader<File>) -> io::Result<u64> {
    let (mut lines, mut seen) = (reader.lines(), 0);
    while let Some(line) = lines.next_line().await? {
        seen += black_box(line).len() as u64 + 1;
    }
    Ok(seen)
}
