//! The engine: limit, route, submit, wait, retry, cancel, shut down. Once, for all backends.

mod builder;
mod held;
mod opening;
mod operation;
mod round;
mod step;
#[cfg(test)]
mod tests;
mod transfer;
mod vectored;
mod watch;
mod whole;
mod width;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task;
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{Backend, BackendKind, Lanes, PoolOptions};
use crate::config::Config;
use crate::counters::{Counters, Snapshot};
use crate::error::Result;
use crate::file::SharedFile;
use crate::limit::{Limit, Permit};
use crate::op::Op;
use crate::relay::Relay;
use crate::request::Request;
use crate::route::{self, Reason, Route};
use crate::runtime::{Runtime, Source};
use crate::select::{self, Info};
use crate::slot::{Completion, Ledger};
use crate::sync::Handoff;
use crate::sys::process::Process;

pub use builder::ContextBuilder;
use held::Held;
use operation::Brief;
pub use operation::Operation;
use round::Rounds;
pub use transfer::Transfer;
pub use vectored::VectoredTransfer;
use watch::Watches;

/// An engine with one backend, its limits and its counters, shared by cloning.
///
/// Dropping the last clone while operations are in flight leaves a thread behind that keeps their
/// memory until they have ended.
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
    info: Info,
    runtime: Arc<dyn Runtime>,
    limit: Arc<Limit<Ledger>>,
    open_files: Arc<Limit>,
    watches: Watches,
    held: Held,
    rounds: Rounds,
    shut_down: AtomicBool,
    /// Where the backends' threads and descriptors are.
    home: Process,
}

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

    /// The counters, as they are now.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use caio::Buffer;
    ///
    /// context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0).await.0?;
    /// let counters = context.counters();
    /// assert_eq!((counters.bytes_written, counters.in_flight), (4, 0));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn counters(&self) -> Snapshot {
        self.inner.counters().snapshot()
    }

    /// Requests and bytes that are in flight now.
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
        self.inner.limit.in_flight()
    }

    /// One operation on an open file; `None` for [`Op::Open`] and [`Op::Close`]. Nothing happens
    /// before the first poll.
    ///
    /// At a limit it waits in line, and the place that it is granted stays its own until it is
    /// polled again or dropped: a future that is parked in line and never polled holds up who
    /// stands behind it.
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
    fn brief<'a>(&'a self, file: Option<&'a SharedFile>, op: Op) -> Brief<'a> {
        Brief::new(self, file, op)
    }

    /// Several operations on one file, in their order. As many of them as the limits admit now are
    /// submitted at once, with one system call where the backend needs one; the others follow when
    /// they are polled.
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
        let mut waiting = Vec::new();
        let mut offered = Vec::new();
        let mut batches = [Vec::new(), Vec::new()];
        for op in ops {
            // In a forked child each of them fails when it is polled. Once one waits the later
            // ones wait too, so that a smaller one does not overtake it.
            let at_once = waiting.is_empty() && self.at_home().is_ok();
            let permit = at_once.then(|| self.inner.limit.try_acquire(op.length())).flatten();
            let Some(permit) = permit else {
                waiting.push(Operation::new(self, Some(file), op));
                continue;
            };
            let route = self.route(Some(file), &op);
            let (request, completion) = self.request(Some(file), op, permit, route);
            let batch = usize::from(route != Route::Backend);
            offered.push((batch, batches[batch].len(), completion, route));
            batches[batch].push(Some(request));
        }
        self.offer(Route::Backend, &mut batches[0]);
        self.offer(Route::Pool(Reason::Class), &mut batches[1]);
        offered
            .into_iter()
            .map(|(batch, index, completion, route)| {
                let request = batches[batch][index].take();
                Operation::offered(self, Some(file), request, completion, route)
            })
            .chain(waiting)
            .collect()
    }

    /// Takes no new operations and waits for those in flight, for at most `patience`. Returns how
    /// many were abandoned then: their futures end with
    /// [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown), and their buffers stay with the kernel.
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
        if self.at_home().is_err() {
            return 0;
        }
        let inner = &self.inner;
        inner.shut_down.store(true, Ordering::Release);
        inner.limit.close();
        inner.open_files.close();
        let deadline = Instant::now() + patience;
        let backends: Vec<_> = inner.backends().collect();
        let done = Handoff::default();
        let (drained, limit) = (done.clone(), Arc::clone(&inner.limit));
        let error = operation::shut_down();
        let wait = move || {
            for backend in backends {
                backend.shutdown(deadline);
            }
            drained.give(limit.shared.abandon_all(&error));
        };
        match thread::Builder::new().name("caio-shutdown".to_owned()).spawn(wait) {
            Ok(_) => done.await,
            Err(_) => inner.limit.shared.abandon_all(&operation::shut_down()),
        }
    }

    #[inline]
    pub(crate) fn is_shut_down(&self) -> bool {
        self.inner.shut_down.load(Ordering::Acquire)
    }

    /// Refuses in a forked child, where nothing would ever complete and the locks may be held by
    /// threads that are not there. Costs a load.
    pub(crate) fn at_home(&self) -> Result<()> {
        self.inner.home.check()
    }

    /// How many of `bytes` the running task may do in place now; it is charged for them.
    #[inline]
    pub(crate) fn poll_budget(
        &self,
        cx: &mut task::Context<'_>,
        bytes: usize,
    ) -> task::Poll<usize> {
        // A read of nothing would look like the end of the file.
        self.inner.runtime.poll_budget(cx, bytes).map(|granted| granted.clamp(1, bytes.max(1)))
    }

    fn route(&self, file: Option<&SharedFile>, op: &Op) -> Route {
        route::route(self.inner.backend.capability(), self.inner.config.buffered_writes, file, op)
    }

    fn request(
        &self,
        file: Option<&SharedFile>,
        op: Op,
        permit: Permit<Ledger>,
        route: Route,
    ) -> (Request, Completion) {
        let inner = &self.inner;
        inner.counters().submitted(route != Route::Backend);
        let order = file.filter(|_| op.is_write()).map(|file| file.write_order().start());
        let (ticket, completion) = Ledger::pair(permit, order);
        (Request::new(op, file.cloned(), ticket), completion)
    }

    /// Offers requests to the backend of this route. What it hands back stays in the batch; what
    /// it cannot take at all is completed with its error.
    fn offer(&self, route: Route, batch: &mut [Option<Request>]) {
        if batch.is_empty() {
            return;
        }
        let inner = &self.inner;
        if route != Route::Backend || !inner.held.take(batch, inner) {
            inner.offer(self.backend_for(route), batch);
        }
    }

    /// Whether the running task, which waits for an operation on this route, is better woken by
    /// courier.
    fn wakes_by_courier(&self, route: Route) -> bool {
        let inner = &self.inner;
        (route != Route::Backend || inner.on_own_threads())
            && inner.limit.shared.courier.is_open()
            && inner.runtime.gathers_wakes()
    }

    fn backend_for(&self, route: Route) -> &Arc<dyn Backend> {
        match route {
            Route::Backend => &self.inner.backend,
            Route::Pool(_) => self.inner.pool(),
        }
    }
}

