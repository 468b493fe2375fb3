//! Sorted text files put together into one that is sorted.

mod by_operations;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caio::{Error, ErrorKind, Result};

use crate::merge::MergeOptions;
use crate::output::Sink;
use crate::steps::{Doing, JOB_BYTES, READ_BYTES, Step, context_or_default, in_steps};

/// Memory for reading ahead in all sources together, in bytes.
const AHEAD_BYTES: usize = 16 << 20;

/// The longest line, in bytes: one of each source is in memory.
const LINE_BYTES_MAX: u64 = 16 << 20;

impl MergeOptions {
    /// Writes the lines of all sources, which are sorted, to `target`, sorted as well: in the order
    /// of their bytes (that of `LC_ALL=C sort -m`), equal lines in the order of their sources.
    /// Returns how many bytes these are. A last line without an end gets one.
    ///
    /// All sources are open at once, with a line and some KiB of each in memory. The target has its
    /// name when it is complete, as with [`merge`](Self::merge).
    ///
    /// Costs: three hops, and one for each 4 MiB.
    ///
    /// # Errors
    /// As for [`merge`](Self::merge); a source that is not sorted, with the number of the line; a
    /// line of more than 16 MiB.
    ///
    /// # Cancel safety
    /// As for [`merge`](Self::merge).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> { futures_executor::block_on(async {
    /// # let directory = tempfile::tempdir()?; std::env::set_current_dir(&directory)?;
    /// use aiofile_util::MergeOptions;
    ///
    /// std::fs::write("odd", "1\n3\n5\n")?;
    /// std::fs::write("even", "2\n4\n")?;
    /// MergeOptions::new().merge_sorted(["odd", "even"], "all").await?;
    /// assert_eq!(std::fs::read_to_string("all")?, "1\n2\n3\n4\n5\n");
    /// # Ok(()) }) }
    /// ```
    pub async fn merge_sorted<I>(&self, sources: I, target: impl AsRef<Path>) -> io::Result<u64>
    where
        I: IntoIterator<Item: Into<PathBuf>>,
    {
        let sources: Vec<PathBuf> = sources.into_iter().map(Into::into).collect();
        let target = target.as_ref();
        let context = context_or_default(self.context.as_ref()).await?;
        if context.info().capability.own_files {
            let merged = by_operations::merge_sorted(self, &context, sources, target).await;
            return Ok(merged.map_err(|error| error.on(target))?);
        }
        let output = self.open(&context, target).await?;
        let sink = output.sink();
        let begin = move || Merge::begin(sources, sink);
        let merged = match context.run_on("open", target, begin).await {
            Ok(merge) => {
                in_steps(&context, ("merge", target), merge, &self.watch, Merge::step).await
            }
            Err(error) => Err(error),
        };
        Ok(output.settle(&context, merged).await.map_err(|error| error.on(target))?)
    }
}

/// A sorted file, and how far it was read.
struct Source<R = BufReader<File>> {
    path: PathBuf,
    reader: R,
    line: u64,
}

/// The next line of a source.
#[derive(PartialEq, Eq)]
struct Head {
    line: Vec<u8>,
    source: usize,
}

impl Ord for Head {
    /// The smallest line is the greatest head, which a heap has on top.
    fn cmp(&self, other: &Self) -> Ordering {
        (&other.line, other.source).cmp(&(&self.line, self.source))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is still to do.
struct Merge {
    sources: Vec<Source>,
    heads: BinaryHeap<Head>,
    sink: Arc<Sink>,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Merge {
    fn begin(paths: Vec<PathBuf>, sink: Arc<Sink>) -> Result<Self> {
        let ahead = (AHEAD_BYTES / paths.len().max(1)).clamp(4096, READ_BYTES);
        let mut sources = Vec::with_capacity(paths.len());
        let mut heads = BinaryHeap::with_capacity(paths.len());
        for path in paths {
            let opened = File::open(&path).doing("open", &path);
            let file = opened.map_err(|error| match error.raw_os_error() {
                Some(code) if code == rustix::io::Errno::MFILE.raw_os_error() => {
                    error.hint("all sources are open at once: merge some of them first")
                }
                _ => error,
            })?;
            let mut source =
                Source { path, reader: BufReader::with_capacity(ahead, file), line: 0 };
            let mut line = Vec::new();
            if source.next(&mut line)? {
                heads.push(Head { line, source: sources.len() });
            }
            sources.push(source);
        }
        Ok(Self { sources, heads, sink, buffer: Vec::new(), bytes: 0 })
    }

    fn step(&mut self) -> Result<Step<u64>> {
        let before = self.bytes;
        let mut last = Vec::new();
        while self.bytes - before < JOB_BYTES {
            if self.buffer.len() >= READ_BYTES {
                self.flush()?;
            }
            let Some(mut head) = self.heads.peek_mut() else {
                self.flush()?;
                return Ok(Step::Done(self.bytes - before, self.bytes));
            };
            self.buffer.extend_from_slice(&head.line);
            self.buffer.push(b'\n');
            self.bytes += head.line.len() as u64 + 1;
            mem::swap(&mut last, &mut head.line);
            let source = &mut self.sources[head.source];
            if !source.next(&mut head.line)? {
                PeekMut::pop(head);
            } else if head.line < last {
                return Err(source.not_sorted());
            }
        }
        self.flush()?;
        Ok(Step::More(self.bytes - before))
    }

    fn flush(&mut self) -> Result<()> {
        let (mut file, path) = self.sink.file();
        file.write_all(&self.buffer).doing("write", path)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Source {
    /// Reads the next line, without its end; false where there is none.
    fn next(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        line.clear();
        let mut limited = self.reader.by_ref().take(LINE_BYTES_MAX + 1);
        limited.read_until(b'\n', line).doing("read", &self.path)?;
        if line.is_empty() {
            return Ok(false);
        }
        self.line += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 > LINE_BYTES_MAX {
            return Err(self.too_long());
        }
        Ok(true)
    }
}

impl<R> Source<R> {
    fn too_long(&self) -> Error {
        self.refuse(format!("line {} has more than 16 MiB", self.line))
    }

    fn not_sorted(&self) -> Error {
        let message = format!("line {} comes before the one above it", self.line);
        self.refuse(message).hint("sort the file by its bytes first, as LC_ALL=C sort does")
    }

    fn refuse(&self, message: String) -> Error {
        Error::new(ErrorKind::InvalidData, message).doing("merge").on(&self.path)
    }
}
