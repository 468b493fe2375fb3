//! What a program on tokio does by hand today: the plain call, sent to the blocking pool with the
//! buffer moved there and back.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::on_tokio::on_tokio;
use crate::buffer::AlignedBuffer;
use crate::cell::{Job, RANGES, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::Result;

/// Runs the job on tokio's multi-thread runtime with two workers, a task for each lane.
pub fn run(job: &Job) -> Result<Report> {
    on_tokio(job, async |job| {
        let source = Arc::new(match job.cell.work {
            Work::SmallFiles => Source::Paths(job.small_paths()),
            _ => Source::File(job.open()?),
        });
        let (work, block) = (job.cell.work, job.cell.block);
        Ok(move |lane| {
            let source = Arc::clone(&source);
            async move {
                match work {
                    Work::ManyRanges => ranges(lane, source, block).await,
                    _ => lane_of_operations(lane, source, work, block).await,
                }
            }
        })
    })
}

enum Source {
    File(fs::File),
    Paths(Vec<std::path::PathBuf>),
}

async fn lane_of_operations(
    mut lane: Lane,
    source: Arc<Source>,
    work: Work,
    block: usize,
) -> io::Result<Lane> {
    let mut buffer = AlignedBuffer::new(block);
    while let Some(target) = lane.begin() {
        let shared = Arc::clone(&source);
        let call = move || {
            let result = one(&shared, work, &mut buffer, target);
            (result, buffer)
        };
        let (result, back) = spawn_blocking(call).await?;
        buffer = back;
        lane.finish(result)?;
    }
    Ok(lane)
}

/// All ranges of an operation in one hop.
async fn ranges(mut lane: Lane, source: Arc<Source>, block: usize) -> io::Result<Lane> {
    let mut buffers = vec![vec![0; block]; RANGES];
    let mut places = Vec::new();
    while lane.begin_many(&mut places).is_some() {
        let shared = Arc::clone(&source);
        let call = move || {
            let read = |(buffer, offset): (&mut Vec<u8>, &u64)| {
                one(&shared, Work::ManyRanges, buffer, *offset)
            };
            let moved: io::Result<usize> = buffers.iter_mut().zip(&places).map(read).sum();
            (moved, buffers, places)
        };
        let moved;
        (moved, buffers, places) = spawn_blocking(call).await?;
        lane.finish_many(moved?)?;
    }
    Ok(lane)
}

fn one(source: &Source, work: Work, buffer: &mut [u8], target: u64) -> io::Result<usize> {
    match (source, work) {
        (Source::Paths(paths), _) => Ok(fs::read(&paths[target as usize])?.len()),
        (Source::File(file), Work::RandomWrite) => file.write_at(buffer, target),
        (Source::File(file), Work::DurableAppend) => {
            let written = file.write_at(buffer, target)?;
            file.sync_data()?;
            Ok(written)
        }
        (Source::File(file), _) => file.read_at(buffer, target),
    }
}
