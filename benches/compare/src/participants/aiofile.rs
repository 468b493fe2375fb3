//! aiofile through its public API, on tokio: what a user gets by default, and each backend with
//! nothing done in place.

use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aiofile::{AioFile, AlignedBuffer, BackendKind, Context, LineReader, OpenOptions, Reader};
use caio::BufferedWrites;
use futures_util::StreamExt;

use super::on_tokio::{on, one_thread, runtime};
use super::{blocking_lines, copy, idle, in_flight};
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
    /// The same on tokio's current-thread runtime.
    OneThread,
    /// io_uring with nothing in place, buffered writes too.
    UringRing,
    /// The pool in C's manner, with nothing in place.
    Thread,
    /// The pool of safe Rust, with nothing in place.
    Rust,
    /// Kernel AIO, with nothing in place.
    Linux,
}

/// Runs the job on tokio, unless said otherwise on its multi-thread runtime with two workers, with
/// a task for each lane.
pub fn run(job: &Job, engine: Engine) -> Result<Report> {
    match job.cell.work {
        Work::Copy | Work::CopyBytes => return copy::by_aiofile(job),
        Work::InFlight | Work::InFlightRaised => return run_waiting(job, engine),
        Work::Idle => return run_idle(job, engine),
        _ => {}
    }
    let used = OnceLock::new();
    let made = if engine == Engine::OneThread { one_thread } else { runtime };
    let mut report = on(made, job, async |job| {
        let context = used.get_or_init(|| engine.context(None)).clone()?;
        let source = Arc::new(match job.cell.work {
            Work::SmallFiles => Source::Paths(context, job.small_paths()),
            _ => Source::File(open(job, &context).await?),
        });
        let cell = job.cell.clone();
        Ok(move |lane| lane_of_operations(lane, Arc::clone(&source), cell.clone()))
    })?;
    let context = used.into_inner().ok_or("no context was made")??;
    report.backend = engine.verified(&context, &mut report)?;
    Ok(report)
}

fn run_waiting(job: &Job, engine: Engine) -> Result<Report> {
    let runtime = runtime()?;
    let raised = (job.cell.work == Work::InFlightRaised).then_some(job.cell.in_flight);
    let context = runtime.block_on(async { engine.context(raised) })?;
    let share = |reader| Ok(AioFile::from_std_in(&context, reader)?);
    let mut report = in_flight::waves(job, &runtime, share, |file| async move {
        let (result, _) = file.read_into(Vec::with_capacity(1), 0).await;
        result.map_err(io::Error::other)
    })?;
    report.backend = engine.verified(&context, &mut report)?;
    Ok(report)
}

fn run_idle(job: &Job, engine: Engine) -> Result<Report> {
    let used = OnceLock::new();
    let mut report = idle::run(job, async || {
        let context = used.get_or_init(|| engine.context(None)).clone();
        let file = open(job, &context.map_err(io::Error::other)?).await;
        let (result, _) = file.map_err(io::Error::other)?.read_into(vec![0; 4096], 0).await;
        result.map(|_| ()).map_err(io::Error::other)
    })?;
    let context = used.into_inner().ok_or("no context was made")??;
    report.backend = engine.verified(&context, &mut report)?;
    Ok(report)
}

impl Engine {
    /// The engine's context; the default one has its limits changed only where they must be.
    fn context(self, max_requests: Option<usize>) -> aiofile::Result<Context> {
        let only = |kind| aiofile::context().backend(kind).in_place(false);
        let builder = match self {
            Engine::Default | Engine::OneThread if max_requests.is_none() => {
                return aiofile::default_context();
            }
            Engine::Default | Engine::OneThread => aiofile::context(),
            Engine::UringRing => only(BackendKind::Uring)
                .configure(|config| config.buffered_writes = BufferedWrites::Backend),
            Engine::Thread => only(BackendKind::Thread),
            Engine::Rust => only(BackendKind::Rust),
            Engine::Linux => only(BackendKind::Linux),
        };
        match max_requests {
            Some(requests) => builder.max_requests(requests).build(),
            None => builder.build(),
        }
    }

