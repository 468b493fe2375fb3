//! The cursor that the clones of a writer share: ranges of the file are reserved in the order of
//! the calls, and released when a write fails.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use caio::{Buffer, Error, ErrorKind, OpKind, Result};

use super::sequence::{Sequence, SequencedWrite};
use crate::aio_file::AioFile;

#[derive(Debug)]
pub(super) struct Cursor {
    file: AioFile,
    places: Places,
}

/// What says where a write goes.
#[derive(Debug)]
enum Places {
    /// Each write has an offset, and they run side by side.
    Offsets(Mutex<State>),
    /// The file has no offsets or ignores them, and writes run one after the other.
    Sequence(Arc<Sequence>),
}

#[derive(Debug)]
struct State {
    position: u64,
    /// Ranges before the position that were released, in ascending order.
    gaps: Vec<Range<u64>>,
}

impl Cursor {
    pub(super) fn new(file: AioFile, offset: u64) -> Self {
        let in_sequence = file.file().is_ok_and(|file| file.is_append() || !file.is_seekable());
        let places = match in_sequence {
            true => Places::Sequence(Arc::new(Sequence::new(file.clone()))),
            false => Places::Offsets(Mutex::new(State { position: offset, gaps: Vec::new() })),
        };
        Self { file, places }
    }

    pub(super) fn file(&self) -> &AioFile {
        &self.file
    }

    /// Whether writes run one after the other.
    pub(super) fn is_in_sequence(&self) -> bool {
        matches!(self.places, Places::Sequence(_))
    }

    pub(super) fn position(&self) -> u64 {
        match &self.places {
            Places::Offsets(state) => lock(state).position,
            Places::Sequence(sequence) => sequence.accepted(),
        }
    }

    pub(super) fn take_gaps(&self) -> Vec<Range<u64>> {
        match &self.places {
            Places::Offsets(state) => std::mem::take(&mut lock(state).gaps),
            Places::Sequence(_) => Vec::new(),
        }
    }

    /// Fails while there is a gap.
    pub(super) fn check(&self) -> Result<()> {
        match &self.places {
            Places::Offsets(state) => self.check_state(&lock(state)),
            Places::Sequence(_) => Ok(()),
        }
    }

    /// Gives a write its place, behind all that were called before.
    pub(super) fn write(self: &Arc<Self>, buffer: Buffer) -> Result<PlacedWrite> {
        let state = match &self.places {
            Places::Offsets(state) => state,
            Places::Sequence(sequence) => {
                return Ok(PlacedWrite::InSequence(sequence.push(buffer)));
            }
        };
        let mut state = lock(state);
        self.check_state(&state)?;
        let (start, length) = (state.position, buffer.len());
        let end = start.checked_add(length as u64).filter(|end| i64::try_from(*end).is_ok());
        let Some(end) = end else {
            let message = format!(
                "{length} bytes at offset {start} end beyond the largest file offset, 2^63 - 1"
            );
            let error = Error::new(ErrorKind::InvalidInput, message);
            return Err(self.on(error.during(OpKind::Write).at(start)));
        };
        state.position = end;
        let reservation = Reservation { cursor: Arc::clone(self), range: start..end };
        Ok(PlacedWrite::At(reservation, buffer))
    }

    fn check_state(&self, state: &State) -> Result<()> {
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

    /// Takes a range back; whether it leaves a gap, since a later one was reserved behind it.
    fn release(&self, range: Range<u64>) -> bool {
        let Places::Offsets(state) = &self.places else { return false };
        let mut state = lock(state);
        if state.position != range.end {
            let at = state.gaps.partition_point(|gap| gap.start < range.start);
            state.gaps.insert(at, range);
            return true;
        }
        state.position = range.start;
        // Gaps that have nothing behind them any more are none.
        while state.gaps.last().is_some_and(|gap| gap.end == state.position) {
            state.position = state.gaps.pop().map_or(state.position, |gap| gap.start);
        }
        false
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A write that has its place.
pub(super) enum PlacedWrite {
    At(Reservation, Buffer),
    InSequence(SequencedWrite),
}

impl PlacedWrite {
    /// Writes all of the buffer.
    pub(super) async fn all(self) -> Result<()> {
        match self {
            Self::InSequence(write) => write.await.1,
            Self::At(reservation, buffer) => match reservation.write(buffer).await {
                (_, Ok(())) => {
                    reservation.keep_all();
                    Ok(())
                }
                (_, Err(error)) => Err(explain(error, reservation.release())),
            },
        }
    }

    /// Writes the buffer, or as much of it as is accepted before an error.
    pub(super) async fn some(self) -> Result<usize> {
        match self {
            Self::InSequence(write) => match write.await {
                (0, Err(error)) => Err(error),
                (written, _) => Ok(written),
            },
            Self::At(mut reservation, buffer) => {
                let (written, result) = reservation.write(buffer).await;
                reservation.keep(written);
                let Err(error) = result else { return Ok(written) };
                match reservation.release() {
                    None if written > 0 => Ok(written),
                    gap => Err(explain(error, gap)),
                }
            }
        }
    }
}

/// The range of one write. What of it is not kept when it is dropped is released.
#[derive(Debug)]
pub(super) struct Reservation {
    cursor: Arc<Cursor>,
    range: Range<u64>,
}

impl Reservation {
    async fn write(&self, buffer: Buffer) -> (usize, Result<()>) {
        self.cursor.file.write_all(buffer, self.range.start).await
    }

    /// Keeps the first `bytes` bytes.
    fn keep(&mut self, bytes: usize) {
        self.range.start += bytes as u64;
    }

    fn keep_all(mut self) {
        self.range.start = self.range.end;
    }

    /// Releases what is not kept, and returns it where it is a gap.
    fn release(mut self) -> Option<Range<u64>> {
        self.take_back()
    }

    fn take_back(&mut self) -> Option<Range<u64>> {
        let range = std::mem::replace(&mut self.range, 0..0);
        let gap = !range.is_empty() && self.cursor.release(range.clone());
        gap.then_some(range)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.take_back();
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
