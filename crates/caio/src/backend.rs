//! What every backend is: identity, ability, take, cancel, reap, stop.
//!
//! A backend only moves requests to the kernel or to a thread and completes each of them exactly
//! once. Limits, retries, short transfers, routes, wakers and runtimes are the business of
//! [`Context`](crate::Context), above this trait.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::capability::Capability;
use crate::error::Error;
use crate::request::{Request, Token};

pub use pool_options::PoolOptions;

mod crew;
mod held;
#[cfg(all(target_os = "linux", not(caio_portable)))]
mod in_flight;
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub mod linux_aio;
mod lookout;
mod pace;
mod patience;
mod perform;
mod pool_options;
#[cfg(test)]
mod pool_tests;
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub mod pthread;
mod serve;
mod streams;
pub mod thread;
#[cfg(all(target_os = "linux", not(caio_portable)))]
pub mod uring;
mod vigil;
mod writers;

/// A way to have operations done.
///
/// Dyn-safe and without default bodies: what a backend cannot do, it must say in its
/// [`Capability`], and the context then routes such requests elsewhere.
///
/// # The contract
/// - Each accepted request is completed exactly once, by [`Request::complete`], and it is kept
///   (with its buffer and its file) until the kernel or the thread has finished with it, even
///   after [`cancel`](Self::cancel), [`shutdown`](Self::shutdown) and drop. What cannot be waited
///   for is leaked, never freed.
/// - No method blocks, except [`shutdown`](Self::shutdown).
/// - No lock of the backend is held while a request completes: that wakes a task, and the waker
///   may call back into the backend.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let file = doc::file_with(b"")?;
/// # use std::{os::fd::BorrowedFd, time::Instant};
/// # use caio::Token;
/// use caio::{Backend, BackendKind, Capability, Lanes, Output, Request};
///
/// /// Says that it is done, whatever it is asked to do.
/// #[derive(Debug)]
/// struct Yes(Capability);
///
/// impl Backend for Yes {
///     fn kind(&self) -> BackendKind {
///         BackendKind::Other("yes")
///     }
///     fn capability(&self) -> &Capability {
///         &self.0
///     }
///     fn submit(&self, batch: &mut [Option<Request>]) -> caio::Result<Lanes> {
///         for request in batch.iter_mut().filter_map(Option::take) {
///             request.complete(Ok(Output::Done));
///         }
///         Ok(Lanes::NONE)
///     }
///     // Nothing is left to cancel, to reap or to wait for.
/// #     fn cancel(&self, _token: Token) {}
/// #     fn reap(&self, _lane: usize) -> usize {
/// #         0
/// #     }
/// #     fn descriptor(&self, _lane: usize) -> Option<BorrowedFd<'_>> {
/// #         None
/// #     }
/// #     fn shutdown(&self, _deadline: Instant) -> usize {
/// #         0
/// #     }
/// }
/// let backend = std::sync::Arc::new(Yes(Capability::all(1)));
/// let context = caio::Context::builder().custom(backend).build()?;
/// context.sync(&file, false).await?;
/// assert_eq!(context.counters().completed, 1);
/// # Ok(())
/// # });
/// ```
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Which backend this is.
    fn kind(&self) -> BackendKind;

    /// What it can do on this machine, as probed when it was opened.
    fn capability(&self) -> &Capability;

    /// Takes requests from the front of `batch` by leaving `None` in their place. Where it is
    /// full it stops, and the requests that are left go back to the caller in order. A request
    /// that is wrong in itself is completed with its own error and does not stop the others.
    ///
    /// Returns the lanes on which the taken requests will complete; a backend that completes
    /// requests from threads of its own returns [`Lanes::NONE`].
    ///
    /// # Errors
    /// The backend itself is unusable; it has taken nothing more from the batch.
    fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes, Error>;

    /// Tries to end the request that was given this token early. It still completes exactly once,
    /// perhaps with success. An unknown token is ignored: the request has completed already.
    fn cancel(&self, token: Token);

    /// Completes what is ready on `lane`, without waiting, and returns how many requests that
    /// was. Any thread may call it at any time, also without cause.
    fn reap(&self, lane: usize) -> usize;

    /// The descriptor that polls readable while completions wait on `lane`; `None` where the
    /// backend completes requests from threads of its own or the lane does not exist.
    fn descriptor(&self, lane: usize) -> Option<BorrowedFd<'_>>;

    /// Takes nothing more and waits until every accepted request has completed, or until the
    /// deadline. Returns how many requests are still held. Blocks: never called on a thread of an
    /// executor.
    fn shutdown(&self, deadline: Instant) -> usize;
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

/// A set of lanes. A lane is one source of completions of a backend, such as one ring: at most
/// [`Lanes::MAX`] of them, counted from 0.
///
/// ```
/// use caio::Lanes;
///
/// let used = [4, 1, 4].into_iter().fold(Lanes::NONE, Lanes::and);
/// assert_eq!(used.iter().collect::<Vec<_>>(), [1, 4]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lanes(u64);

impl Lanes {
    /// No lane.
    pub const NONE: Lanes = Lanes(0);

    /// The number of lanes that a backend can have.
    pub const MAX: usize = 64;

    /// The set of this lane alone.
    ///
    /// ```
    /// assert_eq!(caio::Lanes::one(3).iter().collect::<Vec<_>>(), [3]);
    /// ```
    #[must_use]
    pub fn one(lane: usize) -> Self {
        debug_assert!(lane < Self::MAX);
        Self(1 << lane)
    }

    /// This set and `lane`.
    ///
    /// ```
    /// use caio::Lanes;
    ///
    /// assert_eq!(Lanes::one(3).and(0), Lanes::one(0).and(3));
    /// ```
    #[must_use]
    pub fn and(self, lane: usize) -> Self {
        Self(self.0 | Self::one(lane).0)
    }

    /// The lanes in the set, in ascending order.
    ///
    /// ```
    /// use caio::Lanes;
    ///
    /// assert_eq!(Lanes::one(63).and(0).iter().collect::<Vec<_>>(), [0, 63]);
    /// assert_eq!(Lanes::NONE.iter().count(), 0);
    /// ```
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let lane = rest.trailing_zeros();
            rest &= rest.checked_sub(1)?;
            Some(lane as usize)
        })
    }
}
