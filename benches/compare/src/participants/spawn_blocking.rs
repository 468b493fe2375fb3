//! What a program on tokio does by hand today: the plain call, sent to the blocking pool with the
//! buffer moved there and back.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::tokio_fs::on_tokio;
use crate::buffer::AlignedBuffer;
use crate::cell::{Job, Work};
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
        Ok(move |lane| lane_of_operations(lane, Arc::clone(&source), work, block))
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
