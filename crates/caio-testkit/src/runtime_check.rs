//! Whether an implementation of [`caio::Runtime`] keeps what the engine counts on.

mod cases;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use caio::ContextBuilder;

use crate::each_backend::{required, variants};
use cases::{Bench, CASES};

/// A runtime with its implementation of [`caio::Runtime`], for [`check_runtime`].
pub trait RuntimeUnderTest: Send + Sync + 'static {
    /// Starts a context, with the implementation in it.
    fn context(&self) -> ContextBuilder;

    /// Makes a runtime, drives the future in it to its end on the calling thread, and ends the
    /// runtime. Several threads do this at once.
    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>);
}

/// Tries a runtime on every backend and variant that works here:
///
/// - what waits in it is answered by it, sooner than by the engine's own look at what nobody reaps;
/// - wakers are called from threads that are not its own;
/// - its share of work is given out again, also below a nested wait;
/// - while it is not driven, other runtimes and threads without one get their answers;
/// - what was begun in it and outlives it is answered elsewhere.
///
/// `patience` is how long one of these may take before it counts as hanging, whose thread is then
/// left behind: half a minute, say.
///
/// # Errors
/// The first thing that does not hold, with the variant on which.
///
/// ```
/// use std::{future::Future, pin::Pin, time::Duration};
/// use caio::{Context, ContextBuilder};
/// use caio_testkit::{RuntimeUnderTest, check_runtime};
///
/// /// smol, of which the engine knows nothing.
/// struct Smol;
///
/// impl RuntimeUnderTest for Smol {
///     fn context(&self) -> ContextBuilder {
///         Context::builder()
///     }
///
///     fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
///         smol::block_on(future)
///     }
/// }
///
/// check_runtime(Smol, Duration::from_secs(60))?;
/// # Ok::<(), String>(())
/// ```
pub fn check_runtime(runtime: impl RuntimeUnderTest, patience: Duration) -> Result<(), String> {
    let runtime: Arc<dyn RuntimeUnderTest> = Arc::new(runtime);
    for variant in variants() {
        match variant.build(runtime.context()) {
            Err(error) if required(variant) => return Err(format!("{}: {error}", variant.name)),
            Err(_) => continue,
            Ok(_) => {}
        }
        for case in CASES {
            let bench = Bench { runtime: Arc::clone(&runtime), variant: *variant };
            let (told, outcome) = mpsc::channel();
            thread::spawn(move || told.send((case.run)(&bench)));
            let found = match outcome.recv_timeout(patience) {
                Ok(found) => found,
                Err(RecvTimeoutError::Timeout) => Err(format!("nothing came in {patience:?}")),
                Err(RecvTimeoutError::Disconnected) => Err("it panicked".to_owned()),
            };
            found.map_err(|why| format!("{} on {}: {why}", case.name, variant.name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "runtime_check/tests.rs"]
mod tests;
