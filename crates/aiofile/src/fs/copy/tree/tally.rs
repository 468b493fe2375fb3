//! What came of a tree.

use std::io;

use caio::Error;

/// Failures of which the words are kept; the others are counted.
const FAILURES_KEPT: usize = 1000;

/// What was copied of a directory, and what was not.
#[derive(Debug, Default)]
#[must_use = "files that could not be copied are in it"]
pub struct CopiedDir {
    files: u64,
    directories: u64,
    others: u64,
    links: u64,
    bytes: u64,
    failed: Vec<Error>,
    failures: u64,
    unkept: Vec<Error>,
}

impl CopiedDir {
    /// How many files were copied.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files
    }

    /// How many directories there are by now, with the first.
    #[must_use]
    pub fn directories(&self) -> u64 {
        self.directories
    }

    /// How many symbolic links, FIFOs, sockets and devices were made.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// How many further names files got that have several ([`keep_hard_links`]).
    ///
    /// [`keep_hard_links`]: crate::fs::CopyOptions::keep_hard_links
    #[must_use]
    pub fn hard_links(&self) -> u64 {
        self.links
    }

    /// How long the files are together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many entries could not be copied.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Why they could not be copied, each with its path: the first thousand.
    #[must_use]
    pub fn failed(&self) -> Vec<io::Error> {
        self.failed.iter().cloned().map(io::Error::from).collect()
    }

    /// The attributes that were to be kept and could not be set: the first thousand.
    #[must_use]
    pub fn unkept(&self) -> Vec<io::Error> {
        self.unkept.iter().cloned().map(io::Error::from).collect()
    }

    /// The first failure, with the number of the others.
    pub(in super::super) fn first_failure(&self) -> Option<Error> {
        let first = self.failed.first()?.clone();
        let hint = match self.failures - 1 {
            0 => "all else was copied".to_owned(),
            others => format!("and {others} others; all else was copied"),
        };
        Some(first.hint(hint))
    }

    pub(super) fn add_file(&mut self, bytes: u64, unkept: Vec<Error>) {
        self.files += 1;
        self.bytes += bytes;
        self.add_unkept(unkept);
    }

    pub(super) fn add_directory(&mut self) {
        self.directories += 1;
    }

    pub(super) fn add_other(&mut self) {
        self.others += 1;
    }

    pub(super) fn add_link(&mut self) {
        self.links += 1;
    }

    pub(super) fn add_unkept(&mut self, unkept: Vec<Error>) {
        let room = FAILURES_KEPT.saturating_sub(self.unkept.len());
        self.unkept.extend(unkept.into_iter().take(room));
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.failures += 1;
        if self.failed.len() < FAILURES_KEPT {
            self.failed.push(error);
        }
    }
}
