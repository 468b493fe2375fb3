//! The end of all that a context has accepted.

use std::time::{Duration, Instant};

use caio::Context;

/// Waits until everything accepted has ended, and the books are right.
///
/// # Errors
/// What is still in flight when the patience is over.
pub(crate) fn settled(context: &Context, patience: Duration) -> Result<(), String> {
    let deadline = Instant::now() + patience;
    loop {
        let (metrics, in_flight) = (context.metrics(), context.in_flight());
        if in_flight == (0, 0) && metrics.submitted == metrics.completed {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("{in_flight:?} are in flight for ever: {metrics:?}"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
