//! glommio: an executor with its rings for each thread. O_DIRECT is its `DmaFile`, whose buffers
//! come from its own pool; a buffered read allocates, and a buffered write takes its vector away:
//! its API has no reuse for them.

use std::io;
use std::rc::Rc;

use futures_util::future::try_join_all;
use glommio::io::{BufferedFile, DmaFile, OpenOptions};
use glommio::{LocalExecutorBuilder, Placement, Task};

use crate::cell::{Job, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::{self, Result, Seat};

/// Runs the job on this many executors.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    stage::run(job, threads, job.cell.in_flight, |seat| {
        let builder = LocalExecutorBuilder::new(Placement::Unbound).ring_depth(256);
        let executor = builder.make().map_err(|error| error.to_string())?;
        executor.run(tasks(seat))
    })
}

async fn tasks(seat: &Seat<'_>) -> Result<Vec<Lane>> {
    let (work, block) = (seat.job.cell.work, seat.job.cell.block);
    let mut options = OpenOptions::new();
    options.read(true).write(seat.job.cell.writes());
    let tasks: Vec<Task<io::Result<Lane>>> = if seat.job.cell.direct {
        let file = options.dma_open(seat.job.path()).await.map_err(|error| error.to_string())?;
        let file = Rc::new(file);
        let task_of = |lane| glommio::spawn_local(direct(lane, Rc::clone(&file), work, block));
        seat.ready().into_iter().map(task_of).collect()
    } else {
        let file =
            options.buffered_open(seat.job.path()).await.map_err(|error| error.to_string())?;
        let file = Rc::new(file);
        let task_of = |lane| {
            let file = Rc::clone(&file);
            glommio::spawn_local(async move {
                match work {
                    Work::ManyRanges => ranges(lane, file, block).await,
                    _ => buffered(lane, file, work, block).await,
                }
            })
        };
        seat.ready().into_iter().map(task_of).collect()
    };
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await?);
    }
    Ok(ended)
}

async fn direct(mut lane: Lane, file: Rc<DmaFile>, work: Work, block: usize) -> io::Result<Lane> {
    let mut buffer = file.alloc_dma_buffer(block);
    buffer.as_bytes_mut().fill(0xa5);
    let buffer = Rc::new(buffer);
    while let Some(offset) = lane.begin() {
        let result = match work {
            Work::RandomWrite => file.write_rc_at(Rc::clone(&buffer), offset).await,
            _ => file.read_at_aligned(offset, block).await.map(|content| content.len()),
        };
        lane.finish(result.map_err(io::Error::from))?;
    }
    Ok(lane)
}

async fn buffered(
    mut lane: Lane,
    file: Rc<BufferedFile>,
    work: Work,
    block: usize,
) -> io::Result<Lane> {
    while let Some(offset) = lane.begin() {
        let result = match work {
            Work::RandomWrite | Work::DurableAppend => {
                file.write_at(vec![0xa5; block], offset).await
            }
            _ => file.read_at(offset, block).await.map(|content| content.len()),
        };
        if work == Work::DurableAppend {
            file.fdatasync().await.map_err(io::Error::from)?;
        }
        lane.finish(result.map_err(io::Error::from))?;
    }
    Ok(lane)
}

async fn ranges(mut lane: Lane, file: Rc<BufferedFile>, block: usize) -> io::Result<Lane> {
    let mut places = Vec::new();
    while lane.begin_many(&mut places).is_some() {
        let reads = places.iter().map(|offset| file.read_at(*offset, block));
        let read = try_join_all(reads).await.map_err(io::Error::from)?;
        lane.finish_many(read.iter().map(|content| content.len()).sum())?;
    }
    Ok(lane)
}
