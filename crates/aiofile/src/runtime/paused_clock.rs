//! Operations under tokio's paused clock.
//!
//! A runtime whose clock is paused moves the clock on when all its tasks wait, unless one of its
//! blocking threads is at work: a timeout around an operation that is done elsewhere would be over
//! at once. So while an operation waits in such a runtime, which only tests have, a blocking
//! task waits with it.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use caio::Watch;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Keeps the clock of the present runtime where it is until this is dropped; `None` where the clock
/// runs.
pub(crate) fn hold() -> Option<Watch> {
    let handle = Handle::try_current().ok()?;
    // Only such a runtime can have its clock paused.
    if handle.runtime_flavor() != RuntimeFlavor::CurrentThread || !is_paused() {
        return None;
    }
    let (held, over): (Sender<()>, _) = channel();
    handle.spawn_blocking(move || _ = over.recv());
    Some(Box::new(Mutex::new(held)))
}

/// tokio's clock shows the system's time while it runs, and another one once it was paused.
fn is_paused() -> bool {
    let before = Instant::now();
    let shown = tokio::time::Instant::now().into_std();
    !(before..=Instant::now()).contains(&shown)
}
