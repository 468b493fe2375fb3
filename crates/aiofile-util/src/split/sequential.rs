//! Cutting from the front to the end: by lines, or where the source is a stream.

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use caio::Result;

use super::pieces::{Pieces, Unnamed};
use super::shares::Every;
use crate::steps::{Doing, JOB_BYTES, READ_BYTES, Step};

/// What creating a piece costs, in bytes that could have been copied.
const PIECE_COST: u64 = 64 << 10;

/// A source on its way into pieces.
pub(super) struct Sequential {
    file: File,
    source: PathBuf,
    by: Every,
    pieces: Arc<Pieces>,
    current: Option<Current>,
    done: Vec<Unnamed>,
    buffer: Vec<u8>,
    /// What of the buffer is not written yet.
    start: usize,
    end: usize,
}

/// The piece that is being written.
struct Current {
    file: File,
    unnamed: Unnamed,
    /// How many bytes or lines it lacks.
    left: u64,
}

impl Sequential {
    pub(super) fn new(file: File, source: PathBuf, by: Every, pieces: Arc<Pieces>) -> Self {
        let buffer = vec![0; READ_BYTES];
        let (current, done) = (None, Vec::new());
        Self { file, source, by, pieces, current, done, buffer, start: 0, end: 0 }
    }

    pub(super) fn step(&mut self) -> Result<Step<Vec<Unnamed>>> {
        let (mut moved, mut spent) = (0, 0);
        while spent < JOB_BYTES {
            if self.start == self.end && !self.fill()? {
                self.done.extend(self.current.take().map(|current| current.unnamed));
                return Ok(Step::Done(moved, mem::take(&mut self.done)));
            }
            let mut current = match self.current.take() {
                Some(current) => current,
                None => {
                    spent += PIECE_COST;
                    self.begin()?
                }
            };
            let rest = &self.buffer[self.start..self.end];
            let taken = take(&mut current.left, self.by, rest);
            current.file.write_all(&rest[..taken]).doing("write", self.pieces.any())?;
            current.unnamed.bytes += taken as u64;
            self.start += taken;
            (moved, spent) = (moved + taken as u64, spent + taken as u64);
            if current.left == 0 {
                self.done.push(current.unnamed);
            } else {
                self.current = Some(current);
            }
        }
        Ok(Step::More(moved))
    }

    /// Reads on; false at the end.
    fn fill(&mut self) -> Result<bool> {
        loop {
            match self.file.read(&mut self.buffer) {
                Ok(read) => {
                    (self.start, self.end) = (0, read);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).doing("read", &self.source),
            }
        }
    }

    fn begin(&self) -> Result<Current> {
        self.pieces.admit(self.done.len() as u64 + 1)?;
        let (temporary, file) = self.pieces.create()?;
        let (Every::Bytes(left) | Every::Lines(left)) = self.by;
        Ok(Current { file, unnamed: Unnamed { temporary, bytes: 0 }, left })
    }
}

/// How many of these bytes belong to a piece that lacks `left` bytes or lines, of which they take.
pub(super) fn take(left: &mut u64, by: Every, bytes: &[u8]) -> usize {
    match by {
        Every::Bytes(_) => {
            let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
            *left -= taken as u64;
            taken
        }
        Every::Lines(_) => {
            for end in memchr::memchr_iter(b'\n', bytes) {
                *left -= 1;
                if *left == 0 {
                    return end + 1;
                }
            }
            bytes.len()
        }
    }
}
