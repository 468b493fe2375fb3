//! aiofile through its public API, on tokio's multi-thread runtime: what a user gets by default,
//! and each backend with nothing done in place.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aiofile::{
    AioFile, AlignedBuffer, BackendKind, Context, OpenOptions, OwnedBuffer, OwnedBufferMut,
};
use caio::BufferedWrites;

use super::tokio_fs::on_tokio;
use crate::buffer::ALIGNMENT;
use crate::cell::{Cell, Job, Work};
use crate::lane::Lane;
use crate::report::Report;
use crate::stage::Result;

/// Which of our rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The context that files get when none is named.
    Default,
    /// io_uring with nothing in place, buffered writes too.
    UringRing,
    /// The pool in C's manner, with nothing in place.
    Thread,
    /// The pool of safe Rust, with nothing in place.
    Rust,
    /// Kernel AIO, with nothing in place.
    Linux,
}

/// Whether there is a form for this cell.
pub fn takes(cell: &Cell) -> bool {
    !cell.is_lines()
}

/// Runs the job on tokio's multi-thread runtime with two workers, a task for each lane.
pub fn run(job: &Job, engine: Engine) -> Result<Report> {
    let used = OnceLock::new();
    let mut report = on_tokio(job, async |job| {
        let context = used.get_or_init(|| engine.context()).clone()?;
        let source = Arc::new(match job.cell.work {
            Work::SmallFiles if engine == Engine::Default => Source::Paths(None, job.small_paths()),
            Work::SmallFiles => Source::Paths(Some(context), job.small_paths()),
            _ => Source::File(open(job, &context).await?),
        });
        let cell = job.cell.clone();
        Ok(move |lane| lane_of_operations(lane, Arc::clone(&source), cell.clone()))
    })?;
    let context = used.into_inner().ok_or("no context was made")??;
    report.backend = engine.verified(&context, &report)?;
    Ok(report)
}

impl Engine {
    fn context(self) -> aiofile::Result<Context> {
        let only = |kind| aiofile::context().backend(kind).in_place(false);
        match self {
            Engine::Default => aiofile::default_context(),
            Engine::UringRing => only(BackendKind::Uring)
                .configure(|config| config.buffered_writes = BufferedWrites::Backend)
                .build(),
            Engine::Thread => only(BackendKind::Thread).build(),
            Engine::Rust => only(BackendKind::Rust).build(),
            Engine::Linux => only(BackendKind::Linux).build(),
        }
    }

    /// The backend in the context's own word, after what it says was held against what was seen of
    /// the process.
    fn verified(self, context: &Context, report: &Report) -> Result<String> {
        let (backend, counters) = (context.info().backend, context.counters());
        if backend != BackendKind::Uring && report.rings > 0 {
            return Err(format!("{backend:?} has {} rings open", report.rings).into());
        }
        if self == Engine::Default {
            return Ok(backend.name().to_owned());
        }
        if counters.in_place > 0 || counters.submitted == 0 && report.operations > 0 {
            return Err(format!("not everything went to the backend: {counters:?}").into());
        }
        if backend == BackendKind::Uring && report.rings == 0 && report.total_operations > 0 {
            return Err("the backend uring has no ring open".into());
        }
        Ok(format!("{}, not in place", backend.name()))
    }
}

enum Source {
    File(AioFile),
    Paths(Option<Context>, Vec<PathBuf>),
}

async fn open(job: &Job, context: &Context) -> aiofile::Result<AioFile> {
    OpenOptions::new()
        .read(true)
        .write(job.cell.writes())
        .direct(job.cell.direct)
        .context(context)
        .open(job.path())
        .await
}

async fn lane_of_operations(lane: Lane, source: Arc<Source>, cell: Cell) -> io::Result<Lane> {
    let file = match &*source {
        Source::Paths(None, paths) => return whole_files_at_once(lane, paths).await,
        Source::Paths(Some(context), paths) => return whole_files(lane, context, paths).await,
        Source::File(file) => file,
    };
    match (cell.work, cell.direct) {
        (Work::RandomWrite | Work::DurableAppend, true) => {
            let content = AlignedBuffer::copy_of(&vec![0xa5; cell.block], ALIGNMENT);
            writes(lane, file, content, cell.work).await
        }
        (Work::RandomWrite | Work::DurableAppend, false) => {
            writes(lane, file, vec![0xa5; cell.block], cell.work).await
        }
        (_, true) => reads(lane, file, AlignedBuffer::new(cell.block, ALIGNMENT)).await,
        (_, false) => reads(lane, file, Vec::with_capacity(cell.block)).await,
    }
}

async fn reads<B: OwnedBufferMut>(
    mut lane: Lane,
    file: &AioFile,
    mut buffer: B,
) -> io::Result<Lane> {
    while let Some(offset) = lane.begin() {
        let result;
        (result, buffer) = file.read_into(buffer, offset).await;
        lane.finish(result.map_err(io::Error::other))?;
    }
    Ok(lane)
}

async fn writes<B: OwnedBuffer>(
    mut lane: Lane,
    file: &AioFile,
    mut buffer: B,
    work: Work,
) -> io::Result<Lane> {
    while let Some(offset) = lane.begin() {
        let result;
        (result, buffer) = file.write_from(buffer, offset).await;
        if work == Work::DurableAppend {
            file.fdatasync().await.map_err(io::Error::other)?;
        }
        lane.finish(result.map_err(io::Error::other))?;
    }
    Ok(lane)
}

/// The call that is meant for it, which takes the default context.
async fn whole_files_at_once(mut lane: Lane, paths: &[PathBuf]) -> io::Result<Lane> {
    while let Some(index) = lane.begin() {
        let content = aiofile::fs::read(&paths[index as usize]).await;
        lane.finish(content.map(|content| content.len()).map_err(io::Error::other))?;
    }
    Ok(lane)
}

async fn whole_files(mut lane: Lane, context: &Context, paths: &[PathBuf]) -> io::Result<Lane> {
    let mut options = OpenOptions::new();
    options = options.read(true).context(context);
    while let Some(index) = lane.begin() {
        let file = options.open(&paths[index as usize]).await.map_err(io::Error::other)?;
        let content = file.read_to_end(0).await;
        lane.finish(content.map(|content| content.len()).map_err(io::Error::other))?;
    }
    Ok(lane)
}
