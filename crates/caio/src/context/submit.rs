//! A request from its acceptance to its end: it waits for room, is handed to a backend, is
//! submitted again or ends, and makes room for the next.
//!
//! All of it happens on whichever thread accepts or completes a request. Nothing here waits for a
//! future to be polled.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Inner;
use super::driver::bits;
use crate::backend::QueueId;
use crate::completion::Receiver;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{Begin, Deferred, NoPlace, SharedFile, SyncRun};
use crate::layer::Attempt;
use crate::op::{Op, OpKind, Output};
use crate::request::{Finished, Owner, Reply, Request, Room};
use crate::route::{self, Route};
use crate::semaphore::{Admitted, Semaphore};
use crate::sync::atomic::Ordering;
use crate::sync::{lock, planted};

/// How often one operation is submitted again before its error is believed. EAGAIN changes the
/// route at once, so that only a storm of signals or of exiting threads comes near.
const RETRIES_MAX: u32 = 1000;

/// The most requests that are committed together: what waits behind them for the same commit is
/// not kept from the device for long.
const BATCH_MAX: usize = 64;

/// What was queued and is to be committed.
#[derive(Debug, Default)]
pub(super) struct Batch {
    queues: u64,
    pool: bool,
    len: usize,
}

impl Inner {
    /// Accepts an operation: it is the engine's from here on.
    ///
    /// # Errors
    /// After the shutdown; then the operation comes back.
    pub(super) fn accept(
        self: &Arc<Self>,
        file: Option<&SharedFile>,
        op: Op,
        attempt: Option<Arc<Attempt>>,
        batch: &mut Batch,
    ) -> Result<Receiver, (Error, Op)> {
        if let Err(error) = self.pending.enter() {
            attempt.iter().for_each(|attempt| attempt.end(&Err(error.clone()), None, true));
            return Err((error, op));
        }
        let (request, receiver) = self.request(file, op, attempt);
        match request.kind() {
            OpKind::Open | OpKind::ReadFile => self.start_opening(request, batch),
            // It would cut off what a write under way is to write, or be undone by it.
            OpKind::SetLength => self.start_after_writes(request, batch),
            _ => self.start(request, batch),
        }
        Ok(receiver)
    }

    /// As [`accept`](Self::accept), if there is room now; else the operation comes back.
    pub(super) fn try_accept(
        self: &Arc<Self>,
        file: &SharedFile,
        op: Op,
        attempt: Option<Arc<Attempt>>,
        batch: &mut Batch,
    ) -> Result<Receiver, Op> {
        if !self.transfers.try_acquire(op.length()) {
            return Err(op);
        }
        if self.pending.enter().is_err() {
            self.release(Room::Transfer(op.length()));
            return Err(op);
        }
        let (mut request, receiver) = self.request(Some(file), op, attempt);
        request.admitted();
        self.hand_over(request, batch);
        Ok(receiver)
    }

    /// Accepts a sync of the file, which begins when its run does.
    ///
    /// # Errors
    /// After the shutdown.
    pub(super) fn accept_sync(self: &Arc<Self>, file: &SharedFile) -> Result<Box<dyn Begin>> {
        self.pending.enter()?;
        Ok(Box::new(AcceptedSync { context: Some(Arc::clone(self)), file: file.clone() }))
    }

    /// Begins a sync. What comes of it, the file is told and all that wait for the run.
    fn begin_sync(self: &Arc<Self>, file: &SharedFile, run: &Arc<SyncRun>) {
        let op = if run.is_data_only() { Op::Fdatasync } else { Op::Fsync };
        let (file, reply) = (Some(file.clone()), Reply::Sync(Arc::clone(run)));
        let route = self.route(file.as_ref(), &op);
        run.goes(route);
        self.metrics.submitted(route == Route::Pool);
        let request = Request::new(op, file, self.owner(), reply, route);
        let mut batch = Batch::default();
        self.start_after_writes(request, &mut batch);
        self.commit(batch);
    }

