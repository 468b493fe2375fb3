//! Syncs of one file that share a system call.
//!
//! A sync covers everything that was written before it began. So while one is running, all that
//! are asked for meanwhile wait for it to end, and then a single one covers them all: many tasks
//! that each write and sync pay for few syncs. A run ends with its system call, whether or not a
//! future still waits for it, and so does what it says about the file.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::error::Result;
use crate::sync::{lock, wake};

/// The syncs of one file: the run that is under way, and the one after it.
#[derive(Debug, Default)]
pub(crate) struct GroupSync {
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    running: Option<Arc<SyncRun>>,
    next: Option<Arc<SyncRun>>,
}

/// One system call, and all that wait for it.
#[derive(Debug)]
pub(crate) struct SyncRun {
    data_only: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    result: Option<Result<()>>,
    /// One place for each future that waits, which takes the latest of its wakers.
    waiting: Vec<Option<Waker>>,
    /// Places whose futures have gone.
    free: Vec<usize>,
}

impl GroupSync {
    /// Joins a run that has not begun yet. With `true` the caller is to begin it.
    pub(crate) fn join(&self, data_only: bool) -> (SyncWait, bool) {
        let mut runs = lock(&self.runs);
        if runs.running.is_none() {
            let run = Arc::new(SyncRun::new(data_only));
            runs.running = Some(Arc::clone(&run));
            return (run.join(data_only), true);
        }
        let next = runs.next.get_or_insert_with(|| Arc::new(SyncRun::new(data_only)));
        (Arc::clone(next).join(data_only), false)
    }

    /// The present run is over. Returns the next one, which the caller is to begin, if a future
    /// waits for it.
    pub(crate) fn next(&self) -> Option<Arc<SyncRun>> {
        let mut runs = lock(&self.runs);
        runs.running = runs.next.take().filter(|run| lock(&run.state).is_awaited());
        runs.running.clone()
    }
}

impl SyncRun {
    fn new(data_only: bool) -> Self {
        Self { data_only: AtomicBool::new(data_only), state: Mutex::default() }
    }

    /// Whether data and what is needed to read it back are enough for all that wait.
    pub(crate) fn is_data_only(&self) -> bool {
        self.data_only.load(Ordering::Acquire)
    }

    /// Tells all that wait how it ended; only the first end counts.
    pub(crate) fn end(&self, result: Result<()>) {
        let mut state = lock(&self.state);
        if state.result.is_some() {
            return;
        }
        state.result = Some(result);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().flatten().for_each(wake);
    }

    fn join(self: Arc<Self>, data_only: bool) -> SyncWait {
        self.data_only.fetch_and(data_only, Ordering::AcqRel);
        let place = lock(&self.state).take_place();
        SyncWait { run: self, place }
    }
}

impl State {
    fn take_place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.waiting.push(None);
            self.waiting.len() - 1
        })
    }

    /// Whether a future waits that has not gone.
    fn is_awaited(&self) -> bool {
        self.free.len() < self.waiting.len()
    }
}

/// Waits for a run. Dropping it leaves the run alone.
#[derive(Debug)]
pub(crate) struct SyncWait {
    run: Arc<SyncRun>,
    place: usize,
}

impl SyncWait {
    pub(crate) fn run(&self) -> &Arc<SyncRun> {
        &self.run
    }
}

impl Future for SyncWait {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut state = lock(&self.run.state);
        if let Some(result) = &state.result {
            return Poll::Ready(result.clone());
        }
        if let Some(place) = state.waiting.get_mut(self.place) {
            match place {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *place = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }
}

impl Drop for SyncWait {
    fn drop(&mut self) {
        let mut state = lock(&self.run.state);
        let waker = state.waiting.get_mut(self.place).and_then(Option::take);
        state.free.push(self.place);
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(wait: &mut SyncWait) -> Poll<Result<()>> {
        Pin::new(wait).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_begins_and_the_others_share_the_next_run() {
        let group = GroupSync::default();
        let (mut first, begins) = group.join(true);
        assert!(begins);
        let ((mut second, no), (mut third, neither)) = (group.join(true), group.join(false));
        assert!(!no && !neither && Arc::ptr_eq(second.run(), third.run()));
        assert!(!second.run().is_data_only(), "the third wants all");
        first.run().end(Ok(()));
        assert!(poll(&mut first).is_ready() && poll(&mut second).is_pending());
        let next = group.next().expect("two wait for it");
        next.end(Ok(()));
        assert!(poll(&mut second).is_ready() && poll(&mut third).is_ready());
        assert!(group.next().is_none());
    }

    #[test]
    fn a_run_that_no_future_waits_for_is_not_begun() {
        let group = GroupSync::default();
        let (first, _) = group.join(true);
        drop(group.join(true));
        first.run().end(Ok(()));
        assert!(group.next().is_none());
        assert!(group.join(true).1, "the next one begins at once");
    }

    #[test]
    fn polls_and_futures_that_go_leave_nothing_behind() {
        let group = GroupSync::default();
        let (_first, _) = group.join(true);
        let (mut second, _) = group.join(true);
        for _ in 0..10_000 {
            assert!(poll(&mut second).is_pending());
            let (mut other, _) = group.join(true);
            assert!(poll(&mut other).is_pending());
        }
        assert!(lock(&second.run.state).waiting.len() <= 2);
    }
}
