//! tokio-uring: a tokio current-thread runtime with a ring, once for each thread; tasks of the same
//! thread share it.

use std::io;
use std::rc::Rc;

use futures_util::future::join_all;
use tokio_uring::buf::BoundedBuf;
use tokio_uring::fs::File;

use crate::buffer::aligned_vector;
use crate::cell::{Job, RANGES, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::{self, Result};

/// Runs the job on this many runtimes.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    stage::run(job, threads, job.cell.in_flight, |seat| {
        let mut ring = tokio_uring::uring_builder();
        ring.setup_single_issuer().setup_coop_taskrun();
        tokio_uring::builder().entries(256).uring_builder(&ring).start(async {
            let file = Rc::new(File::from_std(seat.job.open()?));
            let (work, block) = (seat.job.cell.work, seat.job.cell.block);
            let task_of = |lane| {
                let file = Rc::clone(&file);
                tokio_uring::spawn(async move {
                    match work {
                        Work::ManyRanges => ranges(lane, file, block).await,
                        _ => operations(lane, file, work, block).await,
                    }
                })
            };
            let tasks: Vec<_> = seat.ready().into_iter().map(task_of).collect();
            let mut ended = Vec::new();
            for task in tasks {
                ended.push(task.await??);
            }
            Ok(ended)
        })
    })
}

async fn operations(mut lane: Lane, file: Rc<File>, work: Work, block: usize) -> io::Result<Lane> {
    let (vector, range) = aligned_vector(block);
    let mut buffer = vector.slice(range);
    while let Some(offset) = lane.begin() {
        let result;
        (result, buffer) = match work {
            Work::RandomWrite | Work::DurableAppend => file.write_at(buffer, offset).submit().await,
            _ => file.read_at(buffer, offset).await,
        };
        if work == Work::DurableAppend {
            file.sync_data().await?;
        }
        lane.finish(result)?;
    }
    Ok(lane)
}

async fn ranges(mut lane: Lane, file: Rc<File>, block: usize) -> io::Result<Lane> {
    let mut buffers = vec![vec![0; block]; RANGES];
    let mut places = Vec::new();
    while lane.begin_many(&mut places).is_some() {
        let reads = buffers.into_iter().zip(&places);
        let read = reads.map(|(buffer, offset)| file.read_at(buffer, *offset));
        let mut moved = 0;
        buffers = Vec::with_capacity(RANGES);
        for (result, buffer) in join_all(read).await {
            moved += result?;
            buffers.push(buffer);
        }
        lane.finish_many(moved)?;
    }
    Ok(lane)
}