    /// Has everything begun that was queued. It does not reap: the calling task would wake others
    /// in the middle of its own work, and a runtime may keep such a one until that work is done.
    pub(super) fn commit(&self, batch: Batch) {
        for queue in bits(batch.queues).map(QueueId) {
            self.backend.commit(queue);
        }
        if batch.pool
            && let Some(pool) = self.pool.get()
        {
            pool.commit(QueueId(0));
        }
    }

    /// Completes what is ready on a queue of the backend, and admits what waits for the room.
    pub(super) fn collect(self: &Arc<Self>, queue: QueueId) -> usize {
        let scope = Reaping::begin(self);
        let completed = self.backend.reap(queue);
        drop(scope);
        completed
    }

    /// Hands over what waits, as far as there is room. One thread at a time does so; others that
    /// come meanwhile leave it to that one, which also keeps completions within a commit from
    /// nesting.
    pub(super) fn admit(self: &Arc<Self>) {
        if !self.semaphores().into_iter().any(Semaphore::has_waiters) {
            return;
        }
        if self.admitting.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        loop {
            let asked = self.admitting.load(Ordering::Acquire);
            loop {
                let mut batch = Batch::default();
                let cancelled = self.admit_into(&mut batch);
                if batch.len == 0 && cancelled == 0 {
                    break;
                }
                self.commit(batch);
            }
            let others = self.admitting.fetch_sub(asked, Ordering::AcqRel) > asked;
            if !others || planted("context_admission") {
                return;
            }
        }
    }

    /// A future has gone whose request no backend has yet: it need not wait on.
    pub(super) fn drop_cancelled(&self) {
        let mut gone: Vec<_> =
            self.semaphores().into_iter().flat_map(Semaphore::cancelled).collect();
        gone.extend(lock(&self.opening).extract_if(.., |request| request.is_cancelled()));
        gone.into_iter().for_each(cancelled);
    }

    /// Requests that wait for room, for a place among the open files or for writes before them.
    pub(super) fn not_handed_over(&self) -> usize {
        let with_room: usize = self.semaphores().iter().map(|one| one.in_use().0).sum();
        self.pending.count().saturating_sub(with_room)
    }

    /// Goes on with what waits for a place among the open files.
    pub(super) fn resume_opening(self: &Arc<Self>) {
        let mut batch = Batch::default();
        let waiting = std::mem::take(&mut *lock(&self.opening));
        for request in waiting {
            self.start_opening(request, &mut batch);
        }
        self.commit(batch);
    }

    pub(super) fn semaphores(&self) -> [&Semaphore<Request>; 3] {
        [&self.transfers, &self.streams, &self.others]
    }

    fn request(
        self: &Arc<Self>,
        file: Option<&SharedFile>,
        op: Op,
        attempt: Option<Arc<Attempt>>,
    ) -> (Request, Receiver) {
        let route = self.route(file, &op);
        self.metrics.submitted(route == Route::Pool);
        let (sender, receiver) = self.channels.open();
        let reply = Reply::Future(sender);
        let mut request = Request::new(op, file.cloned(), self.owner(), reply, route);
        request.set_attempt(attempt);
        (request, receiver)
    }

    fn owner(self: &Arc<Self>) -> Arc<dyn Owner> {
        Arc::clone(self) as Arc<dyn Owner>
    }

    fn semaphore(&self, room: Room) -> &Semaphore<Request> {
        match room {
            Room::Transfer(_) => &self.transfers,
            Room::Stream => &self.streams,
            Room::Other => &self.others,
        }
    }

    /// Takes room for the request and hands it over, or lets it wait for that.
    fn start(&self, request: Request, batch: &mut Batch) {
        if let Some(mut request) = self.semaphore(request.room()).acquire(request) {
            request.admitted();
            self.hand_over(request, batch);
        }
    }

    fn start_opening(&self, mut request: Request, batch: &mut Batch) {
        loop {
            if request.is_cancelled() {
                return cancelled(request);
            }
            match self.open_files.try_open() {
                Ok(place) => {
                    request.set_place(place);
                    return self.start(request, batch);
                }
                Err(NoPlace::UntilOneIsClosed) => {
                    return request.refuse(all_held(self.open_files.max()));
                }
                Err(NoPlace::Now) => {
                    lock(&self.opening).push(request);
                    // A place that came back in between was not announced.
                    match self.open_files.try_open() {
                        _ if planted("opening") => return,
                        Err(NoPlace::Now) => return,
                        place => drop(place),
                    }
                    let first = lock(&self.opening).extract_if(.., |_| true).next();
                    match first {
                        Some(first) => request = first,
                        None => return,
                    }
                }
            }
        }
    }

