//! In which order tasks are woken, and when what they submit goes to the backend.

use std::io::{PipeReader, pipe};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::backend::{Backend, BackendKind, Lanes};
use crate::capability::Capability;
use crate::config::Config;
use crate::context::{Context, Operation};
use crate::error::Result;
use crate::op::{Op, Output};
use crate::request::{Request, Token};
use crate::runtime::{Runtime, Source, Watch, Workers};
use crate::sync::lock;
use crate::testing::Count;

/// That many ready operations are not.
const PANICS: usize = 1000;

/// Keeps requests, and completes as many as the test allows when it is reaped.
#[derive(Debug)]
struct Kept {
    capability: Capability,
    lane: PipeReader,
    requests: Mutex<Vec<Request>>,
    submissions: AtomicUsize,
    ready: AtomicUsize,
    /// How many requests it keeps; it hands back what is more.
    room: AtomicUsize,
}

impl Backend for Kept {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("kept")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes> {
        self.submissions.fetch_add(1, Ordering::SeqCst);
        let mut requests = lock(&self.requests);
        let left = self.room.load(Ordering::SeqCst).saturating_sub(requests.len());
        requests.extend(batch.iter_mut().take(left).filter_map(Option::take));
        Ok(Lanes::one(0))
    }

    fn cancel(&self, _token: Token) {}

    fn reap(&self, _lane: usize) -> usize {
        let ready = self.ready.swap(0, Ordering::SeqCst);
        assert!(ready < PANICS, "it panics on purpose");
        let ended: Vec<_> = lock(&self.requests).drain(..ready).collect();
        ended.into_iter().for_each(|request| request.complete(Ok(Output::Done)));
        ready
    }

    fn descriptor(&self, _lane: usize) -> Option<BorrowedFd<'_>> {
        Some(self.lane.as_fd())
    }

    fn shutdown(&self, _deadline: Instant) -> usize {
        0
    }
}

/// Gives its sources to the test: the lane first, then the bell.
#[derive(Debug)]
struct Reactor(Workers, Mutex<Vec<Arc<Source>>>);

impl Runtime for Reactor {
    fn watch(&self, source: Source) -> std::result::Result<Watch, Source> {
        lock(&self.1).push(Arc::new(source));
        Ok(Box::new(()))
    }

    fn poll_budget(&self, _cx: &mut TaskContext<'_>, bytes: usize) -> Poll<usize> {
        Poll::Ready(bytes)
    }

    fn gathers_wakes(&self) -> bool {
        false
    }

    fn workers(&self) -> Workers {
        self.0
    }
}

/// An operation, and whether its task was woken.
struct Task {
    operation: Operation,
    woken: Arc<Count>,
}

impl Task {
    fn begin(context: &Context) -> Self {
        let (operation, woken) = (context.submit(None, Op::Fsync), Arc::default());
        let mut task = Self { operation, woken };
        assert!(!task.run());
        task
    }

    /// Polls it. Returns whether it has ended.
    fn run(&mut self) -> bool {
        let waker = Waker::from(Arc::clone(&self.woken));
        Pin::new(&mut self.operation).poll(&mut TaskContext::from_waker(&waker)).is_ready()
    }
}

struct House {
    context: Context,
    backend: Arc<Kept>,
    reactor: Arc<Reactor>,
    tasks: Vec<Task>,
}

impl House {
    fn new(workers: Workers, tasks: usize) -> Self {
        let backend = Arc::new(Kept {
            capability: Capability::all(64),
            lane: pipe().unwrap().0,
            requests: Mutex::default(),
            submissions: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            room: AtomicUsize::new(usize::MAX),
        });
        let reactor = Arc::new(Reactor(workers, Mutex::default()));
        let builder = Context::builder().custom(backend.clone()).config(Config::default());
        let context = builder.runtime(reactor.clone()).build().unwrap();
        let tasks = (0..tasks).map(|_| Task::begin(&context)).collect();
        backend.submissions.store(0, Ordering::SeqCst);
        Self { context, backend, reactor, tasks }
    }

