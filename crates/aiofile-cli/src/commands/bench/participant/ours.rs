//! Our backends, through the API that everyone uses: one file, reused buffers, a task for each
//! operation in flight.

use std::sync::Arc;

use aiofile::{AioFile, AlignedBuffer, BackendKind, Context, LineReader, OpenOptions};
use bytes::Bytes;
use caio::{BufferedWrites, Choice, Config};
use tokio::task::JoinHandle;

use super::{Result, block_on};
use crate::commands::bench::cell::{Access, RANGES, Work};
use crate::commands::bench::job::{Job, Report, Routes};
use crate::commands::bench::lane::Lane;
use crate::commands::bench::meter::Meter;

/// Runs the job on this backend; `alone`, without the routes around it.
pub(super) fn run(job: &Job, backend: BackendKind, alone: bool) -> Result<Report> {
    block_on(async {
        let context = context(backend, alone)?;
        let file = match job.cell.work {
            Work::WholeFile => None,
            _ => Some(open(job, &context).await?),
        };
        let before = routes(&context);
        let mut meter = Meter::start(job);
        let tasks: Vec<_> = meter.lanes().map(|lane| start(job, lane, &context, &file)).collect();
        meter.wait()?;
        let mut lanes = Vec::new();
        for task in tasks {
            lanes.push(task.await??);
        }
        let mut report = meter.finish(&lanes)?;
        let after = routes(&context);
        report.routes = Some(Routes {
            in_place: after.in_place - before.in_place,
            backend: after.backend - before.backend,
            pool: after.pool - before.pool,
        });
        report.backend = context.info().backend.name().to_owned();
        report.description = context.info().to_string();
        Ok(report)
    })
}

/// The limits are the defaults whatever the user's files say: who compares, compares like with
/// like.
fn context(backend: BackendKind, alone: bool) -> Result<Context> {
    let mut config = Config::default();
    if alone {
        config.in_place = false;
        config.buffered_writes = BufferedWrites::Backend;
    }
    Ok(aiofile::context().choice(Choice::only(backend)).config(config).build()?)
}

fn routes(context: &Context) -> Routes {
    let counters = context.counters();
    Routes {
        in_place: counters.in_place,
        backend: counters.submitted.saturating_sub(counters.routed),
        pool: counters.routed,
    }
}

async fn open(job: &Job, context: &Context) -> Result<AioFile> {
    let append = job.cell.work == Work::DurableAppend;
    let options = OpenOptions::new()
        .read(!append)
        .write(job.cell.writes() && !append)
        .append(append)
        .direct(job.cell.access == Access::Direct)
        .context(context);
    let file = options.open(job.path()).await?;
    super::advise(job, &file)?;
    Ok(file)
}

fn start(
    job: &Job,
    lane: Lane,
    context: &Context,
    file: &Option<AioFile>,
) -> JoinHandle<Result<Lane>> {
    let block = job.cell.block;
    let Some(file) = file.clone() else {
        return tokio::spawn(whole_files(lane, context.clone(), Arc::new(job.clone())));
    };
    match job.cell.work {
        Work::RandomWrite | Work::SequentialWrite => tokio::spawn(writes(lane, file, block)),
        Work::DurableAppend => tokio::spawn(appends(lane, file, block)),
        Work::Lines => tokio::spawn(lines(lane, file, job.sizes.log)),
        Work::Ranges => tokio::spawn(ranges(lane, file, block)),
        _ => tokio::spawn(reads(lane, file, block)),
    }
}

async fn reads(mut lane: Lane, file: AioFile, block: usize) -> Result<Lane> {
    let mut buffer = AlignedBuffer::new(block, caio::DEFAULT_ALIGNMENT);
    while let Some(offset) = lane.begin() {
        let (result, back) = file.read_into(buffer, offset).await;
        buffer = back;
        lane.end(result?, block)?;
    }
    Ok(lane)
}

async fn writes(mut lane: Lane, file: AioFile, block: usize) -> Result<Lane> {
    let mut buffer = super::noise(block);
    while let Some(offset) = lane.begin() {
        let (result, back) = file.write_from(buffer, offset).await;
        buffer = back;
        lane.end(result?, block)?;
    }
    Ok(lane)
}

async fn appends(mut lane: Lane, file: AioFile, block: usize) -> Result<Lane> {
    let record = Bytes::copy_from_slice(&super::noise(block));
    while lane.begin().is_some() {
        file.append(record.clone()).await?;
        file.fdatasync().await?;
        lane.end(block, block)?;
    }
    Ok(lane)
}

async fn whole_files(mut lane: Lane, context: Context, job: Arc<Job>) -> Result<Lane> {
    while let Some(index) = lane.begin() {
        let content = context.read_file(&job.small_file(index)).await?;
        lane.end(content.len(), job.cell.block)?;
    }
    Ok(lane)
}

async fn lines(mut lane: Lane, file: AioFile, size: u64) -> Result<Lane> {
    while lane.begin().is_some() {
        let (mut reader, mut seen) = (LineReader::new(&file), 0);
        while let Some(line) = reader.next_line().await? {
            seen += line.len() + 1;
        }
        lane.end(seen, size as usize)?;
    }
    Ok(lane)
}

async fn ranges(mut lane: Lane, file: AioFile, block: usize) -> Result<Lane> {
    while let Some(places) = lane.begin_ranges() {
        let end = |offset: &u64| *offset + block as u64;
        let wanted: Vec<_> = places.iter().map(|offset| *offset..end(offset)).collect();
        let read = file.read_ranges(&wanted).await?;
        lane.end(read.iter().map(Bytes::len).sum(), block * RANGES)?;
    }
    Ok(lane)
}
