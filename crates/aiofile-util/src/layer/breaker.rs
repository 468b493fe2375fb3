//! No more of what fails again and again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use caio::{Admission, Ending, Error, ErrorKind, Layer, OpInfo, OpKind, Stage};
use rustix::io::Errno;

/// A circuit breaker: after so many failures in a row it refuses everything for a while, so that a
/// device or a server in trouble is left alone and callers have their error at once.
///
/// - **Closed**: everything passes. So many failures in a row open it; a success begins the count
///   anew.
/// - **Open**: everything is refused until the pause is over.
/// - **Half open**: a single operation is let in as a probe, all others are refused. If it succeeds
///   the breaker is closed, else it is open for another pause. A probe whose answer does not come
///   within a pause is followed by another one.
///
/// A failure is an answer of the system that says something about the device. None is what any
/// healthy one answers to such a question: that a path does not exist, is no directory, exists
/// already, is not permitted, is on another file system, that a directory is not empty, that there
/// is no such attribute, that something is not supported. A lock that is held, too few descriptors,
/// an error of a closure's own and an operation that was given up say nothing of the device. Closes
/// are neither refused nor counted.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use aiofile::fs::Fs;
/// use aiofile_util::layer::{Breaker, BreakerState};
///
/// let breaker = Arc::new(Breaker::new().failures(5).pause(Duration::from_secs(10)));
/// let context = aiofile::context().layer(breaker.clone()).build()?;
/// // That a file does not exist is a good answer.
/// assert!(Fs::new(&context).read("/none").await.is_err());
/// assert_eq!(breaker.state(), BreakerState::Closed);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Breaker {
    failures_max: u32,
    pause: Duration,
    state: Mutex<State>,
}

/// In which state a [`Breaker`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything passes.
    Closed,
    /// Everything is refused; after the pause, the next operation is a probe.
    Open,
    /// A probe is under way, and everything else is refused.
    HalfOpen,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { since: Instant },
    HalfOpen { since: Instant, probe: u64 },
}

impl Breaker {
    /// It opens after 5 failures in a row, for 5 s.
    #[must_use]
    pub fn new() -> Self {
        let state = Mutex::new(State::Closed { failures: 0 });
        Self { failures_max: 5, pause: Duration::from_secs(5), state }
    }

    /// It opens after so many failures in a row, at least 1.
    #[must_use]
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures_max = failures.max(1);
        self
    }

    /// How long it stays open, by the clock of the operations.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match *self.lock() {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether the operation of this number may begin now.
    fn lets_in(&self, id: u64, now: Instant) -> bool {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => true,
            State::Open { since } | State::HalfOpen { since, .. } => {
                let is_probe = now.saturating_duration_since(since) >= self.pause;
                if is_probe {
                    *state = State::HalfOpen { since: now, probe: id };
                }
                is_probe
            }
        }
    }

    /// What the operation of this number says of the device; `None` where it says nothing.
    fn learns(&self, id: u64, is_good: Option<bool>, now: Instant) {
        let mut state = self.lock();
        *state = match (*state, is_good) {
            (State::Closed { .. }, Some(true)) => State::Closed { failures: 0 },
            (State::Closed { failures }, Some(false)) if failures + 1 < self.failures_max => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, Some(false)) => State::Open { since: now },
            (State::HalfOpen { since, probe }, _) if probe == id => match is_good {
                Some(true) => State::Closed { failures: 0 },
                Some(false) => State::Open { since: now },
                // Another one may be the probe at once.
                None => State::Open { since: since.checked_sub(self.pause).unwrap_or(since) },
            },
            // What began before it opened changes nothing.
            (state, _) => state,
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for Breaker {
    fn stage(&self) -> Stage {
        Stage::Breaker
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        if op.kind() == OpKind::Close || self.lets_in(op.id(), op.clock().now()) {
            return Admission::Now;
        }
        let message = "too many operations failed in a row, and no more are made for a while";
        let cure = format!("one is tried again {:?} after the last failure", self.pause);
        Admission::Refused(Error::new(ErrorKind::Refused, message).hint(cure))
    }

    fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
        if op.kind() != OpKind::Close {
            self.learns(op.id(), judge(ending), op.clock().now());
        }
    }
}

/// Whether an ending speaks for or against the device, or says nothing of it.
fn judge(ending: &Ending<'_>) -> Option<bool> {
    match ending.result {
        Ok(_) => Some(true),
        Err(error) if error.kind() == ErrorKind::System => judge_answer(error.raw_os_error()?),
        Err(_) => None,
    }
}

/// The same of an answer of the system.
fn judge_answer(errno: i32) -> Option<bool> {
    match Errno::from_raw_os_error(errno) {
        // Another one has the lock, or this process or machine has too little of something.
        Errno::AGAIN
        | Errno::DEADLK
        | Errno::INTR
        | Errno::MFILE
        | Errno::NFILE
        | Errno::NOLCK
        | Errno::NOMEM => None,
        // Answers about what was asked.
        Errno::TOOBIG
        | Errno::ACCESS
        | Errno::BADF
        | Errno::EXIST
        | Errno::FBIG
        | Errno::ILSEQ
        | Errno::INVAL
        | Errno::ISDIR
        | Errno::LOOP
        | Errno::MLINK
        | Errno::NAMETOOLONG
        | Errno::NODATA
        | Errno::NOENT
        | Errno::NOSYS
        | Errno::NOTDIR
        | Errno::NOTEMPTY
        | Errno::NOTSUP
        | Errno::NOTTY
        | Errno::OVERFLOW
        | Errno::PERM
        | Errno::PIPE
        | Errno::RANGE
        | Errno::SPIPE
        | Errno::TXTBSY
        | Errno::XDEV => Some(true),
        _ => Some(false),
    }
}
