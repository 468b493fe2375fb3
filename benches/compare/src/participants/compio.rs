//! compio: a runtime with a ring for each thread.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use compio::BufResult;
use compio::buf::IoBuf;
use compio::driver::{DriverType, ProactorBuilder};
use compio::fs::{File, OpenOptions};
use compio::io::{AsyncReadAt, AsyncWriteAt};
use compio::runtime::RuntimeBuilder;
use futures_util::future::join_all;

use crate::buffer::aligned_vector;
use crate::cell::{Job, RANGES, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::{self, Result, Seat};

/// Runs the job on this many runtimes.
pub fn run(job: &Job, threads: usize) -> Result<Report> {
    stage::run(job, threads, job.cell.in_flight, |seat| {
        let mut proactor = ProactorBuilder::new();
        proactor.single_issuer(true).defer_taskrun(true).driver_type(DriverType::IoUring);
        let runtime = RuntimeBuilder::new().with_proactor(proactor).build()?;
        runtime.block_on(tasks(seat))
    })
}

async fn tasks(seat: &Seat<'_>) -> Result<Vec<Lane>> {
    let cell = &seat.job.cell;
    let (work, block) = (cell.work, cell.block);
    let tasks: Vec<_> = if work == Work::SmallFiles {
        let paths = Rc::new(seat.job.small_paths());
        let task_of = |lane| compio::runtime::spawn(whole_files(lane, Rc::clone(&paths)));
        seat.ready().into_iter().map(task_of).collect()
    } else {
        let file = Rc::new(open(seat.job).await?);
        let task_of = |lane| {
            let file = Rc::clone(&file);
            compio::runtime::spawn(async move {
                match work {
                    Work::ManyRanges => ranges(lane, file, block).await,
                    _ => operations(lane, file, work, block).await,
                }
            })
        };
        seat.ready().into_iter().map(task_of).collect()
    };
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.map_err(|_| io::Error::other("a task panicked"))??);
    }
    Ok(ended)
}

async fn open(job: &Job) -> io::Result<File> {
    let flags = if job.cell.direct { libc::O_DIRECT } else { 0 };
    let writes = job.cell.writes();
    OpenOptions::new().read(true).write(writes).custom_flags(flags).open(job.path()).await
}

async fn operations(mut lane: Lane, file: Rc<File>, work: Work, block: usize) -> io::Result<Lane> {
    let (vector, range) = aligned_vector(block);
    let mut buffer = vector.slice(range);
    while let Some(offset) = lane.begin() {
        let result;
        BufResult(result, buffer) = match work {
            Work::RandomWrite | Work::DurableAppend => (&*file).write_at(buffer, offset).await,
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
    // compio reads into what a vector has room for, not over what it holds.
    let mut buffers: Vec<_> = (0..RANGES).map(|_| Vec::with_capacity(block)).collect();
    let mut places = Vec::new();
    while lane.begin_many(&mut places).is_some() {
        let reads = buffers.into_iter().zip(&places);
        let read = reads.map(|(buffer, offset)| file.read_at(buffer, *offset));
        let mut moved = 0;
        buffers = Vec::with_capacity(RANGES);
        for BufResult(result, buffer) in join_all(read).await {
            moved += result?;
            buffers.push(buffer);
        }
        lane.finish_many(moved)?;
    }
    Ok(lane)
}

async fn whole_files(mut lane: Lane, paths: Rc<Vec<PathBuf>>) -> io::Result<Lane> {
    while let Some(index) = lane.begin() {
        let content = compio::fs::read(&paths[index as usize]).await;
        lane.finish(content.map(|content| content.len()))?;
    }
    Ok(lane)
}