impl Inner {
    /// Lets the backend take what it can, and sees to it that somebody waits for the completions.
    fn offer(self: &Arc<Self>, backend: &Arc<dyn Backend>, batch: &mut [Option<Request>]) {
        let result = if self.shut_down.load(Ordering::Acquire) {
            Err(operation::shut_down())
        } else {
            backend.submit(batch)
        };
        match result {
            Ok(lanes) => {
                self.watches.ensure(lanes, backend, self, &*self.runtime);
                if lanes == Lanes::NONE {
                    self.open_courier();
                }
            }
            Err(error) => {
                for request in batch.iter_mut().filter_map(Option::take) {
                    request.complete(Err(std::io::Error::from(error.clone())));
                }
            }
        }
    }

    #[inline]
    fn counters(&self) -> &Counters {
        &self.limit.shared.counters
    }

    pub(crate) fn requests_in_flight(&self) -> usize {
        self.limit.in_flight().0
    }

    fn relay(&self) -> &Relay {
        &self.limit.shared.relay
    }

    /// Whether the backend completes requests on threads of its own.
    fn on_own_threads(&self) -> bool {
        matches!(self.info.backend, BackendKind::Thread | BackendKind::Rust)
    }

    /// Has the runtime watch the courier, where its tasks are better woken so.
    fn open_courier(self: &Arc<Self>) {
        let courier = &self.limit.shared.courier;
        if courier.is_closed() && self.runtime.gathers_wakes() {
            courier.open(|descriptor| {
                let source = Source::courier(descriptor, Arc::clone(courier));
                self.watches.keep_courier(self.runtime.watch(source).ok())
            });
        }
    }

    pub(crate) fn watch_ended(self: &Arc<Self>, lane: usize) {
        self.watches.ended(lane);
        if self.limit.in_flight().0 > 0 {
            let runtime = crate::runtime::NoRuntime;
            self.watches.ensure(Lanes::one(lane), &self.backend, self, &runtime);
        }
    }

    fn pool(&self) -> &Arc<dyn Backend> {
        self.pool.get_or_init(|| {
            let options = PoolOptions {
                name: "caio-pool".to_owned(),
                queue_max: self.config.max_requests,
                ..PoolOptions::from(&self.config)
            };
            select::open_pool(&options).expect("the limits were checked when they were set")
        })
    }

    fn backends(&self) -> impl Iterator<Item = Arc<dyn Backend>> {
        [Some(&self.backend), self.pool.get()].into_iter().flatten().cloned()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.home.is_current() {
            // Descriptors are shared with the parent: ending a watch here would end it there.
            self.backends().for_each(std::mem::forget);
            self.watches.forget();
        } else if self.limit.in_flight().0 > 0 {
            watch::bury(self.backends().collect());
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("backend", &self.inner.backend.kind())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
