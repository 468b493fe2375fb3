//! A span for each operation.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caio::{Admission, Ending, Layer, OpInfo, Stage};
use tracing::field::{Empty, display};
use tracing::{Level, Span, debug, debug_span, warn};

/// Tells the crate `tracing` of each operation: a span `file_operation` of the level `DEBUG`, whose
/// parent is the span in which the caller is, with the fields `operation`, `path`, `offset`,
/// `bytes`, `attempt`, `route`, `moved` and `error`. It begins when the operation is let in and
/// ends with it, also where its future has gone; an event in it says how it ended.
///
/// What takes longer than [`slow`](Self::slow) is an event of the level `WARN`.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use aiofile::fs::Fs;
/// use aiofile_util::layer::Trace;
///
/// let trace = Trace::new().slow(Duration::from_millis(100));
/// let context = aiofile::context().layer(Arc::new(trace)).build()?;
/// assert!(!Fs::new(&context).read("/proc/version").await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Trace {
    slow: Option<Duration>,
    /// The spans of what is under way, by the number of the operation.
    spans: Mutex<HashMap<u64, Span>>,
}

impl Trace {
    /// Nothing counts as slow.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What takes longer than this, from its admission by all layers to its end, is slow.
    #[must_use]
    pub fn slow(mut self, duration: Duration) -> Self {
        self.slow = Some(duration);
        self
    }

    fn spans(&self) -> MutexGuard<'_, HashMap<u64, Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer for Trace {
    fn stage(&self) -> Stage {
        Stage::Observe
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        // Without anybody who listens it costs a load.
        if tracing::enabled!(Level::DEBUG) {
            let span = debug_span!(
                "file_operation",
                operation = op.name(),
                path = op.path().map(|path| display(path.display())),
                offset = op.offset(),
                bytes = op.bytes(),
                attempt = Empty,
                route = Empty,
                moved = Empty,
                error = Empty,
            );
            self.spans().insert(op.id(), span);
        }
        Admission::Now
    }

    fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
        let span = self.spans().remove(&op.id()).unwrap_or_else(Span::none);
        span.record("attempt", ending.attempt);
        if let Some(route) = ending.route {
            span.record("route", display(route));
        }
        match ending.result {
            Ok(moved) => span.record("moved", moved),
            Err(error) => span.record("error", display(error)),
        };
        let took = ending.duration;
        span.in_scope(|| {
            let name = op.name();
            match ending.result {
                Err(error) => debug!(%error, ?took, "{name} failed"),
                Ok(moved) => debug!(moved, ?took, "{name} ended"),
            }
            if self.slow.is_some_and(|slow| took > slow) {
                warn!(operation = name, ?took, "{name} was slow");
            }
        });
    }
}
