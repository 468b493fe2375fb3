//! The lines of many files, a block of whole lines at a time, several blocks at once.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::{AioFile, BufferPool, fs};
use futures_util::{Stream, StreamExt, stream};

/// A block fits the cache of a processor, together with what is made of it.
const BLOCK_BYTES: usize = 256 << 10;

/// So many bytes behind a block are read with it, where its last line is likely to end.
const BEHIND_BYTES: usize = 4 << 10;

/// A longer line is an error: it would have to be in memory.
const LINE_BYTES_MAX: usize = 16 << 20;

/// A block of a file: the lines that begin in it.
struct Block {
    file: AioFile,
    path: Arc<Path>,
    range: Range<u64>,
}

/// Has `work` look at all lines of all files, with their ends, and gives what it made of each block
/// in the order of the files and of their lines. What cannot be read is an error in between.
pub(crate) fn process<T: Send + 'static>(
    paths: Vec<PathBuf>,
    work: impl Fn(&Path, &[u8]) -> T + Send + Sync + 'static,
) -> impl Stream<Item = io::Result<T>> {
    let at_once = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    let pool = BufferPool::new(1 + BLOCK_BYTES + BEHIND_BYTES, 4096, at_once);
    let work = Arc::new(work);
    let blocks = files(paths).map(open).buffered(at_once).flat_map(|opened| match opened {
        Ok((path, file, length)) => stream::iter(blocks(path, file, length)).left_stream(),
        Err(error) => stream::iter([Err(error)]).right_stream(),
    });
    let looked_at = blocks.map(move |block| {
        let (work, pool) = (Arc::clone(&work), pool.clone());
        async move {
            // A task of its own, so that the blocks are looked at by several threads.
            match tokio::spawn(async move { block?.look(&pool, &*work).await }).await {
                Ok(Ok((made, None))) => vec![Ok(made)],
                Ok(Ok((made, Some(error)))) => vec![Ok(made), Err(error)],
                Ok(Err(error)) => vec![Err(error)],
                Err(panicked) => vec![Err(panicked.into())],
            }
        }
    });
    looked_at.buffered(at_once).flat_map(stream::iter)
}

/// The regular files below the paths, those of a directory in the order of their names.
fn files(paths: Vec<PathBuf>) -> impl Stream<Item = io::Result<PathBuf>> {
    let entries = stream::iter(paths).flat_map(|path| fs::walk(path).sort(true).entries());
    entries.filter_map(async |entry| match entry {
        Ok(entry) if entry.file_type().is_file() => Some(Ok(entry.into_path())),
        Ok(entry) if entry.depth() == 0 && !entry.file_type().is_dir() => {
            let path = entry.path().display();
            Some(Err(io::Error::other(format!("{path}: neither a regular file nor a directory"))))
        }
        Ok(_) => None,
        Err(error) => Some(Err(error.into())),
    })
}

async fn open(path: io::Result<PathBuf>) -> io::Result<(Arc<Path>, AioFile, u64)> {
    let path = path?;
    let file = AioFile::open(&path, "r").await?;
    let length = file.len().await?;
    Ok((path.into(), file, length))
}

fn blocks(
    path: Arc<Path>,
    file: AioFile,
    length: u64,
) -> impl Iterator<Item = io::Result<Block>> + Send {
    let starts = (0..length).step_by(BLOCK_BYTES);
    starts.map(move |start| {
        let range = start..length.min(start + BLOCK_BYTES as u64);
        Ok(Block { file: file.clone(), path: Arc::clone(&path), range })
    })
}

impl Block {
    /// What `work` makes of the lines, and what is wrong with the last one.
    async fn look<T>(
        self,
        pool: &BufferPool,
        work: impl Fn(&Path, &[u8]) -> T,
    ) -> io::Result<(T, Option<io::Error>)> {
        // The byte before the block tells whether a line begins with it.
        let from = self.range.start.saturating_sub(1);
        let (read, buffer) = self.file.read_into(pool.take(), from).await;
        let bytes = &buffer[..read?];
        let end = bytes.len().min((self.range.end - from) as usize);
        let first = match self.range.start {
            0 => Some(0),
            _ => newline(&bytes[..end], 0).map(|at| at + 1),
        };
        let Some(first) = first.filter(|first| *first < end) else {
            return Ok((work(&self.path, &[]), None));
        };
        match newline(bytes, end - 1) {
            Some(last) => Ok((work(&self.path, &bytes[first..=last]), None)),
            None if bytes.len() < buffer.capacity() => {
                Ok((work(&self.path, &bytes[first..]), None))
            }
            None => self.look_further(bytes, first, from, work).await,
        }
    }

    /// For a last line that ends beyond what was read.
    async fn look_further<T>(
        &self,
        bytes: &[u8],
        first: usize,
        from: u64,
        work: impl Fn(&Path, &[u8]) -> T,
    ) -> io::Result<(T, Option<io::Error>)> {
        let start = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1).max(first);
        let mut lines = bytes[first..].to_vec();
        while lines.len() - (start - first) <= LINE_BYTES_MAX {
            let position = from + (first + lines.len()) as u64;
            let more = self.file.read_at(BLOCK_BYTES, position).await?;
            let end = newline(&more, 0);
            lines.extend_from_slice(&more[..end.map_or(more.len(), |at| at + 1)]);
            if end.is_some() || more.is_empty() {
                return Ok((work(&self.path, &lines), None));
            }
        }
        let error = format!(
            "{}: the line at offset {} has more than {LINE_BYTES_MAX} bytes and is passed over",
            self.path.display(),
            from + start as u64
        );
        Ok((work(&self.path, &lines[..start - first]), Some(io::Error::other(error))))
    }
}

fn newline(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', &bytes[from..]).map(|at| from + at)
}
