//! Operations under tokio's paused clock.
//!
//! A runtime whose clock is paused moves the clock on when all its tasks wait, unless one of its
//! blocking threads is at work: a timeout around an operation that is done elsewhere would be over
//! at once. So while an operation waits in such a runtime, which only tests have, a blocking
//! task waits with it. What layers wait for goes by the paused clock.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use caio::{Clock, Sleep, Watch};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Keeps the clock of the present runtime where it is until this is dropped; `None` where the clock
/// runs.
pub(crate) fn hold() -> Option<Watch> {
    let handle = paused_runtime()?;
    let (held, over): (Sender<()>, _) = channel();
    handle.spawn_blocking(move || _ = over.recv());
    Some(Box::new(Mutex::new(held)))
}

/// The clock of the present runtime, where it is paused.
pub(super) fn clock() -> Option<Arc<dyn Clock>> {
    let clock = PausedClock(paused_runtime()?);
    Some(Arc::new(clock))
}

/// A clock that runs by leaps; other threads may ask for it as well.
#[derive(Debug)]
struct PausedClock(Handle);

impl Clock for PausedClock {
    fn now(&self) -> Instant {
        let _inside = self.0.enter();
        tokio::time::Instant::now().into_std()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let _inside = self.0.enter();
        let sleep = tokio::time::sleep(duration);
        Box::pin(async {
            sleep.await;
            Ok(())
        })
    }
}

fn paused_runtime() -> Option<Handle> {
    let handle = Handle::try_current().ok()?;
    // Only such a runtime can have its clock paused.
    let is_paused = handle.runtime_flavor() == RuntimeFlavor::CurrentThread && is_paused();
    is_paused.then_some(handle)
}

/// tokio's clock shows the system's time while it runs, and another one once it was paused.
fn is_paused() -> bool {
    let before = Instant::now();
    let shown = tokio::time::Instant::now().into_std();
    !(before..=Instant::now()).contains(&shown)
}
