//! Syncs of one file that share a system call.
//!
//! A sync covers everything that was written before it began. So while one is running, all that
//! are asked for meanwhile wait for it to end, and then a single one covers them all: many tasks
//! that each write and sync pay for few syncs. A run ends with its system call, whether or not a
//! future still waits for it, and so does what it says about the file.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use crate::error::Result;
use crate::layer::Attempt;
use crate::op::Output;
use crate::route::Route;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, lock, planted};
use crate::waker_set::{WakerSet, WakerSlot};

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
    waiting: WakerSet,
}

#[derive(Debug, Default)]
struct State {
    result: Option<Result<()>>,
    /// Calls that have joined and whose futures are still there.
    awaited: usize,
    /// What layers are told at the end, for each call that has joined.
    attempts: Vec<Joined>,
}

/// A call with layers around it.
#[derive(Debug)]
struct Joined {
    attempt: Arc<Attempt>,
    /// Its future is still there.
    is_awaited: bool,
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
            Some((run, begin)) if lock(&run.state).awaited > 0 => (Some((run, begin)), None),
            left => (None, left),
        };
        if awaited.is_some() || !planted("group_sync") {
            runs.running = awaited.as_ref().map(|(run, _)| Arc::clone(run));
        }
        drop(runs);
        // What will not begin is dropped outside of the lock.
        drop(left);
        awaited
    }
}

impl SyncRun {
    fn new(data_only: bool) -> Self {
        let data_only = AtomicBool::new(data_only);
        let (state, waiting) = (Mutex::default(), WakerSet::default());
        Self { data_only, route: OnceLock::new(), state, waiting }
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
        for Joined { attempt, is_awaited } in attempts {
            attempt.end(&output, self.route.get().copied(), is_awaited);
        }
        let mut state = lock(&self.state);
        if state.result.is_some() {
            return;
        }
        state.result = Some(result);
        drop(state);
        self.waiting.wake_all();
    }

    fn result(&self) -> Option<Result<()>> {
        lock(&self.state).result.clone()
    }

    fn join(self: Arc<Self>, data_only: bool, attempt: Option<&Arc<Attempt>>) -> SyncWait {
        self.data_only.fetch_and(data_only, Ordering::AcqRel);
        let mut state = lock(&self.state);
        state.awaited += 1;
        let attempt = attempt.cloned().map(|attempt| {
            state.attempts.push(Joined { attempt, is_awaited: true });
            state.attempts.len() - 1
        });
        drop(state);
        SyncWait { slot: self.waiting.slot(), run: self, attempt }
    }
}

/// Waits for a run. Dropping it leaves the run alone.
#[derive(Debug)]
pub(crate) struct SyncWait {
    run: Arc<SyncRun>,
    slot: WakerSlot,
    /// Where its attempt stands, if there is one.
    attempt: Option<usize>,
}

impl Future for SyncWait {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some(result) = self.run.result() {
            return Poll::Ready(result);
        }
        self.slot.register(cx.waker());
        // It may have ended before there was anybody to wake.
        self.run.result().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for SyncWait {
    fn drop(&mut self) {
        let mut state = lock(&self.run.state);
        state.awaited -= 1;
        // The end takes them out before it tells of them.
        if let Some(joined) = self.attempt.and_then(|place| state.attempts.get_mut(place)) {
            joined.is_awaited = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Chain, Ending, Layer, OpInfo, OpRoute, Stage};
    use crate::op::OpKind;
    use crate::runtime::NoRuntime;
    use crate::testing::file_with;
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
        assert!(count.begun() == 1 && first.run.is_data_only());
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
    fn layers_are_told_whether_the_future_of_a_call_is_still_there_and_the_route() {
        /// Notes of each call whether its future was there at the end, and its route.
        #[derive(Debug, Default)]
        struct Ends(Mutex<Vec<(bool, Option<OpRoute>)>>);
        impl Layer for Ends {
            fn stage(&self) -> Stage {
                Stage::Limit
            }

            fn finished(&self, _op: &OpInfo, ending: &Ending<'_>) {
                lock(&self.0).push((ending.is_awaited, ending.route));
            }
        }
        let (group, ends, file) = (GroupSync::default(), Arc::new(Ends::default()), file_with(b""));
        let chain = Chain::new(vec![Arc::clone(&ends) as _]);
        let info = chain.describe_sync(&NoRuntime, &file, OpKind::Fsync);
        let attempts = [(); 3].map(|()| chain.admit_now(&info).unwrap());
        let begin = || Ok(Box::new(Count::default()) as _);
        let [first, _second, third] =
            attempts.each_ref().map(|attempt| group.join(true, Some(attempt), begin).unwrap());
        drop(third);
        first.run.goes(Route::Pool);
        first.run.end(Ok(()));
        let (run, _) = group.next().expect("the second waits for it");
        run.end(Ok(()));
        assert_eq!(*lock(&ends.0), [(true, Some(OpRoute::Pool)), (true, None), (false, None)]);
    }
}
