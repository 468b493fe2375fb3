//! What a program on tokio does by hand today: the plain call, sent to the blocking pool with the
//! buffer moved there and back.

use std::fs::{self, File};
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use aiofile::AlignedBuffer;
use aiofile_bench::participants::on_tokio::on_tokio;
use aiofile_bench::participants::{full_buffer, own_memory};
use aiofile_bench::transfers::{Transfer, transfers, whole_files};
use aiofile_bench::{Cell, Client, Job, RANGES, Report, Result, Work};
use tokio::task::spawn_blocking;

/// Runs the job on tokio's multi-thread runtime with two workers, a task for each client.
pub fn run(job: &Job) -> Result<Report> {
    on_tokio(job, async |job| {
        let cell = job.cell.clone();
        let source = Arc::new(match cell.work {
            Work::WholeFiles => Source::Paths(job.small_paths()),
            _ => Source::File(Shared { file: Arc::new(job.open()?), durable: cell.is_durable() }),
        });
        Ok(move |client| {
            let (source, cell) = (Arc::clone(&source), cell.clone());
            async move {
                match &*source {
                    Source::Paths(paths) => whole_files(client, paths, read_file).await,
                    Source::File(file) if cell.work == Work::Ranges => {
                        ranges(client, &file.file, cell.block).await
                    }
                    Source::File(file) if cell.work == Work::OwnedRange => {
                        owned_ranges(client, &file.file, &cell).await
                    }
                    Source::File(file) => transfers(client, file, &cell).await,
                }
            }
        })
    })
}

enum Source {
    File(Shared),
    Paths(Vec<PathBuf>),
}

/// A file whose writes are made durable in the same hop where they have to be.
struct Shared {
    file: Arc<File>,
    durable: bool,
}

impl Transfer for Shared {
    type Buffer = AlignedBuffer;

    fn buffer(&self, block: usize) -> AlignedBuffer {
        full_buffer(block)
    }

    async fn read(&self, buffer: AlignedBuffer, offset: u64) -> (io::Result<usize>, AlignedBuffer) {
        self.hop(buffer, move |file, buffer| file.read_at(buffer, offset)).await
    }

    async fn write(
        &self,
        buffer: AlignedBuffer,
        offset: u64,
    ) -> (io::Result<usize>, AlignedBuffer) {
        let durable = self.durable;
        let write = move |file: &File, buffer: &mut [u8]| {
            let written = file.write_at(buffer, offset)?;
            if durable {
                file.sync_data()?;
            }
            Ok(written)
        };
        self.hop(buffer, write).await
    }

    async fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    async fn hop(
        &self,
        mut buffer: AlignedBuffer,
        call: impl FnOnce(&File, &mut [u8]) -> io::Result<usize> + Send + 'static,
    ) -> (io::Result<usize>, AlignedBuffer) {
        let file = Arc::clone(&self.file);
        let hop = spawn_blocking(move || (call(&file, &mut buffer), buffer));
        hop.await.unwrap_or_else(|error| (Err(error.into()), full_buffer(0)))
    }
}

async fn read_file(path: &std::path::Path) -> io::Result<usize> {
    let path = path.to_owned();
    Ok(spawn_blocking(move || fs::read(path)).await??.len())
}

/// All ranges of an operation in one hop.
async fn ranges(mut client: Client, file: &Arc<File>, block: usize) -> io::Result<Client> {
    let mut buffers = vec![vec![0; block]; RANGES];
    let mut places = Vec::new();
    while client.begin_ranges(&mut places).is_some() {
        let file = Arc::clone(file);
        let call = move || {
            let read = |(buffer, offset): (&mut Vec<u8>, &u64)| file.read_at(buffer, *offset);
            let moved: io::Result<usize> = buffers.iter_mut().zip(&places).map(read).sum();
            (moved, buffers, places)
        };
        let moved;
        (moved, buffers, places) = spawn_blocking(call).await?;
        client.finish_ranges(moved?)?;
    }
    Ok(client)
}

/// Each range in a hop, into memory made there.
async fn owned_ranges(mut client: Client, file: &Arc<File>, cell: &Cell) -> io::Result<Client> {
    while let Some(range) = client.begin_range() {
        let (file, mut buffer) = (Arc::clone(file), own_memory(cell, &range));
        let offset = range.start;
        let hop = spawn_blocking(move || (file.read_at(&mut buffer, offset), buffer));
        let (moved, buffer) = hop.await?;
        let moved = moved?;
        client.finish_range(black_box(buffer).len().min(moved), &range)?;
    }
    Ok(client)
}
