//! Cutting where the offsets are known: several pieces at once.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiofile::Context;
use caio::{Error, ErrorKind, Result};
use futures_util::stream::{self, StreamExt};

use super::pieces::{Pieces, Unnamed};
use crate::copying::copy;
use crate::steps::{Doing, JOB_BYTES, Step, Watch, in_steps, stopped, usual_jobs};

/// Cuts a file into pieces that end there.
pub(super) async fn cut(
    context: &Context,
    pieces: &Arc<Pieces>,
    source: PathBuf,
    ends: impl Iterator<Item = u64> + Send,
    watch: &Watch,
) -> Result<Vec<Unnamed>> {
    let source = Arc::new(source);
    let mut last = 0;
    let cuts = ends.map(|end| {
        let start = mem::replace(&mut last, end);
        let (source, pieces) = (Arc::clone(&source), Arc::clone(pieces));
        let range = Range { source, pieces, start, left: end - start, files: None };
        async move {
            if range.pieces.has_failed() {
                return Err(stopped());
            }
            let source = Arc::clone(&range.source);
            in_steps(context, ("split", &source), range, watch, Range::step).await
        }
    });
    // Also after an error all that were begun are waited for: what they made has to go.
    let mut cut = stream::iter(cuts).buffered(usual_jobs());
    let mut unnamed = Ok(Vec::new());
    while let Some(piece) = cut.next().await {
        match (piece, &mut unnamed) {
            (Ok(piece), Ok(unnamed)) => unnamed.push(piece),
            (Err(error), Ok(_)) => {
                pieces.fail();
                unnamed = Err(error);
            }
            (_, Err(_)) => {}
        }
    }
    unnamed
}

/// One piece.
struct Range {
    source: Arc<PathBuf>,
    pieces: Arc<Pieces>,
    start: u64,
    left: u64,
    files: Option<Files>,
}

struct Files {
    source: File,
    temporary: PathBuf,
    target: File,
    bytes: u64,
}

impl Range {
    fn step(&mut self) -> Result<Step<Unnamed>> {
        if self.pieces.has_failed() {
            return Err(stopped());
        }
        let files = match &mut self.files {
            Some(files) => files,
            None => {
                let mut source = File::open(&*self.source).doing("open", &self.source)?;
                source.seek(SeekFrom::Start(self.start)).doing("seek", &self.source)?;
                let (temporary, target) = self.pieces.create()?;
                self.files.insert(Files { source, temporary, target, bytes: 0 })
            }
        };
        let wanted = self.left.min(JOB_BYTES);
        let (from, to) = ((&files.source, &**self.source), (&files.target, self.pieces.any()));
        let copied = copy(from, to, wanted)?;
        files.bytes += copied;
        if copied < wanted {
            return Err(has_ended(&self.source, self.start + files.bytes));
        }
        self.left -= copied;
        if self.left > 0 {
            return Ok(Step::More(copied));
        }
        let unnamed = Unnamed { temporary: files.temporary.clone(), bytes: files.bytes };
        Ok(Step::Done(copied, unnamed))
    }
}

pub(super) fn has_ended(source: &Path, at: u64) -> Error {
    let message = "it ended there while it was split";
    Error::new(ErrorKind::UnexpectedEof, message).doing("split").on(source).at(at)
}
