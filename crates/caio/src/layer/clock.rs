//! The clock that layers go by.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::delay::delay;

/// A pause that ends by itself.
pub type Sleep = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// The clock of an operation: the system's, or that of its runtime where a test has paused it.
///
/// A [`Runtime`](crate::Runtime) gives it to the operations that begin in it.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use caio::{Admission, Context, Layer, OpInfo};
///
/// /// Has every operation begin a little later.
/// #[derive(Debug)]
/// struct Late(Duration);
///
/// impl Layer for Late {
///     fn admit(&self, op: &OpInfo) -> Admission {
///         let sleep = op.clock().sleep(self.0);
///         Admission::later(async { Ok(sleep.await?) })
///     }
/// }
///
/// let context = Context::builder().layer(Arc::new(Late(Duration::from_millis(2)))).build()?;
/// let begun = std::time::Instant::now();
/// context.read_file("/proc/version".as_ref()).await?;
/// assert!(begun.elapsed() >= Duration::from_millis(2));
/// # Ok(())
/// # });
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present time, on any thread.
    fn now(&self) -> Instant;

    /// A pause from now on. It fails where the system has no thread for it.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The clock of the system.
#[derive(Debug)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(delay(duration))
    }
}
