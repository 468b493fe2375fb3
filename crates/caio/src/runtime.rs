//! What a context asks of the runtime around it. It needs none: without one, a thread of its own
//! waits for completions.

use std::cell::Cell;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use crate::backend::Backend;
use crate::context::Inner;
use crate::courier::Courier;

/// The services of a runtime that make a context faster and fairer.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let file = doc::file_with(b"")?;
/// use std::{sync::Arc, task::Poll, thread, time::Duration};
/// use caio::{Runtime, Source, Watch, Workers};
///
/// /// Looks every millisecond, where a reactor would wait until the descriptor is readable.
/// #[derive(Debug)]
/// struct Looker;
///
/// impl Runtime for Looker {
///     fn watch(&self, source: Source) -> Result<Watch, Source> {
///         let source = Arc::new(source);
///         let watched = Arc::downgrade(&source);
///         thread::spawn(move || {
///             while let Some(source) = watched.upgrade() {
///                 source.reap();
///                 drop(source);
///                 thread::sleep(Duration::from_millis(1));
///             }
///         });
///         Ok(Box::new(source))
///     }
///
///     fn poll_budget(&self, _cx: &mut std::task::Context<'_>, bytes: usize) -> Poll<usize> {
///         Poll::Ready(bytes)
///     }
///
///     fn gathers_wakes(&self) -> bool {
///         false
///     }
///
///     fn workers(&self) -> Workers {
///         Workers::Apart
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
    /// Watches a source of completions with the reactor of the runtime that the calling thread is
    /// in: each time its descriptor becomes readable, [`Source::reap`] is to be called. Dropping
    /// the [`Watch`] ends the watching.
    ///
    /// # Errors
    /// Gives the source back where there is no reactor here. A thread then waits instead.
    fn watch(&self, source: Source) -> Result<Watch, Source>;

    /// How many of `bytes` the running task may do in place now, at least one; it is charged for
    /// them. What cannot be divided is done whole. `Pending` lets others run first where the task
    /// has done enough, with the waker arranged for.
    fn poll_budget(&self, cx: &mut Context<'_>, bytes: usize) -> Poll<usize>;

    /// Whether the task that is running is better woken from the reactor than from a thread that is
    /// not the runtime's. Then the threads of a pool leave its waker where [`watch`](Self::watch)
    /// watches. False is always right.
    fn gathers_wakes(&self) -> bool;

    /// Who runs the tasks that a source wakes which is watched from here. [`Workers::Apart`] is
    /// always right.
    fn workers(&self) -> Workers;
}

/// Who runs the tasks that are woken while a [`Source`] is reaped.
///
/// ```
/// use caio::{NoRuntime, Runtime, Workers};
///
/// assert_eq!(NoRuntime.workers(), Workers::Apart);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// Other threads, or nobody knows who: all are woken at once.
    Apart,
    /// The thread that reaps, when it is done. What they submit is held back until they have run,
    /// and costs one system call together.
    One,
    /// The same, and where there are several to run, that thread wakes another one for them. As
    /// long as one thread keeps up, the tasks wake each other in a row.
    Several,
}

/// Keeps a watch alive. Whatever it holds is dropped with it.
pub type Watch = Box<dyn Send + Sync>;

/// Something to be watched: one lane of a backend, where the engine's own threads leave whom they
/// want to wake, or what moves rounds of completions on. When it is dropped, the context finds
/// another way.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # let (context, source, _operations) = doc::started(3)?;
/// use std::os::fd::AsRawFd;
///
/// println!("to be watched: descriptor {}", source.as_raw_fd());
/// assert_eq!(context.in_flight(), (3, 0));
/// source.reap();
/// assert_eq!(context.in_flight(), (0, 0));
/// # Ok::<(), caio::Error>(())
/// ```
pub struct Source {
    descriptor: OwnedFd,
    of: Of,
}

enum Of {
    Lane { lane: usize, backend: Weak<dyn Backend>, context: Weak<Inner> },
    Courier(Arc<Courier>),
    Rounds(Weak<Inner>),
}

impl Source {
    pub(crate) fn new(
        descriptor: OwnedFd,
        lane: usize,
        backend: Weak<dyn Backend>,
        context: Weak<Inner>,
    ) -> Self {
        Self { descriptor, of: Of::Lane { lane, backend, context } }
    }

    pub(crate) fn courier(descriptor: OwnedFd, courier: Arc<Courier>) -> Self {
        Self { descriptor, of: Of::Courier(courier) }
    }

    pub(crate) fn rounds(descriptor: OwnedFd, context: Weak<Inner>) -> Self {
        Self { descriptor, of: Of::Rounds(context) }
    }

