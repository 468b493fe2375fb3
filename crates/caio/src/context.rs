//! The engine: accept, limit, route, hand over, retry, cancel, shut down. Once, for all backends.

mod builder;
mod cancellation;
mod driver;
mod identity;
mod layered;
#[cfg(all(test, any(caio_loom, caio_shuttle)))]
mod models;
mod open;
mod operation;
mod path;
mod poll_thread;
mod run;
mod submit;
mod sync;
#[cfg(test)]
mod tests;
mod transfer;
mod vectored;
mod whole;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::task;
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::completion::Channels;
use crate::config::Config;
use crate::delay::after;
use crate::error::Result;
use crate::file::{OpenFiles, SharedFile};
use crate::layer::{Attempt, Chain, Clock};
use crate::metrics::{Metrics, Recorder};
use crate::op::Op;
use crate::pending_count::PendingCount;
use crate::request::{Request, Token};
use crate::route::{self, Route};
use crate::runtime::{Runtime, Watch};
use crate::select::{self, Info};
use crate::semaphore::Semaphore;
use crate::sync::atomic::AtomicUsize;
use crate::sync::{Handoff, Mutex, now, thread};
use crate::sys::process::Process;
use crate::worker_thread::block_signals;

pub use builder::ContextBuilder;
use cancellation::Cancellation;
use driver::Driver;
use operation::Borrowed;
pub use operation::Operation;
pub use path::look_at_mount;
use submit::Batch;
pub use transfer::Transfer;
pub use vectored::VectoredTransfer;

/// An engine with one backend, its limits and its metrics, shared by cloning.
///
/// Operations in flight keep their memory until they have ended, also after the last clone is
/// dropped.
///
/// It belongs to the process that built it. In a child forked without exec, which has none of its
/// threads, operations end with [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown); the child can
/// build a context of its own, and the parent notices nothing.
///
/// ```
/// use caio::{Context, Op, Buffer, SharedFile};
///
/// let context = Context::builder().build()?;
/// let file = SharedFile::new(std::fs::File::open("/proc/self/stat")?, "/proc/self/stat")?;
/// # let waker = std::task::Waker::noop();
/// # fn block_on<F: std::future::Future>(f: F) -> F::Output {
/// #     let mut f = std::pin::pin!(f);
/// #     loop {
/// #         if let std::task::Poll::Ready(o) =
/// #             f.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
/// #         { return o; }
/// #         std::thread::sleep(std::time::Duration::from_millis(1));
/// #     }
/// # }
/// let (result, buffer) =
///     block_on(context.read(&file, Buffer::from(Vec::with_capacity(512)), 0..512, 0));
/// let own_number = std::process::id().to_string();
/// assert!(result? > 0 && buffer.as_slice().starts_with(own_number.as_bytes()));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    backend: Arc<dyn Backend>,
    /// Threads for what the backend does not serve; started when first needed.
    pool: OnceLock<Arc<dyn Backend>>,
    config: Config,
    /// What is done around every operation.
    layers: Chain,
    /// Whether operations are tried in place without a look at layers, of which there are none.
    in_place: bool,
    info: Info,
    runtime: Arc<dyn Runtime>,
    channels: Channels,
    metrics: Recorder,
    /// Everything that was accepted and has not ended.
    pending: PendingCount,
    /// Room for what moves bytes, for what waits for a stream, and for all else.
    transfers: Semaphore<Request>,
    /// It counts what waits for streams, and limits nothing.
    streams: Semaphore<Request>,
    others: Semaphore<Request>,
    /// How many calls for admission the thread that admits has to answer.
    admitting: AtomicUsize,
    /// Threads that reap now.
    reaping: AtomicUsize,
    /// Requests that are to be submitted again, and how often that was asked for.
    retries: Mutex<Vec<Request>>,
    resubmitting: AtomicUsize,
    open_files: Arc<OpenFiles>,
    /// Requests that wait for a place among the open files.
    opening: Mutex<Vec<Request>>,
    closing: Cancellation,
    given_up: Cancellation,
    driver: Driver,
    /// Where the backends' threads and descriptors are.
    owner: Process,
}

/// How long a shutdown sleeps at most before it looks after completions itself.
const SHUTDOWN_LOOK: Duration = Duration::from_millis(2);

