//! What the engine's own threads have in common: they leave signals to the program's threads.

use std::sync::Arc;

use nix::sys::signal::{SigSet, Signal};

use crate::sync::{Mutex, lock, thread};

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

/// What such a thread does first. It blocks most signals: a handler of the program then runs where
/// the program expects it, and a write beyond `RLIMIT_FSIZE` or into a closed pipe is an error of
/// that write (EFBIG, EPIPE) even where SIGXFSZ or SIGPIPE would end the process.
pub(crate) fn block_signals() {
    let mut signals = SigSet::all();
    OPEN.into_iter().for_each(|signal| signals.remove(signal));
    // It fails for invalid arguments only, and even then the thread works.
    let _ = signals.thread_block();
}

/// Drops something whose drop takes long, on a thread of its own; where there is no thread to be
/// had, on this one.
pub(crate) fn close<T: Send + 'static>(value: T) {
    let place = Arc::new(Mutex::new(Some(value)));
    let theirs = Arc::clone(&place);
    let drop_there = move || {
        block_signals();
        drop(lock(&theirs).take());
    };
    let started = thread::Builder::new().name("caio-close".to_owned()).spawn(drop_there);
    if started.is_err() {
        drop(lock(&place).take());
    }
}
