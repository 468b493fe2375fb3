//! What the engine's own threads have in common: they know themselves, and they leave signals to
//! the program's threads.

use std::cell::Cell;

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

thread_local! {
    static OWN: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is one of the engine's own.
pub(crate) fn is_this_one() -> bool {
    OWN.get()
}

/// What such a thread does first. It blocks most signals: a handler of the program then runs where
/// the program expects it, and a write beyond `RLIMIT_FSIZE` or into a closed pipe is an error of
/// that write (EFBIG, EPIPE) even where SIGXFSZ or SIGPIPE would end the process.
pub(crate) fn begin() {
    OWN.set(true);
    let mut signals = SigSet::all();
    OPEN.into_iter().for_each(|signal| signals.remove(signal));
    // It fails for invalid arguments only, and even then the thread works.
    let _ = signals.thread_block();
}
