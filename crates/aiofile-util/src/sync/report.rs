//! What was done, told while it is done and at the end.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use caio::{Error, Result};

use crate::steps::stopped;

/// Errors that a report keeps; further ones are counted.
const ERRORS_MAX: usize = 1000;

/// What is done to a path of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It is made.
    Create,
    /// Its contents are replaced.
    Update,
    /// It gets other permissions or times.
    Attributes,
    /// It is deleted, with all that is in it.
    Delete,
    /// It is passed over, being neither file nor directory nor link.
    Skip,
}

impl Action {
    /// Its name: `create`, `update`, `attributes`, `delete` or `skip`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Attributes => "attributes",
            Self::Delete => "delete",
            Self::Skip => "skip",
        }
    }
}

/// What happened just now. Paths are relative to the two directories.
#[derive(Debug)]
#[non_exhaustive]
pub enum SyncEvent<'a> {
    /// This was done, or would be.
    Done(Action, &'a Path),
    /// This could not be done.
    Failed(&'a Path, &'a io::Error),
    /// So many more bytes were copied.
    Copied(u64),
}

/// What was done, or would be.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SyncReport {
    /// Files, directories and links that were made.
    pub created: u64,
    /// Files and links that were replaced.
    pub updated: u64,
    /// Files and directories that got other permissions or times, and nothing else.
    pub attributes: u64,
    /// What was deleted; a directory with all that was in it counts once.
    pub deleted: u64,
    /// Files and links that were the same already.
    pub unchanged: u64,
    /// Sockets, FIFOs and devices that were passed over.
    pub skipped: u64,
    /// How many bytes were copied, or would be.
    pub bytes: u64,
    /// How many paths could not be done.
    pub failed: u64,
    /// The first thousand of them, with what happened; relative to the two directories.
    pub errors: Vec<(PathBuf, io::Error)>,
}

impl SyncReport {
    pub(super) fn count(&mut self, action: Action) {
        let count = match action {
            Action::Create => &mut self.created,
            Action::Update => &mut self.updated,
            Action::Attributes => &mut self.attributes,
            Action::Delete => &mut self.deleted,
            Action::Skip => &mut self.skipped,
        };
        *count += 1;
    }

    pub(super) fn fail(&mut self, path: PathBuf, error: io::Error) {
        self.failed += 1;
        if self.errors.len() < ERRORS_MAX {
            self.errors.push((path, error));
        }
    }
}

/// Whoever wants to know, and may stop the work.
#[derive(Clone, Default)]
pub(super) struct Listener(Option<Arc<Listens>>);

type Listens = dyn Fn(&SyncEvent<'_>) -> ControlFlow<()> + Send + Sync;

impl Listener {
    pub(super) fn new(
        listener: impl Fn(&SyncEvent<'_>) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(listener)))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

/// The listener of one run, and whether it has had enough.
#[derive(Debug)]
pub(super) struct Telling {
    listener: Listener,
    is_stopped: AtomicBool,
}

impl Telling {
    pub(super) fn new(listener: &Listener) -> Self {
        Self { listener: listener.clone(), is_stopped: AtomicBool::new(false) }
    }

    /// Tells it.
    pub(super) fn tell(&self, event: &SyncEvent<'_>) {
        let answer = self.listener.0.as_ref().map(|listener| listener(event));
        if answer == Some(ControlFlow::Break(())) {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
    }

    /// An error where the work is to end.
    pub(super) fn proceed(&self) -> Result<(), Error> {
        if self.is_stopped.load(Ordering::Relaxed) { Err(stopped()) } else { Ok(()) }
    }
}
