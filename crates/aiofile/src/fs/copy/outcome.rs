//! What came of a copy, and how far it is.

use std::io;
use std::path::Path;

use caio::Error;

/// How the contents got into a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyMethod {
    /// The blocks are shared with the source.
    Reflink,
    /// The kernel copied by itself.
    CopyFileRange,
    /// One thread read and wrote a small file.
    Plain,
    /// Blocks were read and written at offsets, several at once.
    Blocks,
    /// From the start to the end, for what has no size.
    Sequential,
}

/// A copy that was made.
#[derive(Debug)]
pub struct Copied {
    pub(super) method: CopyMethod,
    pub(super) bytes: u64,
    pub(super) len: u64,
    pub(super) to_special: bool,
    pub(super) in_place: Option<Error>,
    pub(super) unkept: Vec<Error>,
}

impl Copied {
    /// How long the copy is.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it is a length in bytes, of a file")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes of data that was: fewer than its length where there are holes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How they got there.
    #[must_use]
    pub fn method(&self) -> CopyMethod {
        self.method
    }

    /// Whether it went to a device, a FIFO or a socket, that is to no regular file.
    #[must_use]
    pub fn is_to_special_file(&self) -> bool {
        self.to_special
    }

    /// Why a file was overwritten that was to be replaced by renaming.
    #[must_use]
    pub fn in_place(&self) -> Option<io::Error> {
        self.in_place.clone().map(io::Error::from)
    }

    /// The attributes that were to be kept and could not be set, each with the system's answer.
    #[must_use]
    pub fn unkept(&self) -> Vec<io::Error> {
        self.unkept.iter().cloned().map(io::Error::from).collect()
    }

    pub(super) fn take_unkept(&mut self) -> Option<io::Error> {
        self.unkept.pop().map(io::Error::from)
    }
}

/// What a copy is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyPhase {
    /// It copies.
    Copying,
    /// It reads both files again and compares them.
    Verifying,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CopyProgress<'a> {
    /// The file that is copied.
    pub source: &'a Path,
    /// What is done with it.
    pub phase: CopyPhase,
    /// Bytes done in this phase.
    pub bytes: u64,
    /// Bytes to be done in this phase, where that is known.
    pub total: Option<u64>,
}
