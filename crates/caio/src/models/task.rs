//! What the models share: a way to wait for a future, and something that shows when it is dropped.

use std::cell::Cell;
use std::fs::File;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::delay::{Timer, delay_by};
use crate::file::SharedFile;
use crate::op::{Job, Op};
use crate::runtime::Runtime;
use crate::sync::{Condvar, Mutex, lock, now};

/// Waits for a future on the calling thread. A wake that never comes is a deadlock, which loom and
/// shuttle find.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let task = Arc::new(Task::default());
    let waker = Waker::from(Arc::clone(&task));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut woken = lock(&task.woken);
        while !std::mem::take(&mut *woken) {
            woken = task.wake.wait(woken).expect("no thread panics with the lock");
        }
    }
}

/// Looks at a future once.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[derive(Default)]
struct Task {
    woken: Mutex<bool>,
    wake: Condvar,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        *lock(&self.woken) = true;
        self.wake.notify_one();
    }
}

std::thread_local! {
    static TIMER: Cell<Option<&'static Timer>> = const { Cell::new(None) };
}

/// Begins with a timer of the model's own.
pub(crate) fn new_timer() {
    TIMER.set(Some(Box::leak(Box::default())));
}

/// A pause until then.
pub(crate) async fn until(due: Instant) {
    let timer = || TIMER.get().expect("the model has one");
    delay_by(timer, due.saturating_duration_since(now())).await.expect("there are threads");
    assert!(now() >= due);
}

/// Counts what is there of something. No thread waits for it, so that it adds no orders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// One more, and the number of it, from 1 on.
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// An operation that is counted once it is dropped.
    pub(crate) fn dropped(&self) -> Op {
        let counted = Counted(self.clone());
        Op::Run { job: Job::new(move || drop(counted)) }
    }
}

struct Counted(Count);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// A regular file, for whose contents nobody asks; in memory, where that is to be had, since many
/// are synced.
pub(crate) fn regular_file() -> SharedFile {
    static FILE: OnceLock<File> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let in_memory = tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile());
        in_memory.expect("there is room for a file")
    });
    let file = file.try_clone().expect("there is a descriptor");
    SharedFile::new(file, "model").expect("an open file can be examined")
}

/// A runtime in which a task may always go on.
#[derive(Debug)]
pub(crate) struct AnyTime;

impl Runtime for AnyTime {
    fn poll_proceed(&self, _cx: &mut Context<'_>, _bytes: usize) -> Poll<()> {
        Poll::Ready(())
    }
}
