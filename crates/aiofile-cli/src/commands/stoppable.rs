//! Work that a signal ends in order: it cleans up first.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aiofile::Context;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::signals::Interrupts;

/// How long the work has to end by itself, and then the jobs that are under way.
const PATIENCE: Duration = Duration::from_millis(500);

/// Says whether the work is to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn flow(&self) -> ControlFlow<()> {
        match self.0.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Does the work, which looks at `stop` from time to time.
pub(super) async fn run<T>(
    interrupts: &Interrupts,
    context: &Context,
    stop: &Stop,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    let arrival = interrupts.arrival()?;
    let mut work = Box::pin(work);
    let failure = tokio::select! {
        failure = arrival => failure,
        done = &mut work => return done.map_err(failed),
    };
    stop.0.store(true, Ordering::Relaxed);
    // It does not end by itself where it waits for a pipe.
    let _ = timeout(PATIENCE, &mut work).await;
    drop(work);
    context.shutdown(PATIENCE).await;
    Err(failure)
}

/// The failure of an error that says by itself what was being done.
pub(super) fn failed(error: io::Error) -> Failure {
    Failure::Failed(error.to_string())
}
