//! A closure as an operation.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::sync::Exclusive;

/// What an [`Op::Run`](crate::Op::Run) does: a closure that runs once, on a thread that may block.
/// It hands its result over by itself.
///
/// ```
/// use caio::Job;
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let mut job = Job::new(move || drop(sender.send(6 * 7)));
/// job.run();
/// job.run(); // it has run already
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), [42]);
/// ```
pub struct Job {
    name: &'static str,
    place: Place,
    closure: Exclusive<Option<Closure>>,
    failure: Option<Error>,
}

/// Where a closure works.
#[derive(Debug)]
pub(crate) enum Place {
    Unknown,
    /// On one file.
    Path(PathBuf),
    /// On a part of a file or a tree, of which several are worked on at once.
    Part(PathBuf),
}

/// It returns what layers are told of its failure.
type Closure = Box<dyn FnOnce() -> Option<Error> + Send>;

impl Job {
    /// Of a closure that was not run yet.
    pub fn new(closure: impl FnOnce() + Send + 'static) -> Self {
        Self::named("run", Place::Unknown, move || {
            closure();
            None
        })
    }

    /// The same with a name of what it does, and where, and of a closure that says why it
    /// failed.
    pub(crate) fn named(
        name: &'static str,
        place: Place,
        closure: impl FnOnce() -> Option<Error> + Send + 'static,
    ) -> Self {
        Self { name, place, closure: Exclusive::new(Some(Box::new(closure))), failure: None }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Path(path) | Place::Part(path) => Some(path),
            Place::Unknown => None,
        }
    }

    /// Whether others may work at the same place at once.
    pub(crate) fn is_part(&self) -> bool {
        matches!(self.place, Place::Part(_))
    }

    /// Why the closure failed, if it has.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Runs the closure, the first time.
    pub fn run(&mut self) {
        let closure = self.closure.get_mut().take();
        if let Some(closure) = closure {
            self.failure = closure();
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}
