//! Rounds of completions: from those that the reactor finds to the submission of what follows them.
//!
//! In a round tasks are woken in a row, or all at once ([`super::width`]), and what they submit is
//! held back. It goes on as long as there are tasks to wake, or tasks that were woken and have not
//! run. A round moves on each time the reactor looks: there is a bell that it watches, rung as long
//! as the round lasts. That lets all run that is due, as a yield would, but a worker that comes
//! back from its reactor wakes no other, as one does that finds work in its queues.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Instant;

use super::Inner;
use super::width::{ROW_MAX, Width};
use crate::backend::Backend;
use crate::relay::Relay;
use crate::runtime::{Runtime, Source, Workers};
use crate::sync::lock;
use crate::sys::bell::Bell;

/// So many completions at once, and the requests that follow are worth submitting together.
const COMPLETED_MIN: usize = 2;

/// With so many requests in flight the device has enough to do while one waits for others.
const IN_FLIGHT_MIN: usize = 8;

/// How often the reactor may look in vain before a round ends: a task may never take its answer.
const VAIN_MAX: u32 = 4;

#[derive(Debug, Default)]
pub(super) struct Rounds {
    bell: OnceLock<Bell>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bell: BellWatch,
    round: Option<Round>,
    width: Width,
}

/// Whether somebody watches the bell, and how the tasks run there that it helps.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum BellWatch {
    #[default]
    None,
    Beginning,
    By(Workers),
}

#[derive(Debug)]
struct Round {
    begun: Instant,
    in_row: bool,
    /// When tasks were woken last, up to four.
    released: Instant,
    /// How often the reactor has looked since, and the tasks that it woke had not run.
    vain: u32,
}

/// What is to be done next, outside the lock.
enum Next {
    /// There is no round.
    Nothing,
    /// The tasks that were woken are to run first.
    Wait,
    Release,
    Spread,
    Submit,
    End,
}

impl Inner {
    /// Has the runtime watch the bell, where rounds help it.
    pub(super) fn open_rounds(self: &Arc<Self>, runtime: &dyn Runtime) {
        let workers = runtime.workers();
        if workers == Workers::Apart || !self.rounds.begin_watch() {
            return;
        }
        let watch = self.rounds.bell().and_then(|descriptor| {
            let source = Source::rounds(descriptor, Arc::downgrade(self));
            runtime.watch(source).ok()
        });
        let is_kept = self.watches.keep_bell(watch);
        let mut state = lock(&self.rounds.state);
        // A watch that has ended meanwhile stays so.
        if state.bell == BellWatch::Beginning {
            state.bell = if is_kept { BellWatch::By(workers) } else { BellWatch::None };
        }
    }

    /// Completes what is ready in the lane, in a round if that is worthwhile. Returns how many
    /// operations that was.
    pub(crate) fn collect(self: &Arc<Self>, backend: &dyn Backend, lane: usize) -> usize {
        if self.requests_in_flight() < COMPLETED_MIN {
            return self.collect_at_once(backend, lane);
        }
        // Begun before anybody is woken, so that no task is missed that runs elsewhere at once.
        let begun = self.begin_round();
        let guard = EndsInPanic(self);
        let completed = self.collect_at_once(backend, lane);
        drop(guard);
        let worthwhile = completed >= COMPLETED_MIN
            || (completed > 0 && self.requests_in_flight() >= IN_FLIGHT_MIN);
        self.proceed(match begun {
            true if !worthwhile => Next::End,
            begun => self.rounds.collected(begun, completed, self.relay()),
        });
        completed
    }

    /// Completes what is ready in the lane and wakes all.
    pub(crate) fn collect_at_once(self: &Arc<Self>, backend: &dyn Backend, lane: usize) -> usize {
        let completed = backend.reap(lane);
        if completed > 0 {
            self.held.resume(self);
        }
        completed
    }