    /// So many operations complete, and the reactor finds them.
    fn complete(&self, operations: usize) {
        self.backend.ready.store(operations, Ordering::SeqCst);
        let lane = Arc::clone(&lock(&self.reactor.1)[0]);
        assert_eq!(lane.reap(), operations);
    }

    /// The reactor looks again.
    fn look(&self) {
        let bell = Arc::clone(&lock(&self.reactor.1)[1]);
        bell.reap();
    }

    /// Whether the reactor is to look again.
    fn is_ringing(&self) -> bool {
        let bell = Arc::clone(&lock(&self.reactor.1)[1]);
        let mut files = [PollFd::new(bell.as_fd(), PollFlags::POLLIN)];
        poll(&mut files, PollTimeout::ZERO).unwrap() == 1
    }

    /// The numbers of the tasks that were woken.
    fn woken(&self) -> Vec<usize> {
        let woken = |index: &usize| self.tasks[*index].woken.now() > 0;
        (0..self.tasks.len()).filter(woken).collect()
    }

    fn submissions(&self) -> usize {
        self.backend.submissions.load(Ordering::SeqCst)
    }
}

/// Makes the trial again as long as the machine takes longer than that for it: what takes long is
/// for all workers.
fn within<T>(limit: Duration, trial: impl Fn() -> T) -> T {
    for _ in 0..1000 {
        let begun = Instant::now();
        let result = trial();
        if begun.elapsed() < limit {
            return result;
        }
    }
    panic!("the machine is never fast enough");
}

#[test]
fn each_task_that_takes_its_answer_wakes_the_next_and_every_fourth_leaves_it_to_the_reactor() {
    let woken = within(Duration::from_micros(500), || {
        let mut house = House::new(Workers::Several, 10);
        house.complete(6);
        let mut run = |task: usize| {
            assert!(house.tasks[task].run());
            house.woken().len()
        };
        let mut woken: Vec<_> = (0..4).map(&mut run).collect();
        house.look();
        woken.push(house.woken().len());
        assert!(house.tasks[4].run());
        assert_eq!(house.woken(), Vec::from_iter(0..house.woken().len()), "in order");
        woken.push(house.woken().len());
        woken
    });
    assert_eq!(woken, [2, 3, 4, 4, 5, 6]);
}

#[test]
fn what_tasks_submit_goes_together_when_the_last_has_its_answer() {
    for workers in [Workers::Several, Workers::One] {
        let mut house = House::new(workers, 5);
        house.complete(3);
        let mut next = Vec::new();
        for task in 0..3 {
            assert_eq!(house.submissions(), 0, "{workers:?}, before task {task}");
            assert!(house.tasks[task].run());
            next.push(Task::begin(&house.context));
        }
        assert_eq!((house.submissions(), lock(&house.backend.requests).len()), (1, 5));
        // The round is over: what comes now is not held back.
        house.look();
        next.push(Task::begin(&house.context));
        assert_eq!(house.submissions(), 2);
    }
}

#[test]
fn a_large_batch_does_not_wait_for_the_last_task() {
    let house = House::new(Workers::Several, 5);
    house.complete(3);
    let mut next: Vec<_> = (0..15).map(|_| Task::begin(&house.context)).collect();
    assert_eq!(house.submissions(), 0);
    next.push(Task::begin(&house.context));
    assert_eq!((house.submissions(), lock(&house.backend.requests).len()), (1, 18));
}

#[test]
fn what_a_full_backend_hands_back_follows_the_next_completion() {
    for in_rounds in [true, false] {
        let mut house = House::new(Workers::Several, 5);
        house.backend.room.store(4, Ordering::SeqCst);
        house.complete(3);
        let mut next = Vec::new();
        for task in 0..3 {
            assert!(house.tasks[task].run());
            next.push(Task::begin(&house.context));
        }
        house.look();
        assert_eq!(lock(&house.backend.requests).len(), 4, "there is no room for the fifth");
        if !in_rounds {
            lock(&house.reactor.1).remove(1);
        }
        house.complete(1);
        assert_eq!(lock(&house.backend.requests).len(), 4, "now there is");
    }
}

