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
    answers_wait_max: Duration,
}

impl Service {
    pub(super) fn new(perform: Perform, held: Arc<Held>) -> Self {
        let (pace, writers) = (Pace::default(), Writers::default());
        Self { perform, held, pace, writers, answers_wait_max: ANSWERS_WAIT_MAX }
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
            if count >= ahead || count == ANSWERS_MAX || since.elapsed() > self.answers_wait_max {
                for (request, result) in done[..count].iter_mut().filter_map(Option::take) {
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

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, OnceLock};
    use std::task::{Context, Wake, Waker};

    use super::*;
    use crate::slot::Completion;
    use crate::sync::lock;
    use crate::testing::{file_with, request};

    /// What the one test of this module counts.
    static ANSWERED: AtomicUsize = AtomicUsize::new(0);
    static ANSWERED_AT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    static SERVICE: OnceLock<Service> = OnceLock::new();
    static WAITING: Mutex<Vec<Request>> = Mutex::new(Vec::new());

    struct Count;

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            ANSWERED.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Has everything else join while the first is done, and notes how many have been answered.
    fn note(_op: &mut Op, _file: Option<&SharedFile>) -> io::Result<Output> {
        let service = SERVICE.get().expect("it is set before anything is served");
        for request in lock(&WAITING).drain(..) {
            service.held.enter(1).unwrap();
            assert!(service.join(request, false).is_none());
        }
        lock(&ANSWERED_AT).push(ANSWERED.load(Ordering::SeqCst));
        Ok(Output::Bytes(1))
    }

    /// How many had been answered when each of so many writes was done.
    fn answered_at(writes: usize) -> Vec<usize> {
        let service = SERVICE.get_or_init(|| Service {
            answers_wait_max: Duration::MAX,
            ..Service::new(note, Arc::default())
        });
        let file = file_with(b"");
        let write = || request(Op::write(vec![1].into(), 0..1, 0).unwrap(), Some(&file));
        let (mut requests, mut completions): (Vec<_>, Vec<Completion>) =
            (0..writes).map(|_| write()).unzip();
        let waker = Waker::from(Arc::new(Count));
        for completion in &mut completions {
            let polled = Pin::new(completion).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        let first = requests.remove(0);
        *lock(&WAITING) = requests;
        ANSWERED.store(0, Ordering::SeqCst);
        service.held.enter(1).unwrap();
        service.serve(first, true);
        assert_eq!(ANSWERED.load(Ordering::SeqCst), writes);
        std::mem::take(&mut lock(&ANSWERED_AT))
    }

    #[test]
    fn half_of_what_there_is_to_write_is_answered_together() {
        assert_eq!(answered_at(1), [0]);
        assert_eq!(answered_at(2), [0, 1]);
        assert_eq!(answered_at(8), [0, 0, 0, 0, 4, 4, 6, 7]);
        let many = answered_at(1000);
        assert_eq!(many.iter().position(|answered| *answered > 0), Some(ANSWERS_MAX));
    }
}