    fn start_after_writes(self: &Arc<Self>, request: Request, batch: &mut Batch) {
        let Some(file) = request.file().cloned() else { return self.start(request, batch) };
        let deferred = AfterWrites { context: Arc::clone(self), request };
        if let Some(now) = file.writes().barrier(Box::new(deferred)) {
            now.run();
        }
    }

    fn hand_over(&self, request: Request, batch: &mut Batch) {
        batch.len += 1;
        match request.route() {
            Route::Backend => {
                let QueueId(queue) = self.backend.queue(request);
                batch.queues |= 1 << (queue % QueueId::MAX);
                self.driver.uses(queue % QueueId::MAX);
            }
            Route::Pool => {
                self.pool().queue(request);
                batch.pool = true;
            }
        }
    }

    /// Hands over one batch of what has room now. Returns how many cancelled ones it ended.
    fn admit_into(&self, batch: &mut Batch) -> usize {
        let mut ended = 0;
        for semaphore in self.semaphores() {
            while batch.len < BATCH_MAX
                && let Some(Admitted { mut waiter, has_room }) = semaphore.admit()
            {
                if has_room {
                    waiter.admitted();
                    self.hand_over(waiter, batch);
                } else {
                    cancelled(waiter);
                    ended += 1;
                }
            }
        }
        ended
    }

    fn release(self: &Arc<Self>, room: Room) {
        let waits = self.semaphore(room).release(room.bytes());
        // A thread that reaps admits for all that it completes, when it is done.
        if waits && self.reaping.load(Ordering::SeqCst) == 0 {
            self.admit();
        }
    }

    /// Notes in the file how its sync ended, tells all that wait for it, and begins the next one.
    fn end_sync(self: &Arc<Self>, file: &SharedFile, run: &Arc<SyncRun>, result: Result<()>) {
        let result = result.map_err(|error| match error.raw_os_error() {
            Some(errno) if is_loss(errno) => {
                file.fail_sync(errno);
                lost(error)
            }
            _ => error,
        });
        run.end(result);
        while let Some((next, begin)) = file.syncs().next() {
            match file.sync_error() {
                // Nothing asks the system again after a failure.
                Some(error) => next.end(Err(lost(Error::system(error)))),
                None => return begin.begin(&next),
            }
        }
    }
}

impl Owner for Inner {
    fn retry(self: Arc<Self>, mut request: Request, errno: i32) -> Option<Request> {
        let next = route::after(request.route(), request.kind(), errno);
        match next {
            Some(route) if request.count_retry(RETRIES_MAX, route) => {
                self.metrics.retried();
                self.again(request);
                None
            }
            _ => Some(request),
        }
    }

    fn finish(self: Arc<Self>, finished: Finished) {
        let Finished { outcome, kind, file, reply, room, write, place, attempt } = finished;
        let deferred = match (&file, write) {
            (Some(file), Some(number)) => file.writes().finish(number),
            _ => Vec::new(),
        };
        if let (Ok(Output::File(opened)), Some(place)) = (&outcome.result, place) {
            opened.keep_place(place);
        }
        self.metrics.completed(kind, &outcome);
        if let Some((attempt, route, is_wanted)) = attempt {
            let failure = match &outcome.op {
                Some(Op::Run { job }) => job.failure().cloned(),
                _ => None,
            };
            match failure {
                Some(error) => attempt.end(&Err(error), Some(route), is_wanted),
                None => attempt.end(&outcome.result, Some(route), is_wanted),
            }
        }
        let sync = match reply {
            Reply::Future(sender) => {
                // The file goes before its task is woken, so that a close after the last operation
                // really closes.
                drop(file);
                room.into_iter().for_each(|room| self.release(room));
                // What is not wanted is dropped here, and with it what the user put into it.
                let send = || sender.send(outcome, &self.channels);
                let _ = catch_unwind(AssertUnwindSafe(send));
                None
            }
            Reply::Sync(run) => {
                room.into_iter().for_each(|room| self.release(room));
                Some((run, outcome)).zip(file)
            }
        };
        if let Some(((run, outcome), file)) = sync {
            let result = outcome.result.map(drop);
            let result = result.map_err(|error| error.during(kind).on(file.path()));
            self.end_sync(&file, &run, result);
        }
        deferred.into_iter().for_each(Deferred::run);
        self.pending.leave();
    }
}

