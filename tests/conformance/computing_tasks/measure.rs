//! The longest wait of a task beside one that computes, held against tokio's own sockets.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::support::multi_thread;

/// How many operations complete together.
pub(super) const TOGETHER: usize = 8;

/// The longest that the one task computes: until all the others have had their answer.
const COMPUTING_MAX: Duration = Duration::from_secs(4);

/// What a measurement may be worse than the control, so that a busy machine does not matter: an
/// answer takes some changes of threads, each of which waits for a processor there. What is held up
/// by the computing waits for all of it.
const FLOOR: Duration = Duration::from_millis(1_200);

/// How often each is measured, at most, and how many have to be good: a busy machine may spoil
/// some.
const TRIES: usize = 6;
const GOOD: usize = 2;

/// Operations that end once the other part is called.
pub(super) type Round = (Vec<BoxFuture<'static, ()>>, Box<dyn FnOnce() + Send>);

/// How many have reported, and the longest that one of them had to wait.
#[derive(Default)]
struct Reports {
    state: Mutex<(usize, Duration)>,
    changed: Condvar,
}

impl Reports {
    fn add(&self, waited: Duration) {
        let mut state = self.state.lock().unwrap();
        *state = (state.0 + 1, state.1.max(waited));
        self.changed.notify_all();
    }

    /// Blocks the thread until so many have reported, or the time is over.
    fn wait(&self, count: usize, longest: Duration) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_timeout_while(state, longest, |state| state.0 < count).unwrap());
    }
}

/// What else the runtime has to do. Each is looked at by itself, since an event that one of them
/// makes may have a worker look after the other.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    Timer,
    Echo,
}

/// Runs the operations in tasks of their own. The first task that has its answer holds its worker
/// until the others have theirs. Returns the longest wait of a task.
fn longest_wait(runtime: &Runtime, beside: Beside, (operations, go): Round) -> Duration {
    let (reports, first) = (Arc::new(Reports::default()), Arc::new(AtomicBool::new(true)));
    let others = operations.len() - usize::from(matches!(beside, Beside::Nothing));
    let begun: Arc<Mutex<Option<Instant>>> = Arc::default();
    let mut tasks = Vec::new();
    for operation in operations {
        let (reports, first, begun) = (reports.clone(), first.clone(), begun.clone());
        tasks.push(runtime.spawn(async move {
            operation.await;
            if first.swap(false, Ordering::SeqCst) {
                reports.wait(others, COMPUTING_MAX);
            } else {
                reports.add(begun.lock().unwrap().expect("it was begun").elapsed());
            }
        }));
    }
    let (ours, theirs) = StdUnixStream::pair().unwrap();
    match beside {
        Beside::Nothing => {}
        Beside::Timer => {
            let reports = reports.clone();
            tasks.push(runtime.spawn(async move {
                let (started, length) = (Instant::now(), Duration::from_millis(30));
                tokio::time::sleep(length).await;
                reports.add(started.elapsed().saturating_sub(length));
            }));
        }
        Beside::Echo => {
            theirs.set_nonblocking(true).unwrap();
            tasks.push(runtime.spawn(async move {
                let (mut socket, mut byte) = (UnixStream::from_std(theirs).unwrap(), [0]);
                socket.read_exact(&mut byte).await.unwrap();
                socket.write_all(&byte).await.unwrap();
            }));
        }
    }
    // All of them wait by now, or will by the time that they are waited for.
    thread::sleep(Duration::from_millis(10));
    *begun.lock().unwrap() = Some(Instant::now());
    go();
    if matches!(beside, Beside::Echo) {
        thread::sleep(Duration::from_millis(5));
        let (mut socket, sent) = (ours, Instant::now());
        socket.write_all(&[1]).unwrap();
        socket.read_exact(&mut [0]).unwrap();
        reports.add(sent.elapsed());
    }
    runtime.block_on(join_all(tasks)).into_iter().for_each(|ended| ended.unwrap());
    reports.state.lock().unwrap().1
}

/// The control: a socket of tokio's with one event, for which all the tasks wait.
fn sockets(runtime: &Runtime) -> Round {
    let (one, mut other) = StdUnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    let _entered = runtime.enter();
    let socket = Arc::new(UnixStream::from_std(one).unwrap());
    let operations = (0..TOGETHER).map(|_| {
        let socket = Arc::clone(&socket);
        async move {
            socket.readable().await.unwrap();
            socket.try_read(&mut [0]).unwrap();
        }
        .boxed()
    });
    (operations.collect(), Box::new(move || other.write_all(&[1; TOGETHER]).unwrap()))
}

/// Operations that each begin when told to, all at the same time.
pub(super) fn told_to_begin(operation: impl Fn(u64) -> BoxFuture<'static, ()>) -> Round {
    let told = Arc::new(Notify::new());
    let operations = (0..TOGETHER as u64).map(|number| {
        // Told also where the task has not run yet by then.
        let (told, operation) = (Arc::clone(&told).notified_owned(), operation(number));
        async move {
            told.await;
            operation.await;
        }
        .boxed()
    });
    let operations = operations.collect();
    (operations, Box::new(move || told.notify_waiters()))
}

/// Holds tries against the control's, until enough of them were as good and ended long before the
/// computing did.
#[track_caller]
pub(super) fn assert_as_sockets(ours: impl Fn() -> Round) {
    let beside =
        [(2, Beside::Nothing), (2, Beside::Timer), (2, Beside::Echo), (8, Beside::Nothing)];
    for (workers, beside) in beside {
        let (mut waits, mut controls) = (Vec::new(), Vec::new());
        let mut good = 0;
        while good < GOOD && waits.len() < TRIES {
            // Each try has a runtime and a context of its own: none learns from an earlier one.
            let runtime = multi_thread(workers);
            let control = longest_wait(&runtime, beside, sockets(&runtime));
            let wait = longest_wait(&multi_thread(workers), beside, ours());
            good += usize::from(wait <= control * 2 + FLOOR && wait <= COMPUTING_MAX / 2);
            controls.push(control);
            waits.push(wait);
        }
        assert!(
            good == GOOD,
            "{workers} workers: tasks waited {waits:?}; for tokio's sockets {controls:?}"
        );
    }
}
