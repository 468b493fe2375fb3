//! The lines of a checksum file, some at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
use std::path::PathBuf;

use aiofile::Context;
use aiofile::fs::Fs;
use caio::Result;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};

use super::ChecksumLine;
use crate::hash::HashKind;
use crate::steps::{Doing, READ_BYTES};

/// How many lines a job reads.
const LINES: usize = 256;

/// Longer lines hold no name that could be a path.
const LINE_BYTES_MAX: usize = 16 << 10;

/// The number of a line, from 1, and what it says, if it says anything.
pub(super) type Numbered = (u64, Option<ChecksumLine>);

/// The lines of the file, without comments and empty ones.
pub(super) fn lines(
    context: Context,
    path: PathBuf,
    kind: HashKind,
) -> impl Stream<Item = Result<Numbered>> + Send {
    let list = List { path, kind, reader: None, number: 0 };
    let batches = stream::try_unfold(list, move |mut list| {
        let (context, path) = (context.clone(), list.path.clone());
        async move {
            if context.info().capability.own_files && list.reader.is_none() {
                // Jobs do not see it there.
                let whole = Fs::new(&context).read(&path).await?;
                list.reader = Some(Box::new(Cursor::new(whole)));
            }
            let read = move || {
                let batch = list.batch()?;
                Ok((batch, list))
            };
            let (batch, list) = context.run_on("read", &path, read).await?;
            Ok::<_, caio::Error>((!batch.is_empty()).then_some((batch, list)))
        }
    });
    batches.map_ok(|batch| stream::iter(batch).map(Ok)).try_flatten()
}

/// A checksum file that is being read.
struct List {
    path: PathBuf,
    kind: HashKind,
    reader: Option<Box<dyn BufRead + Send>>,
    number: u64,
}

impl List {
    /// The next lines; none at the end.
    fn batch(&mut self) -> Result<Vec<Numbered>> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => {
                let file = File::open(&self.path).doing("open", &self.path)?;
                self.reader.insert(Box::new(BufReader::with_capacity(READ_BYTES, file)))
            }
        };
        let mut batch = Vec::new();
        let mut line = Vec::new();
        while batch.len() < LINES && next_line(reader, &mut line).doing("read", &self.path)? {
            self.number += 1;
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.is_empty() && !line.starts_with(b"#") {
                batch.push((self.number, ChecksumLine::parse(&line, self.kind)));
            }
        }
        Ok(batch)
    }
}

/// Reads a line without its end; false at the end of the file. Of one that is too long, its
/// beginning and one byte more than is allowed: that is no line of a list.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let buffer = reader.fill_buf()?;
        let end = memchr::memchr(b'\n', buffer);
        let part = &buffer[..end.unwrap_or(buffer.len())];
        any |= !buffer.is_empty();
        let room = (LINE_BYTES_MAX + 1).saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let taken = part.len() + usize::from(end.is_some());
        let is_last = end.is_some() || buffer.is_empty();
        reader.consume(taken);
        if is_last {
            if line.len() > LINE_BYTES_MAX {
                line.truncate(1);
            }
            return Ok(any);
        }
    }
}
