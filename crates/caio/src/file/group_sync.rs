//! Syncs of one file that share a system call.
//!
//! A sync covers everything that was written before it began. So while one is running, all that
//! are asked for meanwhile wait for it to end, and then a single one covers them all: many tasks
//! that each write and sync pay for few syncs. A run ends with its system call, whether or not a
//! future still waits for it, and so does what it says about the file.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};

use crate::error::Result;
use crate::layer::Attempt;
use crate::op::Output;
use crate::route::Route;
use crate::sync::{lock, wake};

/// The syncs of one file: the run that is under way, and the one after it.
#[derive(Debug, Default)]
pub(crate) struct GroupSync {
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    running: Option<Arc<SyncRun>>,
    next: Option<(Arc<SyncRun>, Box<dyn Begin>)>,
}

/// Begins a run when its turn comes.
pub(crate) trait Begin: fmt::Debug + Send {
    /// Has the system call made, after which the run ends.
    fn begin(self: Box<Self>, run: &Arc<SyncRun>);
}

/// One system call, and all that wait for it.
#[derive(Debug)]
pub(crate) struct SyncRun {
    data_only: AtomicBool,
    /// The way of its system call.
    route: OnceLock<Route>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    result: Option<Result<()>>,
    /// One place for each future that waits, which takes the latest of its wakers.
    waiting: Vec<Option<Waker>>,
    /// Places whose futures have gone.
    free: Vec<usize>,
    /// What layers are told at the end, for each call that has joined.
    attempts: Vec<Arc<Attempt>>,
}

impl GroupSync {
    /// Joins a run that has not begun yet. Where there is none, a new one is made, which `begin`
    /// begins: now, or when the run before it is over. That fails where nothing may begin any more.
    pub(crate) fn join(
        &self,
        data_only: bool,
        attempt: Option<&Arc<Attempt>>,
        begin: impl FnOnce() -> Result<Box<dyn Begin>>,
    ) -> Result<SyncWait> {
        let mut runs = lock(&self.runs);
        if runs.running.is_some() {
            let run = match &runs.next {
                Some((run, _)) => Arc::clone(run),
                None => {
                    let run = Arc::new(SyncRun::new(data_only));
                    runs.next = Some((Arc::clone(&run), begin()?));
                    run
                }
            };
            return Ok(run.join(data_only, attempt));
        }
        let (begin, run) = (begin()?, Arc::new(SyncRun::new(data_only)));
        runs.running = Some(Arc::clone(&run));
        drop(runs);
        let wait = Arc::clone(&run).join(data_only, attempt);
        begin.begin(&run);
        Ok(wait)
    }

    /// The present run is over, and the next one is this, if a future waits for it.
    pub(crate) fn next(&self) -> Option<(Arc<SyncRun>, Box<dyn Begin>)> {
        let mut runs = lock(&self.runs);
        let next = runs.next.take();
        let (awaited, left) = match next {
            Some((run, begin)) if lock(&run.state).is_awaited() => (Some((run, begin)), None),
            left => (None, left),
        };
        runs.running = awaited.as_ref().map(|(run, _)| Arc::clone(run));
        drop(runs);
        // What will not begin is dropped outside of the lock.
        drop(left);
        awaited
    }
}

impl SyncRun {
    fn new(data_only: bool) -> Self {
        let data_only = AtomicBool::new(data_only);
        Self { data_only, route: OnceLock::new(), state: Mutex::default() }
    }

    /// Whether data and what is needed to read it back are enough for all that wait.
    pub(crate) fn is_data_only(&self) -> bool {
        self.data_only.load(Ordering::Acquire)
    }

    /// Its system call goes this way.
    pub(crate) fn goes(&self, route: Route) {
        self.route.get_or_init(|| route);
    }

    /// Tells all that wait how it ended; only the first end counts.
    pub(crate) fn end(&self, result: Result<()>) {
        let attempts = std::mem::take(&mut lock(&self.state).attempts);
        let output = result.clone().map(|()| Output::Done);
        for attempt in attempts {
            // The call keeps one as long as it waits.
            let is_awaited = Arc::strong_count(&attempt) > 1;
            attempt.end(&output, self.route.get().copied(), is_awaited);
        }
        let mut state = lock(&self.state);
        if state.result.is_some() {
            return;
        }
        state.result = Some(result);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().flatten().for_each(wake);
    }

    fn join(self: Arc<Self>, data_only: bool, attempt: Option<&Arc<Attempt>>) -> SyncWait {
        self.data_only.fetch_and(data_only, Ordering::AcqRel);
        let mut state = lock(&self.state);
        let place = state.take_place();
        state.attempts.extend(attempt.cloned());
        drop(state);
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
    use std::sync::atomic::AtomicUsize;
    use std::task::Waker;

    /// Counts the runs that have begun.
    #[derive(Debug, Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl Begin for Count {
        fn begin(self: Box<Self>, _run: &Arc<SyncRun>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn join(&self, group: &GroupSync, data_only: bool) -> SyncWait {
            group.join(data_only, None, || Ok(Box::new(self.clone()))).unwrap()
        }

        fn begun(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn poll(wait: &mut SyncWait) -> Poll<Result<()>> {
        Pin::new(wait).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_begins_and_the_others_share_the_next_run() {
        let (group, count) = (GroupSync::default(), Count::default());
        let mut first = count.join(&group, true);
        assert_eq!(count.begun(), 1);
        let (mut second, mut third) = (count.join(&group, true), count.join(&group, false));
        assert!(count.begun() == 1 && Arc::ptr_eq(&second.run, &third.run));
        assert!(!second.run.is_data_only(), "the third wants all");
        first.run.end(Ok(()));
        assert!(poll(&mut first).is_ready() && poll(&mut second).is_pending());
        let (run, begin) = group.next().expect("two wait for it");
        begin.begin(&run);
        run.end(Ok(()));
        assert!(poll(&mut second).is_ready() && poll(&mut third).is_ready());
        assert!(group.next().is_none() && count.begun() == 2);
    }

    #[test]
    fn a_run_that_no_future_waits_for_is_not_begun() {
        let (group, count) = (GroupSync::default(), Count::default());
        let first = count.join(&group, true);
        drop(count.join(&group, true));
        first.run.end(Ok(()));
        assert!(group.next().is_none());
        let _next = count.join(&group, true);
        assert_eq!(count.begun(), 2, "the next one begins at once");
    }

    #[test]
    fn polls_and_futures_that_go_leave_nothing_behind() {
        let (group, count) = (GroupSync::default(), Count::default());
        let _first = count.join(&group, true);
        let mut second = count.join(&group, true);
        for _ in 0..10_000 {
            assert!(poll(&mut second).is_pending());
            let mut other = count.join(&group, true);
            assert!(poll(&mut other).is_pending());
        }
        assert!(lock(&second.run.state).waiting.len() <= 2);
    }
}
