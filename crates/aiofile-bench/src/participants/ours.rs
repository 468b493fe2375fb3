//! Our backends, through the public API: one file, reused buffers, a task for each
//! operation in flight.

use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use aiofile::text::{TextOptions, TextReader};
use aiofile::{
    AioFile, AlignedBuffer, BackendKind, Context, File, LineReader, OpenOptions, Reader,
};
use bytes::Bytes;
use caio::{BufferedWrites, Config};

use super::on_tokio::{on, one_thread, several_threads};
use super::{advise, full_buffer};
use crate::Result;
use crate::cell::{Cell, Work};
use crate::client::Client;
use crate::job::{Job, Report, Routes, check_lines};
use crate::line_kind::LineKind;
use crate::transfers::{Transfer, transfers, whole_files};

/// Which context, and on which runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The context that files get when none is named, on several threads.
    Default,
    /// The same on one thread.
    OneThread,
    /// On this backend with its routes, whatever the user's files say, so that like is compared
    /// with like.
    On(BackendKind),
    /// The default backend, with buffered writes in place as long as nothing says that one would
    /// wait.
    WritesInPlace,
    /// One backend with nothing in place and nothing by the pool.
    Alone(BackendKind),
}

impl Form {
    /// Its context; with the default limits, unless so many requests are to be admitted.
    ///
    /// # Errors
    /// Where the backend does not work here.
    pub fn context(self, max_requests: Option<usize>) -> Result<Context, aiofile::Error> {
        let on = |kind, config| aiofile::context().config(config).backend(kind);
        let builder = match self {
            Self::Default | Self::OneThread if max_requests.is_none() => {
                return aiofile::default_context();
            }
            Self::Default | Self::OneThread => aiofile::context(),
            Self::WritesInPlace => aiofile::context()
                .configure(|config| config.buffered_writes = BufferedWrites::InPlace),
            Self::On(kind) => on(kind, Config::default()),
            Self::Alone(kind) => {
                let mut config = Config::default();
                config.buffered_writes = BufferedWrites::Backend;
                on(kind, config).in_place(false)
            }
        };
        match max_requests {
            Some(requests) => builder.max_requests(requests).build(),
            None => builder.build(),
        }
    }
}

/// Runs the job.
///
/// # Errors
/// Where the context does not work here, or an operation failed.
pub fn run(job: &Job, form: Form) -> Result<Report> {
    let used = OnceLock::new();
    let runtime = if form == Form::OneThread { one_thread } else { several_threads };
    let mut report = on(runtime, job, async |job| {
        let context = form.context(None)?;
        let shared = Arc::new(match job.cell.work {
            Work::WholeFiles => Shared::Files(context.clone(), job.small_paths()),
            _ => Shared::File(open(job, &context).await?, job.cell.clone()),
        });
        // A run of one file opens it and nothing else.
        used.get_or_init(|| (context.clone(), routes(&context)));
        Ok(move |client| operations(client, Arc::clone(&shared)))
    })?;
    let (context, before) = used.into_inner().ok_or("no context was made")?;
    describe(&context, before, &mut report);
    Ok(report)
}

/// Adds what the context says of itself, and which ways its operations went since then.
pub fn describe(context: &Context, before: Routes, report: &mut Report) {
    let after = routes(context);
    report.routes = Some(Routes {
        in_place: after.in_place - before.in_place,
        backend: after.backend - before.backend,
        pool: after.pool - before.pool,
    });
    report.backend = context.info().backend.name().to_owned();
    report.description = context.info().to_string();
}

fn routes(context: &Context) -> Routes {
    let metrics = context.metrics();
    Routes {
        in_place: metrics.in_place,
        backend: metrics.submitted.saturating_sub(metrics.routed),
        pool: metrics.routed,
    }
}

/// What the clients of a run share.
enum Shared {
    File(AioFile, Cell),
    Files(Context, Vec<PathBuf>),
}

/// Opens the cell's file in this context.
///
/// # Errors
/// What open(2) answers.
pub async fn open(job: &Job, context: &Context) -> Result<AioFile> {
    let append = job.cell.work == Work::DurableAppend;
    let mut options = OpenOptions::new();
    options
        .read(!append)
        .write(job.cell.writes() && !append)
        .append(append)
        .direct(job.cell.is_direct())
        .context(context);
    let file = options.open_aio(job.path()).await?;
    advise(job, &file)?;
    Ok(file)
}