    /// Moves the round on, after the tasks that were due have run.
    pub(crate) fn go_on(self: &Arc<Self>) {
        self.proceed(self.rounds.next(self.relay()));
    }

    /// Ends the round, and has none begin: nobody watches the bell any more.
    pub(crate) fn close_rounds(self: &Arc<Self>) {
        lock(&self.rounds.state).bell = BellWatch::None;
        self.end_round();
    }

    /// Begins a round, where rounds help and none is under way. Returns whether it did.
    fn begin_round(&self) -> bool {
        let mut state = lock(&self.rounds.state);
        let BellWatch::By(workers) = state.bell else { return false };
        if state.round.is_some() {
            return false;
        }
        let begun = Instant::now();
        let in_row = workers == Workers::Several && !state.width.is_wide(begun);
        state.round = Some(Round { begun, in_row, released: begun, vain: 0 });
        self.held.begin();
        self.relay().begin(in_row);
        true
    }

    fn proceed(self: &Arc<Self>, next: Next) {
        match next {
            Next::Nothing => return,
            Next::Wait => {}
            Next::Release => self.relay().release(),
            Next::Spread => self.relay().spread(),
            Next::Submit => return self.held.submit(self),
            Next::End => return self.end_round(),
        }
        self.rounds.ring();
    }

    fn end_round(self: &Arc<Self>) {
        let mut state = lock(&self.rounds.state);
        let Some(round) = state.round.take() else { return };
        if round.in_row {
            state.width.ended(round.begun, Instant::now());
        }
        // Before another round can ring.
        self.rounds.hush();
        drop(state);
        self.relay().end();
        self.held.end(self);
    }
}

/// A round must not outlast a panic of the backend: nobody would move it on.
struct EndsInPanic<'a>(&'a Arc<Inner>);

impl Drop for EndsInPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end_round();
        }
    }
}

impl Rounds {
    /// Whether the caller is to have the bell watched.
    fn begin_watch(&self) -> bool {
        let mut state = lock(&self.state);
        let begins = state.bell == BellWatch::None;
        if begins {
            state.bell = BellWatch::Beginning;
        }
        begins
    }

    fn bell(&self) -> Option<OwnedFd> {
        if self.bell.get().is_none() {
            let _ = self.bell.set(Bell::new().ok()?);
        }
        self.bell.get()?.as_fd().try_clone_to_owned().ok()
    }

    fn ring(&self) {
        self.bell.get().into_iter().for_each(Bell::ring);
    }

    fn hush(&self) {
        self.bell.get().into_iter().for_each(Bell::hush);
    }

    /// What to do about completions that were found, with which the round `begun` or not.
    fn collected(&self, begun: bool, completed: usize, relay: &Relay) -> Next {
        let mut state = lock(&self.state);
        state.width.completed(completed);
        match &mut state.round {
            Some(round) if round.in_row && relay.waiting() > ROW_MAX => {
                round.in_row = false;
                Next::Spread
            }
            Some(round) if begun && round.in_row => Next::Release,
            Some(_) if begun => Next::Wait,
            // All workers are at work, and may be so for long before the reactor looks again.
            Some(round) if !round.in_row => Next::Submit,
            _ => Next::Nothing,
        }
    }

    /// What to do after the tasks that were due have run.
    fn next(&self, relay: &Relay) -> Next {
        let mut state = lock(&self.state);
        let State { round, width, .. } = &mut *state;
        let Some(round) = round else { return Next::Nothing };
        if relay.is_running() {
            round.vain += 1;
            return if round.vain < VAIN_MAX { Next::Wait } else { Next::End };
        }
        if !round.in_row {
            return Next::End;
        }
        let now = Instant::now();
        let long = width.ran(relay.released(), now - round.released, now);
        if relay.waiting() == 0 {
            return Next::End;
        }
        if long || width.widens(round.begun, now) {
            round.in_row = false;
            return Next::Spread;
        }
        (round.released, round.vain) = (now, 0);
        Next::Release
    }
}
