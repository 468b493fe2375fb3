//! Where a file is cut whose length is known.

use std::fs::File;
use std::io;
use std::mem;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use caio::{Error, ErrorKind, Result};

use super::SplitBy;
use crate::steps::{Doing, JOB_BYTES, READ_BYTES, Step};

/// How a file is cut.
pub(super) enum Cut {
    Shares(Shares),
    /// Between the lines nearest to these shares.
    SharesOfLines(Shares),
    AsItIsRead(Every),
}

/// Where a file is cut of which nothing is known before it is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Every {
    Bytes(u64),
    Lines(u64),
}

impl Cut {
    /// How a file of this length is cut.
    ///
    /// # Errors
    /// What has no length cannot be cut into a number of pieces.
    pub(super) fn of(by: SplitBy, length: Option<u64>) -> Result<Self> {
        Ok(match (by, length) {
            (SplitBy::Bytes(bytes), Some(length @ 1..)) => {
                let (bytes, count) = (bytes.get(), length.div_ceil(bytes.get()));
                Self::Shares(Shares { count, bytes, longer: 0, length })
            }
            (SplitBy::Bytes(bytes), _) => Self::AsItIsRead(Every::Bytes(bytes.get())),
            (SplitBy::Lines(lines), _) => Self::AsItIsRead(Every::Lines(lines.get())),
            (SplitBy::Pieces(count), Some(length)) => Self::Shares(Shares::even(count, length)),
            (SplitBy::PiecesOfLines(count), Some(length)) => {
                Self::SharesOfLines(Shares::even(count, length))
            }
            (SplitBy::Pieces(_) | SplitBy::PiecesOfLines(_), None) => {
                let message = "it has no length that could be divided";
                let error = Error::new(ErrorKind::InvalidInput, message).doing("split");
                return Err(error.hint("copy it to a file first"));
            }
        })
    }
}

/// Pieces of nearly the same length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    pub(super) count: u64,
    /// Of each but the last ones.
    bytes: u64,
    /// So many have a byte more.
    longer: u64,
    length: u64,
}

impl Shares {
    fn even(count: NonZeroU64, length: u64) -> Self {
        let (bytes, longer) = (length / count, length % count);
        Self { count: count.get(), bytes, longer, length }
    }

    /// Where each of them ends.
    pub(super) fn ends(self) -> impl Iterator<Item = u64> + Send {
        (1..=self.count).map(move |count| self.end(count))
    }

    /// Where the first `count` of them end.
    fn end(self, count: u64) -> u64 {
        // The last one may end past the largest number, if the file did not.
        count.saturating_mul(self.bytes).saturating_add(count.min(self.longer)).min(self.length)
    }
}

/// A search for the ends of lines at which the shares are cut: each piece ends with the line that
/// has the last byte of its share.
#[derive(Debug)]
pub(super) struct LineEnds {
    shares: Shares,
    ends: Vec<u64>,
    /// Where the search goes on.
    at: u64,
}

impl LineEnds {
    pub(super) fn new(shares: Shares) -> Self {
        Self { shares, ends: Vec::new(), at: 0 }
    }

    /// Which bytes have to be looked at next, and where they begin; `None` when all is found.
    pub(super) fn wanted(&mut self) -> Option<(u64, usize)> {
        while (self.ends.len() as u64) < self.shares.count {
            let wanted = self.shares.end(self.ends.len() as u64 + 1);
            let last = self.ends.last().copied().unwrap_or(0);
            if wanted > last && wanted < self.shares.length {
                self.at = self.at.max(wanted - 1);
                let left = self.shares.length.saturating_sub(self.at);
                let room = usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES));
                return Some((self.at, room));
            }
            self.ends.push(last.max(wanted));
        }
        None
    }

    /// Takes those bytes, or the first ones of them; none where the file has ended.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        match memchr::memchr(b'\n', bytes) {
            Some(end) => self.ends.push(self.at + end as u64 + 1),
            None if bytes.is_empty() => self.ends.push(self.shares.length),
            None => self.at += bytes.len() as u64,
        }
    }

    /// What was found.
    pub(super) fn found(&mut self) -> Vec<u64> {
        mem::take(&mut self.ends)
    }
}

/// The same on a file that jobs of the pool read.
pub(super) struct Search {
    file: File,
    source: PathBuf,
    ends: LineEnds,
    buffer: Vec<u8>,
}

impl Search {
    pub(super) fn new(file: File, source: PathBuf, shares: Shares) -> Self {
        Self { file, source, ends: LineEnds::new(shares), buffer: vec![0; READ_BYTES] }
    }

    pub(super) fn step(&mut self) -> Result<Step<Vec<u64>>> {
        let mut spent = 0;
        while let Some((at, room)) = self.ends.wanted() {
            if spent >= JOB_BYTES {
                return Ok(Step::More(0));
            }
            let read = self.read(at, room)?;
            spent += read as u64;
            self.ends.take(&self.buffer[..read]);
        }
        Ok(Step::Done(0, self.ends.found()))
    }

    fn read(&mut self, at: u64, room: usize) -> Result<usize> {
        loop {
            match self.file.read_at(&mut self.buffer[..room], at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read.doing("read", &self.source),
            }
        }
    }
}
