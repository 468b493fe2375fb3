//! The same on a backend with files of its own, which no job of the pool sees: by its operations.

use std::collections::BinaryHeap;
use std::mem;
use std::path::{Path, PathBuf};

use aiofile::{AioFile, Context, LineReader, OpenOptions};
use caio::{ErrorKind, Result};

use super::{Head, LINE_BYTES_MAX, Source};
use crate::merge::MergeOptions;
use crate::merge::by_operations::Target;
use crate::steps::READ_BYTES;

pub(super) async fn merge_sorted(
    options: &MergeOptions,
    context: &Context,
    paths: Vec<PathBuf>,
    target: &Path,
) -> Result<u64> {
    let mut target = Target::open(options, context, target).await?;
    let merged = merge(options, context, paths, &mut target).await;
    target.settle(options.durable, merged).await
}

async fn merge(
    options: &MergeOptions,
    context: &Context,
    paths: Vec<PathBuf>,
    target: &mut Target,
) -> Result<u64> {
    let (mut sources, mut heads) = (Vec::new(), BinaryHeap::new());
    for path in paths {
        let mut reading = OpenOptions::new();
        let file: AioFile = reading.read(true).context(context).open_aio(&path).await?;
        let reader = LineReader::new(&file).max_line_bytes(LINE_BYTES_MAX as usize);
        let mut source = Source { path, reader, line: 0 };
        if let Some(line) = source.next().await? {
            heads.push(Head { line, source: sources.len() });
        }
        sources.push(source);
    }
    let (mut merged, mut buffer) = (0, Vec::new());
    while let Some(Head { line, source }) = heads.pop() {
        buffer.extend_from_slice(&line);
        buffer.push(b'\n');
        match sources[source].next().await? {
            Some(next) if next < line => return Err(sources[source].not_sorted()),
            Some(next) => heads.push(Head { line: next, source }),
            None => {}
        }
        if buffer.len() >= READ_BYTES || heads.is_empty() {
            let written = buffer.len() as u64;
            target.write(mem::take(&mut buffer)).await?;
            merged += written;
            options.watch.advance(written)?;
        }
    }
    Ok(merged)
}

impl Source<LineReader> {
    /// Reads the next line, without its end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        self.line += 1;
        match self.reader.next_line().await {
            Ok(line) => Ok(line.map(<[u8]>::to_vec)),
            Err(error) => match caio::Error::from(error) {
                error if error.kind() == ErrorKind::InvalidData => Err(self.too_long()),
                error => Err(error),
            },
        }
    }
}