    /// Completes what is ready, and returns how many operations that was. Call it after each
    /// readiness; it never waits. It wakes their tasks, but where [`Workers`] run them only some of
    /// them: the others follow as these take their answers, or when the source of that context is
    /// readable which moves rounds of completions on.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # let (_context, source, _operations) = doc::started(3)?;
    /// assert_eq!(source.reap(), 3);
    /// assert_eq!(source.reap(), 0, "nothing is left");
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn reap(&self) -> usize {
        self.reap_by(Inner::collect)
    }

    /// The same for a thread that runs no tasks.
    pub(crate) fn reap_at_once(&self) -> usize {
        self.reap_by(Inner::collect_at_once)
    }

    fn reap_by(&self, collect: fn(&Arc<Inner>, &dyn Backend, usize) -> usize) -> usize {
        match &self.of {
            Of::Lane { lane, backend, context } => {
                let Some(backend) = backend.upgrade() else { return 0 };
                match context.upgrade() {
                    Some(context) => collect(&context, &*backend, *lane),
                    None => backend.reap(*lane),
                }
            }
            Of::Courier(courier) => courier.deliver(),
            Of::Rounds(context) => {
                context.upgrade().into_iter().for_each(|context| context.go_on());
                0
            }
        }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for Source {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Of::Lane { lane, .. } => write!(f, "Source(lane {lane}, {:?})", self.descriptor),
            Of::Courier(_) => write!(f, "Source(courier, {:?})", self.descriptor),
            Of::Rounds(_) => write!(f, "Source(rounds, {:?})", self.descriptor),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        match &self.of {
            Of::Lane { lane, context, .. } => {
                if let Some(context) = context.upgrade() {
                    context.watch_ended(*lane);
                }
            }
            Of::Courier(courier) => courier.close(),
            Of::Rounds(context) => {
                if let Some(context) = context.upgrade() {
                    context.close_rounds();
                }
            }
        }
    }
}

/// No runtime that the context knows of. It yields once in a while all the same, so that on any
/// executor a task that finds everything cached leaves room for the others.
///
/// ```
/// use std::task::{Context, Waker};
/// use caio::{NoRuntime, Runtime};
///
/// let mut cx = Context::from_waker(Waker::noop());
/// let yields = (0..100).position(|_| NoRuntime.poll_budget(&mut cx, 64 << 10).is_pending());
/// assert!(yields.is_some_and(|turn| turn > 0));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRuntime;

/// Bytes in place between two yields: some 50 microseconds of copying.
const YIELD_BYTES: usize = 256 * 1024;

/// What is done in one piece even where less is left until the yield.
const PIECE_BYTES: usize = YIELD_BYTES / 2;

/// What one operation costs beside its bytes, expressed in bytes.
const OPERATION_BYTES: usize = 4096;

impl Runtime for NoRuntime {
    fn watch(&self, source: Source) -> Result<Watch, Source> {
        Err(source)
    }

    fn poll_budget(&self, cx: &mut Context<'_>, bytes: usize) -> Poll<usize> {
        thread_local! {
            static SPENT: Cell<usize> = const { Cell::new(0) };
        }
        SPENT.with(|spent| {
            if spent.get() >= YIELD_BYTES {
                spent.set(0);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let granted = bytes.min((YIELD_BYTES - spent.get()).max(PIECE_BYTES));
            spent.set(spent.get() + granted + OPERATION_BYTES);
            Poll::Ready(granted)
        })
    }

    fn gathers_wakes(&self) -> bool {
        false
    }

    fn workers(&self) -> Workers {
        Workers::Apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn a_task_yields_now_and_then_and_is_never_held_up_for_good() {
        let mut cx = Context::from_waker(Waker::noop());
        let polls: Vec<_> =
            (0..4).map(|_| NoRuntime.poll_budget(&mut cx, 10 * YIELD_BYTES).is_ready()).collect();
        assert_eq!(polls, [true, false, true, false]);
    }

    #[test]
    fn what_is_left_is_granted_and_a_piece_at_least() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut grant = |bytes| NoRuntime.poll_budget(&mut cx, bytes);
        assert_eq!(grant(OPERATION_BYTES), Poll::Ready(OPERATION_BYTES));
        assert_eq!(grant(YIELD_BYTES / 8), Poll::Ready(YIELD_BYTES / 8));
        assert_eq!(grant(YIELD_BYTES / 2), Poll::Ready(YIELD_BYTES / 2));
        assert_eq!(grant(YIELD_BYTES), Poll::Ready(PIECE_BYTES), "less than that is left");
        assert_eq!(grant(1), Poll::Pending);
    }
}
