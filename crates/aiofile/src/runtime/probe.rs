//! Whether a runtime was built with its I/O driver.
//!
//! tokio does not tell: it panics when a descriptor is registered without one. So the question is
//! asked once for each runtime, with the panic caught and its message kept off the terminal.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, OnceLock, PoisonError};
use std::thread;

use tokio::io::unix::AsyncFd;
use tokio::runtime::{Handle, Id};

pub(super) fn has_reactor(handle: &Handle) -> bool {
    static ANSWERS: OnceLock<Mutex<HashMap<Id, bool>>> = OnceLock::new();
    let answers = || ANSWERS.get_or_init(Mutex::default).lock();
    let id = handle.id();
    let known = answers().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
    known.unwrap_or_else(|| {
        let answer = ask();
        answers().unwrap_or_else(PoisonError::into_inner).insert(id, answer);
        answer
    })
}

thread_local! {
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

#[allow(deprecated, reason = "the replacement is unsafe; a pipe owns one descriptor")]
fn ask() -> bool {
    static QUIET: Once = Once::new();
    if thread::panicking() {
        return false;
    }
    let Ok((reader, _writer)) = std::io::pipe() else { return false };
    QUIET.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !ASKING.get() {
                usual(panic);
            }
        }));
    });
    ASKING.set(true);
    let answer = catch_unwind(|| AsyncFd::new(reader).is_ok());
    ASKING.set(false);
    answer.unwrap_or(false)
}
