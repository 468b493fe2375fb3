//! How many transfers are under way at once: reads and writes apart, the more urgent first.

mod gate;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use caio::{Admission, Ending, Layer, OpInfo, OpKind, Priority, Stage};

use gate::{Gate, Number};

/// How many reads and how many writes of a context are under way at once. Those beyond wait for
/// their turn: the more urgent [`Priority`] first, then in the order of their coming. Whole files
/// count as reads; what moves no bytes is not limited.
///
/// An operation holds its place from its begin to its end, also where its future has gone. No code
/// of the program runs meanwhile: a closure, a transform or a callback holds no place, and what it
/// reads and writes waits for its turn like anything else, never for itself. One that
/// waits holds nothing: dropped, it is forgotten, and where its future is not polled when its turn
/// comes, another one has it after 20 ms of the system's clock: those that wait may be in several
/// runtimes, whose clocks differ where a test has paused one.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use aiofile::fs::Fs;
/// use aiofile_util::layer::Limit;
/// use caio::{Priority, with_priority};
///
/// // Four reads at once, of which at most one is a scan's.
/// let limit = Arc::new(Limit::new().reads(4).writes(2).priority(Priority::Low, 1));
/// let context = aiofile::context().layer(limit.clone()).build()?;
/// let fs = Fs::new(&context);
/// let version = with_priority(Priority::Low, fs.read("/proc/version")).await?;
/// assert!(!version.is_empty());
/// assert_eq!((limit.held(), limit.waiting()), (0, 0));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Limit {
    shared: Arc<Shared>,
}

impl Limit {
    /// Without any limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many reads, at least 1.
    #[must_use]
    pub fn reads(self, most: usize) -> Self {
        self.shared.lock().gates[READS].set_most(most.max(1));
        self
    }

    /// At most so many writes, at least 1.
    #[must_use]
    pub fn writes(self, most: usize) -> Self {
        self.shared.lock().gates[WRITES].set_most(most.max(1));
        self
    }

    /// Of the reads, and of the writes, at most so many of this priority, at least 1.
    #[must_use]
    pub fn priority(self, priority: Priority, most: usize) -> Self {
        let mut state = self.shared.lock();
        state.gates.iter_mut().for_each(|gate| gate.set_most_of(priority, most.max(1)));
        drop(state);
        self
    }

    /// How many reads and writes are under way now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.shared.lock().gates.iter().map(Gate::held).sum()
    }

    /// How many wait for their turn now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().gates.iter().map(Gate::waiting).sum()
    }
}

impl Layer for Limit {
    fn stage(&self) -> Stage {
        Stage::Limit
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        let Some(gate) = gate_of(op.kind()) else { return Admission::Now };
        let mut state = self.shared.lock();
        if state.gates[gate].try_enter(op.priority()) {
            return Admission::Now;
        }
        state.last += 1;
        let place = (gate, op.priority(), state.last);
        drop(state);
        let mut wait = Wait { shared: Arc::clone(&self.shared), place, is_over: false };
        Admission::later(async move {
            poll_fn(|cx| wait.poll(cx)).await;
            Ok(())
        })
    }

    fn finished(&self, op: &OpInfo, _ending: &Ending<'_>) {
        if let Some(gate) = gate_of(op.kind()) {
            self.shared.change(|state| state.gates[gate].leave(op.priority()));
        }
    }
}

const READS: usize = 0;
const WRITES: usize = 1;

/// How long the turn of an operation is kept for a future that does not come for it.
const TURN: Duration = Duration::from_millis(20);

fn gate_of(kind: OpKind) -> Option<usize> {
    match kind {
        OpKind::Read | OpKind::ReadVectored | OpKind::ReadFile => Some(READS),
        OpKind::Write | OpKind::WriteVectored => Some(WRITES),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    gates: [Gate; 2],
    last: Number,
    /// It ends the turns of those that have not come.
    timer: Option<Timer>,
}

type Timer = Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>;

impl Shared {
    /// Changes the state, calls those that have room then, and has their turns end in time.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let output = change(&mut state);
        let called: Vec<_> = state.gates.iter_mut().flat_map(Gate::call).collect();
        let needs_timer = state.timer.is_none() && state.gates.iter().any(Gate::has_called);
        if needs_timer {
            let mut timer: Timer = Box::pin(caio::delay(TURN));
            let waker = Waker::from(Arc::clone(self));
            // Without a thread for it, turns are kept for as long as they are not taken.
            if timer.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending() {
                state.timer = Some(timer);
            }
        }
        drop(state);
        caio::wake_all(called);
        output
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Shared {
    /// The time is over: whoever has been called and has not come waits again.
    fn wake(self: Arc<Self>) {
        let timer = self.change(|state| {
            state.gates.iter_mut().for_each(Gate::end_turns);
            state.timer.take()
        });
        drop(timer);
    }
}

/// An operation that waits for its turn.
struct Wait {
    shared: Arc<Shared>,
    place: (usize, Priority, Number),
    is_over: bool,
}

impl Wait {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let (gate, priority, number) = self.place;
        let waker = cx.waker().clone();
        self.is_over = self.shared.change(|state| {
            let gate = &mut state.gates[gate];
            gate.enter_or_wait(priority, number, waker)
        });
        if self.is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if !self.is_over {
            let (gate, priority, number) = self.place;
            let waker = self.shared.change(|state| state.gates[gate].forget(priority, number));
            drop(waker);
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.gates).finish()
    }
}
