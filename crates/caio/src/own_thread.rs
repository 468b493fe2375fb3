//! What the engine's own threads have in common: they know whether they were idle before, and they
//! leave signals to the program's threads.

use std::cell::Cell;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

/// Signals that tell of a fault in this very thread, and the profiler's: these stay open.
const OPEN: [Signal; 8] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGSYS,
    Signal::SIGPROF,
];

/// What came before the work in hand.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// Other work, or this is no thread of the engine's own.
    Work,
    /// A look around, which found it at that moment.
    Look(Instant),
    /// Sleep.
    Sleep,
}

thread_local! {
    static BEFORE: Cell<Before> = const { Cell::new(Before::Work) };
}

/// So long after it has asked for something a worker of a runtime is asleep, if it finds nothing
/// else to do.
const FALLING_ASLEEP: Duration = Duration::from_micros(4);

/// Notes that the calling thread, one of the engine's own, slept until there was work.
pub(crate) fn woke_up() {
    BEFORE.set(Before::Sleep);
}

/// Notes that it was looking for work when it came.
pub(crate) fn found_work() {
    BEFORE.set(Before::Look(Instant::now()));
}

/// Notes that it has been at work since.
pub(crate) fn has_worked() {
    BEFORE.set(Before::Work);
}

/// Whether whoever waits for what the calling thread does is asleep by now, as far as the thread
/// can tell. It cannot after other work, since then there is much to do for everybody.
pub(crate) fn is_awaited_asleep() -> bool {
    match BEFORE.get() {
        Before::Work => false,
        Before::Look(since) => since.elapsed() >= FALLING_ASLEEP,
        Before::Sleep => true,
    }
}

/// What such a thread does first. It blocks most signals: a handler of the program then runs where
/// the program expects it, and a write beyond `RLIMIT_FSIZE` or into a closed pipe is an error of
/// that write (EFBIG, EPIPE) even where SIGXFSZ or SIGPIPE would end the process.
pub(crate) fn begin() {
    let mut signals = SigSet::all();
    OPEN.into_iter().for_each(|signal| signals.remove(signal));
    // It fails for invalid arguments only, and even then the thread works.
    let _ = signals.thread_block();
}