    /// The backend in the context's own word, after what it says was held against what was seen of
    /// the process; what it counted is noted.
    fn verified(self, context: &Context, report: &mut Report) -> Result<String> {
        let (backend, counters) = (context.info().backend, context.counters());
        for (name, count) in [
            ("in_place", counters.in_place),
            ("submitted", counters.submitted),
            ("routed", counters.routed),
        ] {
            report.notes.insert(name.to_owned(), count as f64);
        }
        if backend != BackendKind::Uring && report.rings > 0 {
            return Err(format!("{backend:?} has {} rings open", report.rings).into());
        }
        if matches!(self, Engine::Default | Engine::OneThread) {
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
    Paths(Context, Vec<PathBuf>),
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
        Source::Paths(context, paths) => return whole_files(lane, context, paths).await,
        Source::File(file) => file,
    };
    match cell.work {
        Work::SequentialRead => sequential(lane, file, cell.block).await,
        Work::ManyRanges => ranges(lane, file, cell.block).await,
        Work::LineBytes | Work::LineStrings => lines(lane, file, &cell).await,
        Work::RandomWrite | Work::DurableAppend => {
            let content = AlignedBuffer::copy_of(&vec![0xa5; cell.block], ALIGNMENT);
            writes(lane, file, content, cell.work).await
        }
        _ => reads(lane, file, AlignedBuffer::new(cell.block, ALIGNMENT)).await,
    }
}

async fn reads(mut lane: Lane, file: &AioFile, mut buffer: AlignedBuffer) -> io::Result<Lane> {
    while let Some(offset) = lane.begin() {
        let result;
        (result, buffer) = file.read_into(buffer, offset).await;
        lane.finish(result.map_err(io::Error::other))?;
    }
    Ok(lane)
}

async fn writes(
    mut lane: Lane,
    file: &AioFile,
    mut buffer: AlignedBuffer,
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

/// The reader lends each block, in memory that it reuses; the lane's offset is where it stands.
async fn sequential(mut lane: Lane, file: &AioFile, block: usize) -> io::Result<Lane> {
    let mut reader = Reader::new(file).chunk_size(block);
    while let Some(offset) = lane.begin() {
        if offset != reader.position() {
            reader.seek_to(offset).map_err(io::Error::other)?;
        }
        let lent = black_box(reader.fill().await.map_err(io::Error::other)?).len();
        reader.consume(lent);
        lane.finish(Ok(lent))?;
    }
    Ok(lane)
}

async fn ranges(mut lane: Lane, file: &AioFile, block: usize) -> io::Result<Lane> {
    let (mut places, mut wanted) = (Vec::new(), Vec::new());
    while lane.begin_many(&mut places).is_some() {
        wanted.clear();
        wanted.extend(places.iter().map(|offset| *offset..*offset + block as u64));
        let read = file.read_ranges(&wanted).await.map_err(io::Error::other)?;
        lane.finish_many(read.iter().map(|range| range.len()).sum())?;
    }
    Ok(lane)
}

async fn lines(mut lane: Lane, file: &AioFile, cell: &Cell) -> io::Result<Lane> {
    while lane.begin().is_some() {
        let (mut reader, mut seen) = (LineReader::new(file).chunk_size(cell.block), 0);
        if cell.work == Work::LineBytes {
            while let Some(line) = reader.next_line().await.map_err(io::Error::other)? {
                seen += black_box(line).len() as u64 + 1;
            }
        } else {
            let mut lines = reader.lines();
            while let Some(line) = lines.next().await {
                seen += black_box(line.map_err(io::Error::other)?).len() as u64 + 1;
            }
        }
        blocking_lines::check(seen, cell.size)?;
        lane.finish_whole();
    }
    Ok(lane)
}

/// In the context, by the call that `aiofile::fs::read` makes in the default one.
async fn whole_files(mut lane: Lane, context: &Context, paths: &[PathBuf]) -> io::Result<Lane> {
    while let Some(index) = lane.begin() {
        let content = context.read_file(&paths[index as usize]).await;
        lane.finish(content.map(|content| content.len()).map_err(io::Error::other))?;
    }
    Ok(lane)
}
