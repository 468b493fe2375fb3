//! `tokio::fs` as it is meant to be used: a `File` for each task, seek and then read or write,
//! since it has no positional call, and `tokio::fs::read` for whole files. Built with tokio's
//! unstable io_uring, the same code goes through that.

use std::hint::black_box;
use std::io::{self, SeekFrom};
use std::os::fd::AsFd;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader};

use super::on_tokio::on_tokio;
use super::{advise, full_buffer};
use crate::Result;
use crate::cell::{RANGES, Work};
use crate::client::Client;
use crate::job::{Job, Report, check_lines};
use crate::line_kind::LineKind;
use crate::transfers::whole_files;

/// Runs the job on tokio's multi-thread runtime, a task for each client.
///
/// # Errors
/// Where an operation failed.
pub fn run(job: &Job) -> Result<Report> {
    on_tokio(job, async |job| {
        let paths = match job.cell.work {
            Work::WholeFiles => job.small_paths(),
            _ => Vec::new(),
        };
        let shared = Arc::new((job.clone(), paths));
        Ok(move |client| {
            let shared = Arc::clone(&shared);
            async move {
                let (job, paths) = &*shared;
                if job.cell.work == Work::WholeFiles {
                    let read = async |path| Ok(tokio::fs::read(path).await?.len());
                    return whole_files(client, paths, read).await;
                }
                let ended = match job.cell.work {
                    _ if job.cell.is_lines() => lines(client, job).await,
                    Work::Ranges => ranges(client, job).await,
                    Work::OwnedRange => owned_ranges(client, job).await,
                    _ if job.cell.writes() => writes(client, job).await,
                    _ => reads(client, job).await,
                };
                ended.map_err(io::Error::other)
            }
        })
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

async fn reads(mut client: Client, job: &Job) -> Result<Client> {
    let (mut file, mut buffer) = (open(job).await?, full_buffer(job.cell.block));
    let mut position = 0;
    while let Some(offset) = client.begin() {
        if offset != position {
            file.seek(SeekFrom::Start(offset)).await?;
        }
        client.finish(file.read_exact(&mut buffer).await)?;
        position = offset + buffer.len() as u64;
    }
    Ok(client)
}

async fn writes(mut client: Client, job: &Job) -> Result<Client> {
    let (mut file, buffer) = (open(job).await?, full_buffer(job.cell.block));
    let mut position = 0;
    while let Some(offset) = client.begin() {
        if job.cell.work != Work::DurableAppend && offset != position {
            file.seek(SeekFrom::Start(offset)).await?;
        }
        file.write_all(&buffer).await?;
        // Only a flush says that the kernel has taken the bytes; before it they are in tokio's
        // buffer.
        file.flush().await?;
        if job.cell.is_durable() {
            file.sync_data().await?;
        }
        client.finish_whole();
        position = offset + buffer.len() as u64;
    }
    Ok(client)
}

/// As many files as ranges, so that all are under way at once.
async fn ranges(mut client: Client, job: &Job) -> Result<Client> {
    let mut readers = Vec::new();
    for _ in 0..RANGES {
        readers.push((open(job).await?, full_buffer(job.cell.block)));
    }
    let mut places = Vec::new();
    while client.begin_ranges(&mut places).is_some() {
        let reads = readers.iter_mut().zip(&places).map(async |((file, buffer), offset)| {
            file.seek(SeekFrom::Start(*offset)).await?;
            file.read_exact(buffer).await
        });
        let moved = try_join_all(reads).await?;
        client.finish_ranges(moved.iter().sum())?;
    }
    Ok(client)
}

async fn owned_ranges(mut client: Client, job: &Job) -> Result<Client> {
    let mut file = open(job).await?;
    while let Some(range) = client.begin_range() {
        file.seek(SeekFrom::Start(range.start)).await?;
        let mut buffer = Vec::with_capacity((range.end - range.start) as usize);
        (&mut file).take(range.end - range.start).read_to_end(&mut buffer).await?;
        client.finish_range(black_box(buffer).len(), &range)?;
    }
    Ok(client)
}

async fn lines(mut client: Client, job: &Job) -> Result<Client> {
    while client.begin().is_some() {
        let reader = BufReader::with_capacity(job.cell.block, open(job).await?);
        let seen = match job.cell.work {
            Work::LineBytes => bytes(reader).await?,
            _ => strings(reader, job.cell.lines()).await?,
        };
        check_lines(seen, job.cell.size)?;
        client.finish_whole();
    }
    Ok(client)
}

async fn bytes(mut reader: BufReader<File>) -> io::Result<u64> {
    let (mut line, mut seen) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line).await? > 0 {
        seen += black_box(&line).len() as u64;
        line.clear();
    }
    Ok(seen)
}

async fn strings(reader: BufReader<File>, kind: Option<LineKind>) -> io::Result<u64> {
    let (mut lines, mut seen) = (reader.lines(), 0);
    let end = kind.map_or(0, |kind| kind.end().len() as u64);
    while let Some(line) = lines.next_line().await? {
        seen += black_box(line).len() as u64 + end;
    }
    Ok(seen)
}
