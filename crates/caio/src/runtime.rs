//! What a context asks of the runtime around it. It needs none: without one, a thread of its own
//! waits for completions.

use std::cell::Cell;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::config::Reactor;
use crate::layer::Clock;

/// The services of a runtime that make a context faster and fairer. `caio_testkit::check_runtime`
/// tries an implementation on every backend.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let file = doc::file_with(b"")?;
/// use std::task::{Context, Poll};
/// use std::{sync::Arc, thread, time::Duration};
/// use caio::{Reactor, Registration, Runtime, Watch};
///
/// /// Looks every millisecond, where a reactor would wait until the descriptor is readable.
/// #[derive(Debug)]
/// struct Looker;
///
/// impl Runtime for Looker {
///     fn current(&self) -> Option<u64> {
///         Some(1)
///     }
///
///     fn watch(&self, registration: Registration, _: Reactor) -> Result<Watch, Registration> {
///         let registration = Arc::new(registration);
///         let watched = Arc::downgrade(&registration);
///         thread::spawn(move || {
///             while let Some(registration) = watched.upgrade() {
///                 registration.reap();
///                 drop(registration);
///                 thread::sleep(Duration::from_millis(1));
///             }
///         });
///         Ok(Box::new(registration))
///     }
///
///     fn poll_proceed(&self, _cx: &mut Context<'_>, _bytes: usize) -> Poll<()> {
///         Poll::Ready(())
///     }
/// }
///
/// let context = caio::Context::builder().runtime(Arc::new(Looker)).build()?;
/// context.sync(&file, false).await?;
/// # assert_eq!(context.in_flight(), (0, 0));
/// # Ok(())
/// # });
/// ```
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// The runtime that the calling thread is in, by a number that no other of the process has;
    /// `None` where it is in none that could watch a descriptor. Never 0.
    fn current(&self) -> Option<u64> {
        None
    }

    /// Has that runtime watch a source of completions: each time its descriptor becomes readable,
    /// [`Registration::reap`] is to be called, from a task of its own. Dropping the [`Watch`] ends
    /// that; so does the end of the runtime, which drops the registration. `reactor` is what the
    /// configuration says of the runtime, never [`Reactor::Never`].
    ///
    /// # Errors
    /// Gives the registration back where this runtime cannot watch descriptors. A thread then
    /// waits instead.
    fn watch(&self, registration: Registration, reactor: Reactor) -> Result<Watch, Registration> {
        let _ = reactor;
        Err(registration)
    }

    /// Whether the running task may go on with an operation that moves so many bytes, by the
    /// runtime's own cooperative budget, which is charged for it. `Pending` lets others run first,
    /// with the waker arranged for. Where a budget is not filled up however often it is asked for,
    /// as in a nested `block_on`, this is to be `Ready` in the end.
    fn poll_proceed(&self, cx: &mut Context<'_>, bytes: usize) -> Poll<()>;

    /// The clock of the runtime that the calling thread is in, where that is not the system's: one
    /// that a test has paused. Layers go by it.
    fn clock(&self) -> Option<Arc<dyn Clock>> {
        None
    }

    /// An operation begins to wait on the calling thread. What this returns is kept until it is
    /// over, for a runtime that treats a time in which all its tasks wait in some special way.
    fn waits(&self) -> Option<Watch> {
        None
    }
}

/// Keeps a watch alive. Whatever it holds is dropped with it.
pub type Watch = Box<dyn Send + Sync>;

/// A source of completions to be watched by a runtime: one completion queue of a backend. Dropping
/// it tells the context that this runtime watches it no more.
pub struct Registration {
    descriptor: OwnedFd,
    reap: Box<dyn Fn() -> usize + Send + Sync>,
    ended: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Registration {
    pub(crate) fn new(
        descriptor: OwnedFd,
        reap: impl Fn() -> usize + Send + Sync + 'static,
        ended: impl FnOnce() + Send + Sync + 'static,
    ) -> Self {
        Self { descriptor, reap: Box::new(reap), ended: Some(Box::new(ended)) }
    }

    /// Completes what is ready, wakes its tasks, and returns how many operations that was. It never
    /// waits, and any thread may call it at any time, also without cause.
    pub fn reap(&self) -> usize {
        (self.reap)()
    }
}

impl AsFd for Registration {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for Registration {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({:?})", self.descriptor)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            ended();
        }
    }
}

/// No runtime that the context knows of. It yields once in a while all the same, so that on any
/// executor a task that finds everything cached leaves room for the others.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRuntime;

/// What a task may do on a thread between two yields: the budget that tokio gives its tasks, too.
const OPERATIONS: usize = 128;

/// So many bytes cost as much as an operation without any.
const BYTES_OF_AN_OPERATION: usize = 32 * 1024;

impl Runtime for NoRuntime {
    fn poll_proceed(&self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        thread_local! {
            static SPENT: Cell<usize> = const { Cell::new(0) };
        }
        SPENT.with(|spent| {
            if spent.get() >= OPERATIONS {
                spent.set(0);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            spent.set(spent.get() + 1 + bytes / BYTES_OF_AN_OPERATION);
            Poll::Ready(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn a_task_yields_now_and_then_and_is_never_held_up_for_good() {
        let mut cx = Context::from_waker(Waker::noop());
        let all = OPERATIONS * BYTES_OF_AN_OPERATION;
        let polls: Vec<_> =
            (0..4).map(|_| NoRuntime.poll_proceed(&mut cx, all).is_ready()).collect();
        assert_eq!(polls, [true, false, true, false]);
    }
}
