//! What came of one file, and what an error means for the others.

use std::io;
use std::path::Path;
use std::sync::Arc;

/// What the error of one file means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnError {
    /// It is told, and is the end: what else was begun is given up.
    #[default]
    Stop,
    /// It is counted and not told.
    Skip,
    /// It is told like any other outcome.
    Collect,
}

/// What came of one file.
#[derive(Debug)]
#[non_exhaustive]
pub struct FileOutcome<T> {
    /// The file, as it was named.
    pub path: Arc<Path>,
    /// What came of it.
    pub result: io::Result<T>,
    /// How often it was tried.
    pub attempts: u32,
}
