//! What every worker of a pool does around an operation: skip it if nobody waits, survive it if
//! it panics, answer, count it out.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::held::Held;
use super::pace::Pace;
use super::writers::Writers;
use crate::error::{Error, ErrorKind};
use crate::file::{FileId, SharedFile};
use crate::op::{Op, Output};
use crate::own_thread;
use crate::request::Request;

/// The way one backend does an operation on the calling thread.
pub(super) type Perform = fn(&mut Op, Option<&SharedFile>) -> io::Result<Output>;

/// What the threads of a pool share to serve requests.
#[derive(Debug)]
pub(super) struct Service {
    perform: Perform,
    pub(super) held: Arc<Held>,
    pub(super) pace: Pace,
    writers: Writers,
}

impl Service {
    pub(super) fn new(perform: Perform, held: Arc<Held>) -> Self {
        Self { perform, held, pace: Pace::default(), writers: Writers::default() }
    }

    /// Hands a request to a thread that is at it already; gives it back where there is none, and
    /// where that is not fair to others who wait.
    pub(super) fn join(&self, request: Request, others_wait: bool) -> Option<Request> {
        self.writers.join(request, others_wait)
    }

    /// Completes the request with what `perform` makes of it, and then what other threads have
    /// left to this one. With `others_wait` it is measured how long that takes.
    pub(super) fn serve(&self, request: Request, others_wait: bool) {
        match self.writers.begin(request) {
            None => {}
            Some((request, None)) => {
                let (request, result) = self.perform(request, others_wait);
                answer(request, result, &self.held);
                own_thread::has_worked();
            }
            Some((request, Some(file))) => self.write(request, file, others_wait),
        }
    }

    /// Writes to a file until nothing more is to be written. Answers are given for half of what
    /// there is at once: each wakes a task, and tasks that are woken together cost fewer wake-ups
    /// of their threads; and what they submit comes while there is the other half to write.
    fn write(&self, first: Request, file: FileId, others_wait: bool) {
        let mut done = [const { None }; ANSWERS_MAX];
        let (mut count, mut since) = (0, Instant::now());
        let (mut next, mut others_wait) = (Some(first), others_wait);
        while let Some(request) = next {
            done[count] = Some(self.perform(request, others_wait));
            count += 1;
            let ahead;
            (next, ahead) = self.writers.next(file);
            if count >= ahead || count == ANSWERS_MAX || since.elapsed() > ANSWERS_WAIT_MAX {
                for (request, result) in done.iter_mut().filter_map(Option::take) {
                    answer(request, result, &self.held);
                }
                own_thread::has_worked();
                (count, since) = (0, Instant::now());
            }
            if next.is_some() {
                self.pace.take();
                others_wait = true;
            }
        }
    }

    fn perform(&self, mut request: Request, measure: bool) -> (Request, io::Result<Output>) {
        if request.is_cancelled() {
            return (request, Err(Errno::ECANCELED.into()));
        }
        let (op, file) = request.parts_mut();
        let perform = || match measure {
            true => self.pace.measure(|| (self.perform)(op, file)),
            false => (self.perform)(op, file),
        };
        let result =
            catch_unwind(AssertUnwindSafe(perform)).unwrap_or_else(|panic| Err(panicked(&*panic)));
        (request, result)
    }
}

/// The most writes whose answers wait for each other.
const ANSWERS_MAX: usize = 64;

/// How long answers wait at most for the end of another write.
const ANSWERS_WAIT_MAX: Duration = Duration::from_micros(150);

/// Completes the request and counts it out. The last owner of a buffer may be user code with a
/// panic in its destructor: the worker outlives that, too.
pub(super) fn answer(request: Request, result: io::Result<Output>, held: &Held) {
    let _ = catch_unwind(AssertUnwindSafe(|| request.complete(result)));
    held.leave(1);
}

/// The same error again: one failure, told to everybody it concerns.
pub(super) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(errno) => io::Error::from_raw_os_error(errno),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> io::Error {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    Error::new(ErrorKind::Abandoned, format!("the operation panicked: {words}")).into()
}
