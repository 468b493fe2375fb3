//! What every backend is: identity, ability, queue, commit, reap, cancel, stop.
//!
//! A backend only moves requests to the kernel or to a thread and completes each of them exactly
//! once. Limits, retries, short transfers, routes, wakers and runtimes are the business of
//! [`Context`](crate::Context), above this trait.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::capability::Capability;
use crate::request::{Request, Token};

#[cfg(all(target_os = "linux", not(caio_portable)))]
mod in_flight;
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub mod linux_aio;
pub mod pool;
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub mod uring;

/// A way to have operations done.
///
/// Dyn-safe and without default bodies: what a backend cannot do, it must say in its
/// [`Capability`], and the context then routes such requests elsewhere.
///
/// # The contract
/// - A request that is queued is the backend's: it is completed exactly once, by
///   [`Request::complete`], and it is kept (with its buffer and its file) until the kernel or the
///   thread has finished with it, even after [`cancel`](Self::cancel),
///   [`shutdown`](Self::shutdown) and drop. What cannot be waited for is leaked, never freed. One
///   that is wrong in itself, or that comes after the shutdown, completes with an error.
/// - There is room for as many transfers as [`Capability::requests_max`] says, whichever thread
///   queues them. What moves no bytes comes beside them, as the context's limits allow, and what
///   waits for a stream in any number: a backend that cannot keep that leaves
///   [`FileClass::Stream`](crate::FileClass::Stream) to the context's pool.
/// - No method blocks, except [`shutdown`](Self::shutdown).
/// - No lock of the backend is held while a request completes: that wakes a task and may queue
///   further requests, which call back into the backend.
///
/// ```
/// use std::os::fd::BorrowedFd;
/// use std::time::Instant;
/// use caio::{Backend, BackendKind, Capability, Op, Output, QueueId, Request, Token};
///
/// /// Does nothing, at once.
/// #[derive(Debug)]
/// struct Nothing(Capability);
///
/// impl Backend for Nothing {
///     fn kind(&self) -> BackendKind {
///         BackendKind::Other("nothing")
///     }
///     fn capability(&self) -> &Capability {
///         &self.0
///     }
///     fn queue(&self, request: Request) -> QueueId {
///         request.complete(Ok(Output::Done));
///         QueueId(0)
///     }
///     fn commit(&self, _queue: QueueId) {}
///     fn reap(&self, _queue: QueueId) -> usize {
///         0
///     }
///     fn cancel(&self, _token: Token) {}
///     fn descriptor(&self, _queue: QueueId) -> Option<BorrowedFd<'_>> {
///         None
///     }
///     fn shutdown(&self, _deadline: Instant) -> usize {
///         0
///     }
/// }
///
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let file = doc::file_with(b"")?;
/// let backend = std::sync::Arc::new(Nothing(Capability::all(64)));
/// let context = caio::Context::builder().custom(backend).build()?;
/// let outcome = context.submit(Some(&file), Op::Fsync).await;
/// assert!(matches!(outcome.result?, Output::Done));
/// # Ok(())
/// # });
/// ```
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Which backend this is.
    fn kind(&self) -> BackendKind;

    /// What it can do on this machine, as probed when it was opened.
    fn capability(&self) -> &Capability;

    /// Takes a request, and says on which of its queues. It need not be begun before that queue is
    /// committed: many requests may share what a commit costs.
    fn queue(&self, request: Request) -> QueueId;

    /// Has everything begun that was queued there so far: io_uring_enter(2), io_submit(2), or the
    /// wake-up of a thread. Any thread may call it at any time, also without cause.
    fn commit(&self, queue: QueueId);

    /// Completes what is ready on the queue, without waiting, and returns how many requests that
    /// was. Any thread may call it at any time, also without cause.
    fn reap(&self, queue: QueueId) -> usize;

    /// Tries to end the request that was given this token early. It still completes exactly once,
    /// perhaps with success. An unknown token is ignored: the request has completed already.
    fn cancel(&self, token: Token);

    /// The descriptor that polls readable while completions wait on the queue; `None` where the
    /// backend completes requests on threads of its own or there is no such queue.
    fn descriptor(&self, queue: QueueId) -> Option<BorrowedFd<'_>>;

    /// Takes nothing more and waits until every request has completed, or until the deadline.
    /// Returns how many requests are still held. Blocks: never called on a thread of an executor.
    fn shutdown(&self, deadline: Instant) -> usize;
}

/// One of a backend's queues, such as one ring: counted from 0, at most [`QueueId::MAX`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueueId(pub usize);

impl QueueId {
    /// The number of queues that a backend can have.
    pub const MAX: usize = 64;
}

/// The backends by name.
///
/// ```
/// use caio::BackendKind;
///
/// assert_eq!(BackendKind::Linux.to_string(), "linux");
/// assert_eq!(BackendKind::ALL[0], BackendKind::Uring, "what `auto` tries first");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BackendKind {
    /// io_uring: `uring`.
    Uring,
    /// Linux kernel AIO: `linux`.
    Linux,
    /// The C-style pthread pool: `thread`.
    Thread,
    /// The pure-Rust thread pool: `rust`, or `python`, its name in the Python original.
    Rust,
    /// A backend from outside this crate.
    Other(&'static str),
}

impl BackendKind {
    /// The backends of this crate, in the order in which `auto` tries them.
    pub const ALL: [BackendKind; 4] = [Self::Uring, Self::Thread, Self::Rust, Self::Linux];

    /// The name, as `CAIO_IMPL` has it.
    ///
    /// ```
    /// use caio::BackendKind;
    ///
    /// assert_eq!(BackendKind::Rust.name(), "rust");
    /// assert_eq!(BackendKind::Other("mine").name(), "mine");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uring => "uring",
            Self::Linux => "linux",
            Self::Thread => "thread",
            Self::Rust => "rust",
            Self::Other(name) => name,
        }
    }

    /// The backend of this crate with that name.
    ///
    /// ```
    /// use caio::BackendKind;
    ///
    /// assert_eq!(BackendKind::from_name("python"), Some(BackendKind::Rust));
    /// assert_eq!(BackendKind::from_name("posix"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "python" => Some(Self::Rust),
            _ => Self::ALL.into_iter().find(|kind| kind.name() == name),
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
