//! A thread that keeps answers until their time has come, and changes their order.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use caio::{Output, Request};

use crate::held::lock;
use crate::random::Random;

/// How long an answer waits for others to change places with.
const PATIENCE: Duration = Duration::from_millis(3);

/// Keeps answers. Dropping it delivers at once what is left.
#[derive(Debug)]
pub(super) struct Holder {
    shared: Arc<Shared>,
}

/// What hooks give answers to.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// How many answers are to be there before their order is changed; 0 leaves it to the delays.
    window: usize,
}

#[derive(Debug)]
struct State {
    random: Random,
    answers: Vec<Answer>,
    /// Answers that were taken out and are being delivered.
    delivering: usize,
    ended: bool,
}

#[derive(Debug)]
struct Answer {
    due: Instant,
    request: Request,
    result: io::Result<Output>,
}

impl Holder {
    pub(super) fn start(seed: u64, window: usize) -> Self {
        let state =
            State { random: Random::new(seed), answers: Vec::new(), delivering: 0, ended: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), window });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name(String::from("faulty"));
        if thread.spawn(move || theirs.work()).is_err() {
            // Without the thread nothing is held back.
            lock(&shared.state).ended = true;
        }
        Self { shared }
    }

    pub(super) fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared) }
    }

    /// Waits until nothing is held back. Returns how much still is at the deadline.
    pub(super) fn drain(&self, deadline: Instant) -> usize {
        let mut state = lock(&self.shared.state);
        loop {
            let held = state.answers.len() + state.delivering;
            let left = deadline.saturating_duration_since(Instant::now());
            if held == 0 || left.is_zero() {
                return held;
            }
            let waited = self.shared.changed.wait_timeout(state, left.min(PATIENCE));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        lock(&self.shared.state).ended = true;
        self.shared.changed.notify_all();
    }
}

impl Handle {
    /// Keeps an answer for at least this long.
    pub(super) fn hold(&self, request: Request, result: io::Result<Output>, delay: Duration) {
        let patience = if self.shared.window > 0 { PATIENCE } else { Duration::ZERO };
        let due = Instant::now() + delay + patience;
        let mut state = lock(&self.shared.state);
        if state.ended {
            drop(state);
            request.complete(result);
            return;
        }
        state.answers.push(Answer { due, request, result });
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            let ready = state.take_ready(self.window);
            if !ready.is_empty() {
                state.delivering = ready.len();
                drop(state);
                for Answer { request, result, .. } in ready {
                    request.complete(result);
                }
                state = lock(&self.state);
                state.delivering = 0;
                self.changed.notify_all();
                continue;
            }
            if state.ended {
                return;
            }
            let next = state.answers.iter().map(|answer| answer.due).min();
            let left = next.map(|due| due.saturating_duration_since(Instant::now()));
            state = match left {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl State {
    /// What is to be delivered now, in the order of delivery.
    fn take_ready(&mut self, window: usize) -> Vec<Answer> {
        let now = Instant::now();
        let all = self.ended || (window > 0 && self.answers.len() >= window);
        let mut ready: Vec<_> =
            self.answers.extract_if(.., |answer| all || answer.due <= now).collect();
        match window {
            0 => ready.sort_by_key(|answer| answer.due),
            _ => self.random.shuffle(&mut ready),
        }
        ready
    }
}