impl Context {
    /// Starts to describe a context. Without further words it takes its backend and its limits
    /// from the environment and the configuration files, see [`ContextBuilder::build`].
    ///
    /// ```
    /// let context = caio::Context::builder().max_requests(64).build()?;
    /// assert_eq!(context.config().max_requests, 64);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn builder() -> ContextBuilder {
        ContextBuilder::default()
    }

    /// Which backend this is, who asked for it, what was refused and why.
    ///
    /// ```
    /// use caio::{BackendKind, Context, RequestedBy};
    ///
    /// let context = Context::builder().backend(BackendKind::Rust).build()?;
    /// assert_eq!(context.info().backend, BackendKind::Rust);
    /// assert_eq!(context.info().requested_by, RequestedBy::Code);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.inner.info
    }

    /// The limits in force.
    ///
    /// ```
    /// let context = caio::Context::builder().in_place(false).build()?;
    /// assert!(!context.config().in_place);
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The metrics, as they are now.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use caio::Buffer;
    ///
    /// context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0).await.0?;
    /// let metrics = context.metrics();
    /// assert_eq!((metrics.bytes_written, metrics.in_flight), (4, 0));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.inner.metrics.snapshot()
    }

    /// Requests that move bytes and are in flight now, and how many bytes these are. Those that
    /// wait for room, and those on streams, are not among them.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # use doc::poll_once;
    /// # let context = doc::served_by(doc::keep)?;
    /// # let file = doc::file_with(b"")?;
    /// use caio::Buffer;
    ///
    /// let mut write = Box::pin(context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0));
    /// assert!(poll_once(&mut write).is_none());
    /// assert_eq!(context.in_flight(), (1, 4));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn in_flight(&self) -> (usize, usize) {
        self.inner.transfers.in_use()
    }

    /// One operation on an open file; `None` for operations that need none, such as [`Op::Open`].
    /// Nothing happens before the first poll; then it is the engine's. At a limit it waits in line
    /// there, and no future that is not polled any more holds up what waits behind it.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use caio::{Op, Output};
    ///
    /// let outcome = context.submit(Some(&file), Op::SetLength { length: 4096 }).await;
    /// assert!(matches!(outcome.result?, Output::Done));
    /// assert_eq!(file.file().metadata()?.len(), 4096);
    /// # Ok(())
    /// # });
    /// ```
    pub fn submit(&self, file: Option<&SharedFile>, op: Op) -> Operation {
        Operation::new(self, file, op)
    }

    /// The same, for whoever keeps the context and the file until it is over.
    fn submit_borrowed<'a>(&'a self, file: Option<&'a SharedFile>, op: Op) -> Borrowed<'a> {
        Borrowed::new(self, file, op)
    }

    /// A read or a write on an open file, submitted at once, if the limits have room for it now and
    /// nothing else waits for that. For what is done ahead of need and should not stand in line.
    ///
    /// # Errors
    /// Gives the operation back where there is no room, where a layer does not let it in at once,
    /// or after the shutdown.
    pub fn try_submit(&self, file: &SharedFile, op: Op) -> Result<Operation, Op> {
        let mut batch = Batch::default();
        let operation = self.begin(file, op, &mut batch, true)?;
        self.inner.commit(batch);
        Ok(operation)
    }

    /// Several operations on one file, in their order: all of them are the engine's when this
    /// returns. As many as the limits admit now are begun together, with one system call where the
    /// backend needs one; the others follow as room comes. One that a layer holds back is the
    /// engine's when that lets it in, for which its future has to be polled.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use caio::{Buffer, Op};
    ///
    /// let first = Op::write(Buffer::from(&b"some "[..]), 0..5, 0)?;
    /// let second = Op::write(Buffer::from(&b"text"[..]), 0..4, 5)?;
    /// for operation in context.submit_all(&file, [first, second]) {
    ///     operation.await.result?;
    /// }
    /// assert_eq!(file.file().metadata()?.len(), 9);
    /// # Ok(())
    /// # });
    /// ```
    pub fn submit_all(
        &self,
        file: &SharedFile,
        ops: impl IntoIterator<Item = Op>,
    ) -> Vec<Operation> {
        let mut batch = Batch::default();
        let operations = ops.into_iter().map(|op| {
            // What does not begin now begins, or fails, when it is polled.
            let later = |op| Operation::new(self, Some(file), op);
            self.begin(file, op, &mut batch, false).unwrap_or_else(later)
        });
        let operations = operations.collect();
        self.inner.commit(batch);
        operations
    }

    /// Accepts no new operations and waits for those that were accepted, for at most `patience`.
    /// Returns how many were abandoned then: their futures end with
    /// [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown), and their buffers stay with the kernel.
    /// What layers have not let in, and reads of streams whose bytes have not come, end so at once.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the shutdown.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use std::time::Duration;
    /// use caio::ErrorKind;
    ///
    /// assert_eq!(context.shutdown(Duration::from_secs(5)).await, 0);
    /// let error = context.sync(&file, false).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Shutdown);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn shutdown(&self, patience: Duration) -> usize {
        if self.check_fork().is_err() {
            return 0;
        }
        self.inner.close();
        let deadline = after(patience);
        let (done, inner) = (Handoff::default(), Arc::clone(&self.inner));
        let drained = done.clone();
        let drain = move || {
            block_signals();
            drained.give(inner.drain(deadline));
        };
        match thread::Builder::new().name("caio-shutdown".to_owned()).spawn(drain) {
            Ok(_) => done.await,
            Err(_) => self.inner.give_up(),
        }
    }

    /// An operation that is the engine's from here on, and with `now` has room as well. It comes
    /// back where that cannot be, or where a layer does not let it in at once.
    fn begin(
        &self,
        file: &SharedFile,
        op: Op,
        batch: &mut Batch,
        now: bool,
    ) -> Result<Operation, Op> {
        if self.check_fork().is_err() {
            return Err(op);
        }
        let Some(attempt) = self.admit_now(file, &op) else { return Err(op) };
        let (kind, route) = (op.kind(), self.inner.route(Some(file), &op));
        let receiver = match now {
            true => self.inner.try_accept(file, op, attempt.clone(), batch)?,
            false => {
                let accepted = self.inner.accept(Some(file), op, attempt.clone(), batch);
                accepted.map_err(|(_, op)| op)?
            }
        };
        let operation = Operation::accepted(self, file, receiver, kind, route);
        Ok(match attempt {
            Some(attempt) => operation.layered(attempt),
            None => operation,
        })
    }

    /// Whether layers let an operation in without any wait, and then what they are to be told.
    fn admit_now(&self, file: &SharedFile, op: &Op) -> Option<Option<Arc<Attempt>>> {
        let layers = &self.inner.layers;
        if layers.is_empty() {
            return Some(None);
        }
        layers.admit_now(&layers.describe(&*self.inner.runtime, Some(file), op)).map(Some)
    }

    #[inline]
    pub(crate) fn is_shut_down(&self) -> bool {
        self.inner.pending.is_closed()
    }

    /// Refuses in a forked child, where nothing would ever complete and the locks may be held by
    /// threads that are not there. Costs a load.
    pub(crate) fn check_fork(&self) -> Result<()> {
        self.inner.owner.check()
    }

    /// Tells the runtime that the running task begins to wait for something which operations of
    /// this context bring about. What is returned is to be kept until that is over: a runtime whose
    /// clock is paused leaves it where it is meanwhile. An [`Operation`] does this by itself.
    ///
    /// ```
    /// let context = caio::Context::builder().build()?;
    /// assert!(context.waits().is_none(), "without a runtime there is nothing to keep");
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use = "what is not kept tells the runtime that the wait is over"]
    pub fn waits(&self) -> Option<Watch> {
        self.inner.runtime.waits()
    }

    /// The clock of an operation that would begin on the calling thread: that of its runtime where
    /// a test has paused it, else the system's. What pauses between operations goes by it, too, so
    /// that a test of it need not wait.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// use std::time::Duration;
    ///
    /// let clock = caio::Context::builder().build()?.clock();
    /// let begun = clock.now();
    /// clock.sleep(Duration::from_millis(2)).await?;
    /// assert!(clock.now() - begun >= Duration::from_millis(2));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.inner.layers.clock(&*self.inner.runtime)
    }

    /// Whether the running task may go on with something that moves so many bytes, by the runtime's
    /// own cooperative budget: `Pending` lets others run first, with the waker arranged for. For
    /// work on the calling thread; an [`Operation`] does this by itself.
    ///
    /// ```
    /// use std::task::{Context, Waker};
    ///
    /// let context = caio::Context::builder().build()?;
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let goes_on = (0..1000).filter(|_| context.poll_proceed(&mut cx, 0).is_ready()).count();
    /// assert!((900..1000).contains(&goes_on), "others run once in a while");
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[inline]
    pub fn poll_proceed(&self, cx: &mut task::Context<'_>, bytes: usize) -> task::Poll<()> {
        self.inner.runtime.poll_proceed(cx, bytes)
    }

    /// The same as a future.
    #[inline]
    pub(crate) async fn proceed(&self, bytes: usize) {
        std::future::poll_fn(|cx| self.poll_proceed(cx, bytes)).await;
    }
}