async fn operations(client: Client, shared: Arc<Shared>) -> io::Result<Client> {
    let (file, cell) = match &*shared {
        Shared::File(file, cell) => (file, cell),
        // By the call that `aiofile::fs::read` makes in the default context.
        Shared::Files(context, paths) => {
            let read = async |path| context.read_file(path).await.map_err(io::Error::other);
            return whole_files(client, paths, async |path| Ok(read(path).await?.len())).await;
        }
    };
    let ended = match cell.work {
        Work::SequentialRead if !cell.is_direct() => sequential(client, file, cell.block).await,
        Work::Ranges => ranges(client, file, cell.block).await,
        Work::OwnedRange => owned_ranges(client, file).await,
        _ if cell.is_lines() => lines(client, file, cell).await,
        Work::DurableAppend => appends(client, file, cell.block).await,
        _ => return transfers(client, file, cell).await,
    };
    ended.map_err(io::Error::other)
}

async fn appends(mut client: Client, file: &AioFile, block: usize) -> Result<Client> {
    let record = Bytes::copy_from_slice(&full_buffer(block));
    while client.begin().is_some() {
        file.append(record.clone()).await?;
        file.fdatasync().await?;
        client.finish_whole();
    }
    Ok(client)
}

/// The reader lends each block, in memory that it reuses; the client's offset is where it stands.
async fn sequential(mut client: Client, file: &AioFile, block: usize) -> Result<Client> {
    let mut reader = Reader::new(file).chunk_size(block);
    while let Some(offset) = client.begin() {
        if offset != reader.position() {
            reader.seek_to(offset)?;
        }
        let lent = black_box(reader.fill().await?).len();
        reader.consume(lent);
        client.finish(Ok(lent))?;
    }
    Ok(client)
}

async fn ranges(mut client: Client, file: &AioFile, block: usize) -> Result<Client> {
    let (mut places, mut wanted) = (Vec::new(), Vec::new());
    while client.begin_ranges(&mut places).is_some() {
        wanted.clear();
        wanted.extend(places.iter().map(|offset| *offset..*offset + block as u64));
        let read = file.read_ranges(&wanted).await?;
        client.finish_ranges(read.iter().map(Bytes::len).sum())?;
    }
    Ok(client)
}

async fn owned_ranges(mut client: Client, file: &AioFile) -> Result<Client> {
    while let Some(range) = client.begin_range() {
        let read = file.read_ranges(std::slice::from_ref(&range)).await?;
        client.finish_range(black_box(read).iter().map(Bytes::len).sum(), &range)?;
    }
    Ok(client)
}

async fn lines(mut client: Client, file: &AioFile, cell: &Cell) -> Result<Client> {
    while client.begin().is_some() {
        let seen = match cell.work {
            Work::TextLines(kind) => text(file, kind).await?,
            _ => lines_once(file, cell).await?,
        };
        check_lines(seen, cell.size)?;
        client.finish_whole();
    }
    Ok(client)
}

async fn lines_once(file: &AioFile, cell: &Cell) -> io::Result<u64> {
    let (mut reader, mut seen) = (LineReader::new(file).chunk_size(cell.block), 0);
    if cell.work == Work::LineBytes {
        while let Some(line) = reader.next_line().await? {
            seen += black_box(line).len() as u64 + 1;
        }
        return Ok(seen);
    }
    let mut lines = reader.lines();
    while let Some(line) = lines.next().await {
        seen += black_box(line?).len() as u64 + 1;
    }
    Ok(seen)
}

async fn text(file: &AioFile, kind: LineKind) -> io::Result<u64> {
    let mut reader = TextReader::new(File::from(file.clone()), &TextOptions::new());
    let (mut lines, mut seen) = (reader.lines(), 0);
    while let Some(line) = lines.next().await {
        seen += (black_box(line?).len() + kind.end().len()) as u64;
    }
    Ok(seen)
}

impl Transfer for AioFile {
    type Buffer = AlignedBuffer;

    fn buffer(&self, block: usize) -> AlignedBuffer {
        full_buffer(block)
    }

    async fn read(&self, buffer: AlignedBuffer, offset: u64) -> (io::Result<usize>, AlignedBuffer) {
        let (result, buffer) = self.read_into(buffer, offset).await;
        (result.map_err(io::Error::other), buffer)
    }

    async fn write(
        &self,
        buffer: AlignedBuffer,
        offset: u64,
    ) -> (io::Result<usize>, AlignedBuffer) {
        let (result, buffer) = self.write_from(buffer, offset).await;
        (result.map_err(io::Error::other), buffer)
    }

    async fn sync(&self) -> io::Result<()> {
        self.fdatasync().await.map_err(io::Error::other)
    }
}