#[test]
fn a_bell_is_silent_when_its_round_is_over() {
    let mut house = House::new(Workers::Several, 4);
    house.complete(2);
    assert!(house.is_ringing());
    (0..2).for_each(|task| assert!(house.tasks[task].run()));
    house.look();
    assert!(!house.is_ringing());
}

#[test]
fn a_single_worker_is_left_to_order_its_tasks() {
    let house = House::new(Workers::One, 5);
    house.complete(3);
    assert_eq!(house.woken(), [0, 1, 2]);
}

#[test]
fn nothing_is_held_where_little_completes_or_is_in_flight() {
    for (in_flight, completed, holds) in
        [(2, 1, false), (3, 1, false), (2, 2, true), (3, 2, true), (9, 1, true)]
    {
        let house = House::new(Workers::Several, in_flight);
        house.complete(completed);
        let _next = Task::begin(&house.context);
        assert_eq!(house.submissions() == 0, holds, "{completed} of {in_flight} completed");
    }
}

#[test]
fn a_task_that_does_not_come_for_its_answer_keeps_nobody_waiting_for_long() {
    let house = House::new(Workers::Several, 4);
    house.complete(3);
    let _held = Task::begin(&house.context);
    for _ in 0..3 {
        house.look();
        assert_eq!((house.woken(), house.submissions()), (vec![0], 0));
    }
    house.look();
    assert_eq!((house.woken(), house.submissions()), (vec![0, 1, 2], 1));
}

#[test]
fn an_operation_that_is_dropped_counts_as_seen() {
    let mut house = House::new(Workers::Several, 4);
    house.complete(3);
    drop(house.tasks.remove(0));
    assert_eq!(house.woken(), [0]);
    house.tasks.clear();
    let _next = Task::begin(&house.context);
    assert_eq!(house.submissions(), 1);
}

#[test]
fn without_the_reactor_all_are_woken_and_nothing_is_held() {
    let house = House::new(Workers::Several, 6);
    house.complete(3);
    let _held = Task::begin(&house.context);
    lock(&house.reactor.1).remove(1);
    assert_eq!((house.woken(), house.submissions()), (vec![0, 1, 2], 1));
    house.complete(2);
    assert_eq!(house.woken(), [0, 1, 2, 3, 4]);
    let _at_once = Task::begin(&house.context);
    assert_eq!(house.submissions(), 2);
}

#[test]
fn a_round_does_not_outlast_a_panic_of_the_backend() {
    let house = House::new(Workers::Several, 4);
    house.backend.ready.store(PANICS, Ordering::SeqCst);
    let lane = Arc::clone(&lock(&house.reactor.1)[0]);
    assert!(catch_unwind(AssertUnwindSafe(|| lane.reap())).is_err());
    let _next = Task::begin(&house.context);
    assert_eq!(house.submissions(), 1, "it is not held back");
    house.complete(2);
    assert_eq!(house.woken()[0], 0);
    let _held = Task::begin(&house.context);
    assert_eq!(house.submissions(), 1, "in a round like any other");
}

#[test]
fn a_crowd_is_woken_at_once() {
    let house = House::new(Workers::Several, 50);
    house.complete(33);
    assert_eq!(house.woken().len(), 33);
    let house = House::new(Workers::Several, 50);
    house.complete(32);
    assert_eq!(house.woken(), [0]);
}

#[test]
fn tasks_that_compute_for_long_are_woken_at_once_from_then_on() {
    let woken = within(Duration::from_millis(50), || {
        let mut house = House::new(Workers::Several, 30);
        house.complete(6);
        thread::sleep(Duration::from_millis(2));
        (0..4).for_each(|task| assert!(house.tasks[task].run()));
        house.look();
        let first = house.woken().len();
        (4..6).for_each(|task| assert!(house.tasks[task].run()));
        house.look();
        house.complete(6);
        (first, house.woken().len())
    });
    assert_eq!(woken, (6, 12));
}