impl Inner {
    fn route(&self, file: Option<&SharedFile>, op: &Op) -> Route {
        route::route(self.backend.capability(), self.buffered_writes(file), file, op)
    }

    fn pool(&self) -> &Arc<dyn Backend> {
        self.pool.get_or_init(|| {
            select::open_pool(&self.config).expect("the limits were checked when they were set")
        })
    }

    fn cancel(&self, route: Route, token: Token) {
        match route {
            Route::Backend => self.backend.cancel(token),
            Route::Pool => self.pool().cancel(token),
        }
    }

    /// Waits for all that was accepted, until the deadline, and fails what is left.
    fn drain(self: &Arc<Self>, deadline: Instant) -> usize {
        // What waits for room is handed over as others end, and only then may backends close.
        while self.not_handed_over() > 0 && now() < deadline {
            self.driver.queues().for_each(|queue| _ = self.collect(queue));
            self.pending.wait(deadline.min(now() + SHUTDOWN_LOOK));
        }
        self.backend.shutdown(deadline);
        // What the backend had no answer for went on to the pool.
        if let Some(pool) = self.pool.get() {
            pool.shutdown(deadline);
        }
        self.pending.wait(deadline);
        self.give_up()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.owner.is_current() {
            self.driver.end();
        } else {
            // Descriptors are shared with the parent: ending a watch here would end it there.
            std::mem::forget(Arc::clone(&self.backend));
            self.pool.get().cloned().into_iter().for_each(std::mem::forget);
            self.driver.forget();
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("backend", &self.backend.kind())
            .field("metrics", &self.metrics.snapshot())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
