//! Threads of a pool leave signals to the program's own threads.

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

/// Blocks the rest for the calling thread. A handler of the program then runs where the program
/// expects it, and a write beyond `RLIMIT_FSIZE` or into a closed pipe is an error of that write
/// (EFBIG, EPIPE) even where SIGXFSZ or SIGPIPE would end the process.
pub(crate) fn block_signals() {
    let mut signals = SigSet::all();
    OPEN.into_iter().for_each(|signal| signals.remove(signal));
    // It fails for invalid arguments only, and even then the thread works.
    let _ = signals.thread_block();
}
