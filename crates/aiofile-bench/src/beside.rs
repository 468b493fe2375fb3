//! What goes on beside the operations of a cell: a task that computes, a timer, or an echo through
//! a socket, in the same runtime, and how it is looked at.

use std::future::{self, Future};
use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::client::Window;
use crate::compute::compute;
use crate::latencies::Latencies;

/// What goes on beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beside {
    /// One task computes for a millisecond again and again; what is timed are the operations.
    Compute,
    /// A timer of a millisecond; what is timed is how late it is.
    Timer,
    /// A byte goes through a pair of sockets to another task and back, once a millisecond; what is
    /// timed is its round.
    Echo,
}

/// How long a task computes, and how far echoes and timers are apart.
const TICK: Duration = Duration::from_millis(1);

/// What watches it.
#[derive(Debug)]
pub struct Probe {
    window: Window,
    pub(crate) what: Beside,
    pub(crate) latencies: Latencies,
    pub(crate) times: u64,
}

impl Probe {
    pub(crate) fn new(window: Window, what: Beside) -> Self {
        Self { window, what, latencies: Latencies::default(), times: 0 }
    }

    /// Goes on until the time is over. `sleep` is the runtime's, and `trip` takes one byte to
    /// another task of this runtime and back.
    ///
    /// # Errors
    /// Those of `trip`.
    pub async fn run<S: Future>(
        mut self,
        sleep: impl Fn(Duration) -> S,
        mut trip: impl AsyncFnMut() -> io::Result<()>,
    ) -> io::Result<Self> {
        // One that is held up for longer than the window ends a little later, with something to
        // show.
        while Instant::now() < self.window.close || self.is_timed() && self.times == 0 {
            match self.what {
                Beside::Compute => {
                    let since = Instant::now();
                    compute(TICK);
                    self.note(since);
                    let_others_run().await;
                }
                Beside::Timer => {
                    let due = Instant::now() + TICK;
                    sleep(TICK).await;
                    self.note(due);
                }
                Beside::Echo => {
                    sleep(TICK).await;
                    let since = Instant::now();
                    trip().await?;
                    self.note(since);
                }
            }
        }
        Ok(self)
    }

    /// Whether its latencies are the figure, not those of the operations.
    pub(crate) fn is_timed(&self) -> bool {
        self.what != Beside::Compute
    }

    fn note(&mut self, since: Instant) {
        let now = Instant::now();
        if now >= self.window.open {
            let nanoseconds = (now - since).as_nanos() as u64;
            self.latencies.record_at_intervals(nanoseconds, TICK.as_nanos() as u64);
            self.times += 1;
        }
    }
}

/// Goes to the back of the runtime's queue, whichever runtime that is.
async fn let_others_run() {
    let mut has_waited = false;
    let wait = move |cx: &mut std::task::Context<'_>| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    };
    future::poll_fn(wait).await;
}
