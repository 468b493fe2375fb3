//! tokio-uring: a tokio current-thread runtime with a ring, once for each thread; tasks of the same
//! thread share it.

use std::io;
use std::rc::Rc;

use tokio_uring::buf::BoundedBuf;
use tokio_uring::fs::File;

use crate::buffer::aligned_vector;
use crate::cell::{Job, Work};
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
            let task_of =
                |lane| tokio_uring::spawn(operations(lane, Rc::clone(&file), work, block));
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
