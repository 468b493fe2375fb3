//! A closure as an operation.

use std::fmt;
use std::sync::{Mutex, PoisonError};

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
pub struct Job(
    /// The mutex is never locked: it makes an operation `Sync`, which the closure is not.
    Mutex<Option<Box<dyn FnOnce() + Send>>>,
);

impl Job {
    /// Of a closure that was not run yet.
    pub fn new(closure: impl FnOnce() + Send + 'static) -> Self {
        Self(Mutex::new(Some(Box::new(closure))))
    }

    /// Runs the closure, the first time.
    pub fn run(&mut self) {
        let closure = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        closure.into_iter().for_each(|closure| closure());
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}
