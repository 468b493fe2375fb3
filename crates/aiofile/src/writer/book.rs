//! Who writes where: places are given out in the order of the calls and taken back when a write
//! fails.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caio::{Buffer, Error, ErrorKind, OpKind, Result};

use super::beyond;
use super::turn::{Turn, Turns};
use crate::file::AioFile;

/// The cursor that all clones of a writer share.
#[derive(Debug)]
pub(super) struct Book {
    file: AioFile,
    /// Writes run one after the other, since the file has no offsets or ignores them.
    in_sequence: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cursor: u64,
    /// Ranges before the cursor that were given up, in ascending order.
    gaps: Vec<Range<u64>>,
    turns: Turns,
}

impl Book {
    pub(super) fn new(file: AioFile, offset: u64) -> Self {
        let in_sequence = file.file().is_ok_and(|file| file.is_append() || !file.is_seekable());
        let cursor = if in_sequence { 0 } else { offset };
        let state = State { cursor, gaps: Vec::new(), turns: Turns::default() };
        Self { file, in_sequence, state: Mutex::new(state) }
    }

    pub(super) fn file(&self) -> &AioFile {
        &self.file
    }

    /// Whether writes run one after the other.
    pub(super) fn is_in_sequence(&self) -> bool {
        self.in_sequence
    }

    pub(super) fn position(&self) -> u64 {
        self.state().cursor
    }

    pub(super) fn take_gaps(&self) -> Vec<Range<u64>> {
        std::mem::take(&mut self.state().gaps)
    }

    /// Fails while there is a gap.
    pub(super) fn check(&self) -> Result<()> {
        self.judge(&self.state())
    }

    fn judge(&self, state: &State) -> Result<()> {
        let Some(gap) = state.gaps.first() else { return Ok(()) };
        let message = format!("an earlier write failed and left bytes {gap:?} unwritten");
        let error = Error::new(ErrorKind::InvalidData, message).during(OpKind::Write).at(gap.start);
        Err(self.on(error.hint("fill what take_gaps returns, or accept it")))
    }

    fn on(&self, error: Error) -> Error {
        match self.file.path() {
            Some(path) => error.on(path),
            None => error,
        }
    }

    /// Takes a range back; whether it leaves a gap, since a later one was given out behind it.
    fn give_back(&self, range: Range<u64>) -> bool {
        let mut state = self.state();
        if state.cursor != range.end {
            let at = state.gaps.partition_point(|gap| gap.start < range.start);
            state.gaps.insert(at, range);
            return true;
        }
        state.cursor = range.start;
        // Gaps that have nothing behind them any more are none.
        while state.gaps.last().is_some_and(|gap| gap.end == state.cursor) {
            state.cursor = state.gaps.pop().map_or(state.cursor, |gap| gap.start);
        }
        false
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where one write goes. What of it is not settled when it is dropped is given back.
#[derive(Debug)]
pub(super) struct Place {
    book: Arc<Book>,
    range: Range<u64>,
    turn: Option<Turn>,
}

impl Place {
    /// The next `length` bytes.
    pub(super) fn take(book: &Arc<Book>, length: usize) -> Result<Self> {
        let mut state = book.state();
        book.judge(&state)?;
        let start = state.cursor;
        if book.in_sequence {
            let turn = Some(state.turns.next());
            return Ok(Self { book: Arc::clone(book), range: 0..0, turn });
        }
        let end = start.checked_add(length as u64).filter(|end| i64::try_from(*end).is_ok());
        let Some(end) = end else { return Err(book.on(beyond(start, length))) };
        state.cursor = end;
        Ok(Self { book: Arc::clone(book), range: start..end, turn: None })
    }

    pub(super) async fn write_all(mut self, buffer: Buffer) -> Result<()> {
        match self.transfer(buffer).await {
            (_, Ok(())) => {
                self.settle(self.range.end);
                Ok(())
            }
            (_, Err(error)) => Err(self.fail(error)),
        }
    }

    pub(super) async fn write(mut self, buffer: Buffer) -> Result<usize> {
        let (written, result) = self.transfer(buffer).await;
        self.settle(self.range.start + written as u64);
        match result {
            Ok(()) => Ok(written),
            Err(error) if written == 0 => Err(self.fail(error)),
            Err(error) => {
                let gap = self.give_back();
                if gap.is_some() { Err(explain(error, gap)) } else { Ok(written) }
            }
        }
    }

    /// Writes until all is written or an error comes, and says how much was accepted.
    async fn transfer(&mut self, mut buffer: Buffer) -> (usize, Result<()>) {
        if let Some(turn) = &mut self.turn {
            turn.come().await;
        }
        let (length, mut written) = (buffer.len(), 0);
        while written < length {
            let offset = self.range.start + written as u64;
            let file = self.book.file();
            let (result, back) = file.write_buffer(buffer, written..length, offset).await;
            buffer = back;
            match result {
                Ok(bytes) => {
                    written += bytes;
                    if self.book.in_sequence {
                        self.book.state().cursor += bytes as u64;
                    }
                }
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }

    /// Keeps what lies before `end`.
    fn settle(&mut self, end: u64) {
        self.range.start = end.min(self.range.end);
    }

    fn fail(mut self, error: Error) -> Error {
        let gap = self.give_back();
        explain(error, gap)
    }

    fn give_back(&mut self) -> Option<Range<u64>> {
        let range = std::mem::replace(&mut self.range, 0..0);
        let gap = !range.is_empty() && self.book.give_back(range.clone());
        gap.then_some(range)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn explain(error: Error, gap: Option<Range<u64>>) -> Error {
    match gap {
        None => error,
        Some(gap) => error.hint(format!(
            "later writes lie behind it, so bytes {gap:?} of the file are unwritten: see take_gaps"
        )),
    }
}