impl Inner {
    /// Submits a request again that has kept its room.
    fn again(self: Arc<Self>, request: Request) {
        lock(&self.retries).push(request);
        if self.resubmitting.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        loop {
            let asked = self.resubmitting.load(Ordering::Acquire);
            let requests = std::mem::take(&mut *lock(&self.retries));
            let mut batch = Batch::default();
            requests.into_iter().for_each(|request| self.hand_over(request, &mut batch));
            self.commit(batch);
            if self.resubmitting.fetch_sub(asked, Ordering::AcqRel) == asked {
                return;
            }
        }
    }
}

/// A sync that was accepted and has not begun.
#[derive(Debug)]
struct AcceptedSync {
    /// `None` once it has begun.
    context: Option<Arc<Inner>>,
    file: SharedFile,
}

impl Begin for AcceptedSync {
    fn begin(mut self: Box<Self>, run: &Arc<SyncRun>) {
        if let Some(context) = self.context.take() {
            context.begin_sync(&self.file, run);
        }
    }
}

impl Drop for AcceptedSync {
    fn drop(&mut self) {
        // It will not begin, since no future waits for it any more.
        self.context.iter().for_each(|context| context.pending.leave());
    }
}

/// An operation that waits for the writes before it.
#[derive(Debug)]
struct AfterWrites {
    context: Arc<Inner>,
    request: Request,
}

impl Deferred for AfterWrites {
    fn is_cancelled(&self) -> bool {
        self.request.is_cancelled()
    }

    fn run(self: Box<Self>) {
        let Self { context, request } = *self;
        let mut batch = Batch::default();
        context.start(request, &mut batch);
        context.commit(batch);
    }
}

/// While it lives, completions leave admitting to the thread that reaps them.
struct Reaping<'a>(&'a Arc<Inner>);

impl<'a> Reaping<'a> {
    fn begin(context: &'a Arc<Inner>) -> Self {
        context.reaping.fetch_add(1, Ordering::SeqCst);
        Self(context)
    }
}

impl Drop for Reaping<'_> {
    fn drop(&mut self) {
        if planted("context_reaping") {
            self.0.admit();
        }
        // Whoever saw the count has released its room before this.
        self.0.reaping.fetch_sub(1, Ordering::SeqCst);
        if !planted("context_reaping") {
            self.0.admit();
        }
    }
}

fn cancelled(request: Request) {
    let message = "it was cancelled before it began, since its future was dropped";
    request.refuse(Error::new(ErrorKind::Cancelled, message));
}

fn all_held(max: usize) -> Error {
    Error::system(io::Error::from_raw_os_error(libc::EMFILE)).hint(format!(
        "all {max} files that the context may have open (max_open_files) are open, and only \
         closing one of them would end the wait: close one first, or raise max_open_files"
    ))
}

/// Whether an errno of a sync means that data may be lost, and not merely that this file cannot be
/// synced.
fn is_loss(errno: i32) -> bool {
    // What macOS answers where a file has no F_FULLFSYNC; on Linux the one is EOPNOTSUPP by
    // another name, and the other no answer to a sync.
    let is_unsupported = errno == libc::ENOTSUP || errno == libc::ENOTTY;
    let is_harmless = matches!(
        errno,
        libc::EINVAL
            | libc::EBADF
            | libc::EROFS
            | libc::ENOSYS
            | libc::EOPNOTSUPP
            | libc::ECANCELED
            | libc::EINTR
    );
    !is_unsupported && !is_harmless
}

pub(super) fn lost(error: Error) -> Error {
    error.hint("written data may be lost, and syncing again would not tell: write it all again")
}
