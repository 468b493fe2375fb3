//! Layers: what is done around every operation of a context, without its callers' knowing.

mod attempt;
mod chain;
mod info;
mod priority;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::delay::delay;
use crate::error::{Error, Result};

pub(crate) use attempt::Attempt;
pub(crate) use chain::Chain;
pub use info::OpInfo;
pub use priority::{Priority, with_priority};

/// What is done around every operation of a context: it may hold operations back, refuse them,
/// repeat them, give them a deadline, and it is told how each of them ended.
///
/// A context has at most one chain of layers, given by
/// [`ContextBuilder::layer`](crate::ContextBuilder::layer). It sees every operation, whatever its
/// route: reads and writes in place, requests to the backend, closures on the pool, opens, whole
/// files, syncs. A read that takes several operations is several to a layer. Each call of
/// [`Context::sync`](crate::Context::sync) is one, although calls share system calls.
///
/// Each attempt is admitted by all layers, outermost first in the order of their [`Stage`], and
/// then begins. A layer that let it in is told of its end **exactly once**, innermost first,
/// whatever happens: also when a layer further in refused it, when its future was dropped (then
/// when the operation itself has ended) and when it was never begun.
///
/// A method that panics harms nothing else: in [`admit`](Self::admit) the operation fails, else it
/// counts as having done nothing.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use caio::{Admission, Context, Error, ErrorKind, Layer, OpInfo, OpKind, flags};
///
/// /// Opens nothing while a switch is off.
/// #[derive(Debug, Default)]
/// struct Switch(AtomicBool);
///
/// impl Layer for Switch {
///     fn admit(&self, op: &OpInfo) -> Admission {
///         match (op.kind(), self.0.load(Ordering::Relaxed)) {
///             (OpKind::Open, false) => {
///                 Admission::Refused(Error::new(ErrorKind::Refused, "the switch is off"))
///             }
///             _ => Admission::Now,
///         }
///     }
/// }
///
/// let switch = Arc::new(Switch::default());
/// let context = Context::builder().layer(switch.clone()).build()?;
/// let refused = context.open("/dev/zero".as_ref(), flags::O_RDONLY, 0).await.unwrap_err();
/// assert_eq!(refused.to_string(), "open /dev/zero: the switch is off");
/// switch.0.store(true, Ordering::Relaxed);
/// assert!(context.open("/dev/zero".as_ref(), flags::O_RDONLY, 0).await.is_ok());
/// # Ok(())
/// # });
/// ```
pub trait Layer: fmt::Debug + Send + Sync + 'static {
    /// Where in the chain it stands, whatever the order in which layers are added.
    fn stage(&self) -> Stage {
        Stage::Custom
    }

    /// Whether an attempt may begin: now, never, or when a future says so.
    ///
    /// It is called on the task's own thread and must not block. The future of
    /// [`Admission::Later`] is polled by the operation's future and dropped with it. So it may not
    /// be polled for long, and what others need is to be taken when it becomes ready, never before.
    ///
    /// For a close the answer is not heeded: it begins at once, since refusing it would only hide
    /// its error.
    fn admit(&self, op: &OpInfo) -> Admission {
        let _ = op;
        Admission::Now
    }

    /// An attempt that this layer let in has ended. It is called on whichever thread ends the
    /// operation, before its caller has the answer, and must not block.
    fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
        let _ = (op, ending);
    }

    /// After which pause a failed operation is tried once more; `None` leaves that to other layers.
    /// `attempt` is the number of those made, 1 after the first. Of several layers the first
    /// answer counts.
    ///
    /// Only what changes nothing is ever asked for, see [`OpInfo::is_repeatable`], and only while
    /// its future is still there; also where a layer further in has refused it. The new attempt is
    /// admitted afresh: nothing is held meanwhile.
    fn retry(&self, op: &OpInfo, attempt: u32, error: &Error) -> Option<Duration> {
        let _ = (op, attempt, error);
        None
    }

    /// How long the caller waits at most for all of the operation: admission, attempts and pauses.
    /// Then it gets [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut), and what has begun ends as
    /// if its future had been dropped. Of several layers the shortest counts.
    fn deadline(&self, op: &OpInfo) -> Option<Duration> {
        let _ = op;
        None
    }
}

/// Where in a chain a layer stands. Those of the same stage keep the order in which they were
/// added.
///
/// ```
/// use caio::Stage;
///
/// // What fails at once comes before what waits, and what holds a permit comes last.
/// assert!(Stage::Breaker < Stage::Rate && Stage::Rate < Stage::Limit);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// What looks on: metrics, tracing. Outermost, so that it is told of refusals, too.
    Observe,
    /// What sets deadlines.
    Deadline,
    /// What repeats.
    Retry,
    /// What refuses at once, so that nothing is spent on what it refuses.
    Breaker,
    /// Any other layer.
    Custom,
    /// What waits for its time, and holds nothing.
    Rate,
    /// What waits for a permit and then holds it: nothing waits any more after that.
    Limit,
    /// What stands for the device: injected faults.
    Fault,
}

/// The answer of [`Layer::admit`].
pub enum Admission {
    /// It may begin, as far as this layer is concerned.
    Now,
    /// It does not begin; the caller gets this error, with the operation and the file added.
    Refused(Error),
    /// It may begin when the future is ready with `Ok`.
    Later(Pin<Box<dyn Future<Output = Result<()>> + Send>>),
}

/// How an attempt ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ending<'a> {
    /// The bytes that it moved, or why it failed.
    pub result: Result<u64, &'a Error>,
    /// From the admission by all layers to the end, by the operation's [`Clock`]; zero for what was
    /// not let in by all.
    pub duration: Duration,
    /// The way it went; `None` where it was refused or given up before it began.
    pub route: Option<OpRoute>,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// The pause after which it is tried again, if its future is still there then.
    pub retry_after: Option<Duration>,
    /// Whether its caller still waits for it: false for what was dropped or has timed out.
    pub is_awaited: bool,
}

/// The way of an operation that has begun.
///
/// ```
/// assert_eq!(caio::OpRoute::InPlace.to_string(), "in place");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OpRoute {
    /// On the calling thread, since it did not have to wait.
    InPlace,
    /// Through the backend.
    Backend,
    /// Through the pool beside the backend.
    Pool,
}

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
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(delay(duration))
    }
}

impl Admission {
    /// Waits for a future, and begins or fails with it.
    ///
    /// ```
    /// use caio::Admission;
    ///
    /// assert!(matches!(Admission::later(async { Ok(()) }), Admission::Later(_)));
    /// ```
    pub fn later(future: impl Future<Output = Result<()>> + Send + 'static) -> Self {
        Self::Later(Box::pin(future))
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("Now"),
            Self::Refused(error) => f.debug_tuple("Refused").field(error).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}

impl fmt::Display for OpRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InPlace => "in place",
            Self::Backend => "backend",
            Self::Pool => "pool",
        })
    }
}
