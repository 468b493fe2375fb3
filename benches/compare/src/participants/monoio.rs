//! monoio: a runtime with a ring for each thread.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use futures_util::future::join_all;
use monoio::buf::{IoBuf, IoBufMut};
use monoio::fs::File;
use monoio::{IoUringDriver, RuntimeBuilder};

use crate::buffer::aligned_vector;
use crate::cell::{Job, RANGES, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::{self, Result, Seat};

/// Runs the job on this many runtimes.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    stage::run(job, threads, job.cell.in_flight, |seat| {
        let mut runtime = RuntimeBuilder::<IoUringDriver>::new().with_entries(256).build()?;
        runtime.block_on(tasks(seat))
    })
}

async fn tasks(seat: &Seat<'_>) -> Result<Vec<Lane>> {
    let cell = &seat.job.cell;
    let (work, block) = (cell.work, cell.block);
    let tasks: Vec<_> = if work == Work::SmallFiles {
        let paths = Rc::new(seat.job.small_paths());
        let task_of = |lane| monoio::spawn(whole_files(lane, Rc::clone(&paths)));
        seat.ready().into_iter().map(task_of).collect()
    } else {
        let file = Rc::new(File::from_std(seat.job.open()?)?);
        let task_of = |lane| {
            let file = Rc::clone(&file);
            match work {
                Work::RandomWrite | Work::DurableAppend => {
                    monoio::spawn(Either::Writes(lane, file, work, block).run())
                }
                Work::ManyRanges => monoio::spawn(Either::Ranges(lane, file, block).run()),
                _ => monoio::spawn(Either::Reads(lane, file, block).run()),
            }
        };
        seat.ready().into_iter().map(task_of).collect()
    };
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await?);
    }
    Ok(ended)
}

/// monoio cuts a vector in two ways, for reading from it and for writing to it, so that the two
/// loops differ in type.
enum Either {
    Reads(Lane, Rc<File>, usize),
    Writes(Lane, Rc<File>, Work, usize),
    Ranges(Lane, Rc<File>, usize),
}

impl Either {
    async fn run(self) -> io::Result<Lane> {
        match self {
            Either::Reads(lane, file, block) => reads(lane, &file, block).await,
            Either::Writes(lane, file, work, block) => writes(lane, &file, work, block).await,
            Either::Ranges(lane, file, block) => ranges(lane, &file, block).await,
        }
    }
}

async fn reads(mut lane: Lane, file: &File, block: usize) -> io::Result<Lane> {
    let (vector, range) = aligned_vector(block);
    let mut buffer = vector.slice_mut(range);
    while let Some(offset) = lane.begin() {
        let result;
        (result, buffer) = file.read_at(buffer, offset).await;
        lane.finish(result)?;
    }
    Ok(lane)
}

async fn writes(mut lane: Lane, file: &File, work: Work, block: usize) -> io::Result<Lane> {
    let (vector, range) = aligned_vector(block);
    let mut buffer = vector.slice(range);
    while let Some(offset) = lane.begin() {
        let result;
        (result, buffer) = file.write_at(buffer, offset).await;
        if work == Work::DurableAppend {
            file.sync_data().await?;
        }
        lane.finish(result)?;
    }
    Ok(lane)
}

async fn ranges(mut lane: Lane, file: &File, block: usize) -> io::Result<Lane> {
    let mut buffers: Vec<_> = (0..RANGES).map(|_| Vec::with_capacity(block)).collect();
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

async fn whole_files(mut lane: Lane, paths: Rc<Vec<PathBuf>>) -> io::Result<Lane> {
    while let Some(index) = lane.begin() {
        let content = monoio::fs::read(&paths[index as usize]).await;
        lane.finish(content.map(|content| content.len()))?;
    }
    Ok(lane)
}
