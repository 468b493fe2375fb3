//! A source of completions, reaped by tokio's reactor itself.
//!
//! The reactor calls a waker when the descriptor becomes readable. That of a task would have the
//! task run, and the task reap. This one reaps where it is called: the tasks that it wakes are the
//! first to run, and a worker that comes out of its reactor with a single task to run wakes no
//! other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use caio::Source;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::drop_at_end;

/// Reaps a source whenever it is readable, until it is dropped or the runtime ends.
pub(super) struct Watched {
    reaper: Arc<Reaper>,
    sentinel: AbortHandle,
}

/// The waker that reaps. It is registered in what it holds, a ring that its end breaks.
struct Reaper {
    readable: Mutex<Option<AsyncFd<Arc<Source>>>>,
}

impl Watched {
    #[allow(
        deprecated,
        reason = "the replacement is unsafe, for the sake of types whose descriptor can change; \
                  a source owns one descriptor as long as it lives"
    )]
    pub(super) fn begin(source: Source, handle: &Handle) -> Result<Self, Source> {
        let readable = AsyncFd::try_with_interest(Arc::new(source), Interest::READABLE)
            .map_err(|error| error.into_parts().0)
            .map_err(|source| Arc::into_inner(source).expect("nobody else has had it yet"))?;
        let reaper = Arc::new(Reaper { readable: Mutex::new(Some(readable)) });
        // Tasks end before the reactor does: what still waits is told in time.
        let sentinel = drop_at_end(handle, Ends(Arc::clone(&reaper)));
        Arc::clone(&reaper).wake();
        Ok(Self { reaper, sentinel })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.reaper.end();
        self.sentinel.abort();
    }
}

/// Ends the watching when it is dropped.
struct Ends(Arc<Reaper>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Reaper {
    /// The source, if it is readable now; else the reactor will call.
    fn ready(self: &Arc<Self>) -> Option<Arc<Source>> {
        let waker = Waker::from(Arc::clone(self));
        let guard = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        let readable = guard.as_ref()?;
        match readable.poll_read_ready(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(mut ready)) => {
                // Cleared before the completions are taken: one that comes in between makes the
                // descriptor ready again.
                ready.clear_ready();
                Some(Arc::clone(readable.get_ref()))
            }
            Poll::Pending => None,
            Poll::Ready(Err(_)) => {
                drop(guard);
                self.end();
                None
            }
        }
    }

    /// Lets the source go, which has the context find another way.
    fn end(&self) {
        let readable = self.readable.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(readable);
    }
}

impl Wake for Reaper {
    fn wake(self: Arc<Self>) {
        while let Some(source) = self.ready() {
            // A panic here would be the reactor's, and take the whole worker along.
            if catch_unwind(AssertUnwindSafe(|| source.reap())).is_err() {
                self.end();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{PipeReader, PipeWriter, Write, pipe};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use caio::{Backend, BackendKind, Capability, Lanes, Op, Output, Request, Result, Token};
    use tokio::time::timeout;

    use super::*;

    /// Completes what it was given when it is reaped for the second time; the first time it panics.
    #[derive(Debug)]
    struct Panicking {
        capability: Capability,
        lane: (PipeReader, PipeWriter),
        kept: Mutex<Vec<Request>>,
        has_panicked: AtomicBool,
    }

    impl Backend for Panicking {
        fn kind(&self) -> BackendKind {
            BackendKind::Other("panicking")
        }

        fn capability(&self) -> &Capability {
            &self.capability
        }

        fn submit(&self, batch: &mut [Option<Request>]) -> Result<Lanes> {
            self.kept.lock().unwrap().extend(batch.iter_mut().filter_map(Option::take));
            (&self.lane.1).write_all(&[0])?;
            Ok(Lanes::one(0))
        }

        fn cancel(&self, _token: Token) {}

        fn reap(&self, _lane: usize) -> usize {
            assert!(self.has_panicked.swap(true, Ordering::SeqCst), "it panics on purpose");
            let kept = std::mem::take(&mut *self.kept.lock().unwrap());
            let completed = kept.len();
            kept.into_iter().for_each(|request| request.complete(Ok(Output::Done)));
            completed
        }

        fn descriptor(&self, _lane: usize) -> Option<BorrowedFd<'_>> {
            Some(self.lane.0.as_fd())
        }

        fn shutdown(&self, _deadline: Instant) -> usize {
            0
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_panic_in_a_backend_ends_neither_the_worker_nor_the_waiting() {
        let capability = Capability::all(8);
        let (kept, has_panicked) = (Mutex::default(), AtomicBool::new(false));
        let backend = Panicking { capability, lane: pipe().unwrap(), kept, has_panicked };
        let context = crate::context().custom(Arc::new(backend)).build().unwrap();
        // Several of them, so that what follows is held back when it panics.
        let operations: Vec<_> = (0..4)
            .map(|_| {
                let context = context.clone();
                tokio::spawn(async move {
                    context.submit(None, Op::Fsync).await.result?;
                    context.submit(None, Op::Fsync).await.result
                })
            })
            .collect();
        for operation in operations {
            let result = timeout(Duration::from_secs(10), operation).await.unwrap().unwrap();
            assert!(result.is_ok());
        }
    }
}
