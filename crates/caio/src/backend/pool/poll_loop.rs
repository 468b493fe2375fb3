//! What may have to wait for ever: reads and writes of streams, all in one poll(2), and FIFOs that
//! no process reads from yet. None of them takes a thread of the pool.
//!
//! The thread of the poll loop starts with the first such request and ends when there was none for
//! a while.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::fd_queue::FdQueues;
use super::{Shared, copy};
use crate::error::{Error, ErrorKind};
use crate::file::FileClass;
use crate::op::Output;
use crate::request::{Request, Token};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard, lock, now, planted};
use crate::sys::notifier::Notifier;
use crate::worker_thread;

/// How long ending what is left may take after the deadline of a shutdown: it is only telling.
const LAST_ANSWERS: Duration = Duration::from_millis(50);

/// How long to wait for the reader of a FIFO before the next try: twice as long each time.
const DELAY_MIN: Duration = Duration::from_millis(5);
const DELAY_MAX: Duration = Duration::from_millis(50);

/// What a pool and the thread of its poll loop share.
#[derive(Debug, Default)]
pub(super) struct PollLoop {
    inbox: Mutex<Inbox>,
    /// Whether something was queued and the thread not told yet.
    is_queued: AtomicBool,
}

#[derive(Debug, Default)]
struct Inbox {
    /// Requests that the thread has not seen yet.
    requests: Vec<(Token, Request)>,
    retries: Vec<Retry>,
    /// Tokens of requests whose answers are not wanted any more.
    cancelled: Vec<Token>,
    /// Requests that came in and have not gone.
    held: usize,
    /// The token that was given last. 0 is no request's.
    last: u64,
    ending: Ending,
    /// Gets the thread out of poll(2); there while the thread runs.
    notifier: Option<Arc<Notifier>>,
}

/// A request that waits for the reader of a FIFO.
#[derive(Debug)]
struct Retry {
    token: Token,
    request: Request,
    delay: Duration,
    due: Instant,
}

/// What still may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Ending {
    /// Everything.
    #[default]
    No,
    /// Writes, which others count on. What else is not ready ends: when it will be is unknown.
    AllButWrites,
    /// Nothing.
    All,
}

impl PollLoop {
    /// Whether this is the place for a fresh request. A read of nothing never waits.
    pub(super) fn concerns(request: &Request) -> bool {
        let op = request.op();
        request.file().is_some_and(|file| file.class() == FileClass::Stream)
            && (op.is_write() || op.length() > 0)
    }
}

impl Shared {
    /// Takes a request that waits for a stream. It is begun when it is committed.
    pub(super) fn wait_for_stream(&self, request: Request) {
        self.take(request, |inbox, token, request| inbox.requests.push((token, request)));
    }

    /// Takes a request that has waited for `delay` for the reader of a FIFO, to wait on.
    pub(super) fn wait_for_reader(self: &Arc<Self>, request: Request, delay: Duration) {
        let delay = (2 * delay).clamp(DELAY_MIN, DELAY_MAX);
        let due = now() + delay;
        self.take(request, |inbox, token, request| {
            inbox.retries.push(Retry { token, request, delay, due });
        });
        self.commit_streams();
    }

    /// Has the thread look at what was queued.
    pub(super) fn commit_streams(self: &Arc<Self>) {
        let is_queued = &self.poll_loop.is_queued;
        if is_queued.load(Ordering::Acquire) && is_queued.swap(false, Ordering::AcqRel) {
            self.call(self.inbox());
        }
    }

    /// Ends the request of that token early, if it is one of these and still waits.
    pub(super) fn cancel_stream(self: &Arc<Self>, token: Token) {
        let mut inbox = self.inbox();
        if token != Token(0) && inbox.held > 0 {
            inbox.cancelled.push(token);
            self.call(inbox);
        }
    }

    /// The last part of a pool's shutdown: waits for all that is pending in the pool. Reads whose
    /// bytes are not there yet end at once, since it is unknown when they come; writes get until
    /// the deadline.
    pub(super) fn end_streams_by(self: &Arc<Self>, deadline: Instant) -> usize {
        self.end(Ending::AllButWrites);
        let pending = self.pending.wait(deadline);
        if pending > 0 && self.end(Ending::All) {
            return self.pending.wait(now() + LAST_ANSWERS);
        }
        pending
    }

    /// Ends everything.
    pub(super) fn end_streams(self: &Arc<Self>) {
        self.end(Ending::All);
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.poll_loop.inbox)
    }

    fn take(&self, request: Request, put: impl FnOnce(&mut Inbox, Token, Request)) {
        let mut inbox = self.inbox();
        inbox.last += 1;
        let token = Token(inbox.last);
        request.set_token(token);
        if request.is_cancelled() {
            drop(inbox);
            return self.complete(request, Err(Errno::ECANCELED.into()));
        }
        inbox.held += 1;
        put(&mut inbox, token, request);
        self.poll_loop.is_queued.store(true, Ordering::Release);
    }

    /// Has the thread look into the inbox, in which something is. Where it runs no more and cannot
    /// be started, what is in the inbox fails.
    fn call(self: &Arc<Self>, mut inbox: MutexGuard<'_, Inbox>) {
        if let Some(notifier) = inbox.notifier.clone() {
            drop(inbox);
            return notifier.notify();
        }
        let Err(error) = self.start_poll_thread(&mut inbox) else { return };
        let requests = std::mem::take(&mut inbox.requests);
        let retries = std::mem::take(&mut inbox.retries);
        inbox.cancelled.clear();
        inbox.held = 0;
        drop(inbox);
        let requests = requests.into_iter().map(|(_, request)| request);
        for request in requests.chain(retries.into_iter().map(|retry| retry.request)) {
            self.complete(request, Err(copy(&error)));
        }
    }

    fn start_poll_thread(self: &Arc<Self>, inbox: &mut Inbox) -> io::Result<()> {
        let notifier = Arc::new(Notifier::new()?);
        // There is something in the inbox already.
        notifier.notify();
        let (shared, own) = (Arc::clone(self), Arc::clone(&notifier));
        (self.spawn)(&format!("{}-poll", self.name), Box::new(move || shared.poll(&own)))?;
        inbox.notifier = Some(notifier);
        Ok(())
    }

    /// Returns whether there was anything to end.
    fn end(self: &Arc<Self>, ending: Ending) -> bool {
        let mut inbox = self.inbox();
        inbox.ending = inbox.ending.max(ending);
        let is_held = inbox.held > 0;
        if is_held || inbox.notifier.is_some() {
            self.call(inbox);
        }
        is_held
    }

    /// The life of the thread.
    fn poll(self: &Arc<Self>, notifier: &Notifier) {
        worker_thread::block_signals();
        let (mut queues, mut retries) = (FdQueues::default(), Vec::new());
        let mut idle_timeout = self.idle_timeout;
        loop {
            let timeout = due_in(&retries).or_else(|| queues.is_empty().then_some(idle_timeout));
            let (happened, ready) = queues.poll(Some(notifier), timeout);
            notifier.clear();
            queues.advance(&ready, |request, result| self.answer(request, result));
            let is_idle = !happened && queues.is_empty() && retries.is_empty();
            let Some(mut work) = self.collect(is_idle) else { return };
            work.requests.into_iter().for_each(|(token, request)| queues.push(token, request));
            retries.append(&mut work.retries);
            for token in work.cancelled {
                let retry = retries.extract_if(.., |retry| retry.is_cancelled(token)).next();
                let retry = retry.map(|retry| retry.request);
                if let Some(request) = retry.or_else(|| queues.remove_cancelled(token)) {
                    self.answer(request, Err(Errno::ECANCELED.into()));
                }
            }
            match work.ending {
                Ending::No => self.resume(&mut retries),
                ending => {
                    idle_timeout = Duration::ZERO;
                    self.finish(&mut queues, &mut retries, ending == Ending::All);
                }
            }
        }
    }

    /// What came in; `None` where the thread is to end instead, with nothing to wait for.
    fn collect(&self, is_idle: bool) -> Option<Work> {
        let mut inbox = self.inbox();
        let is_empty = inbox.held == 0 || planted("poll_loop");
        if is_empty && (is_idle || inbox.ending != Ending::No) {
            inbox.notifier = None;
            inbox.cancelled.clear();
            return None;
        }
        Some(Work {
            requests: std::mem::take(&mut inbox.requests),
            retries: std::mem::take(&mut inbox.retries),
            cancelled: std::mem::take(&mut inbox.cancelled),
            ending: inbox.ending,
        })
    }

    /// Gives back to the pool what has waited for long enough: a path may lead to where nothing
    /// answers, which this thread must not wait for.
    fn resume(self: &Arc<Self>, retries: &mut Vec<Retry>) {
        let now = now();
        for Retry { request, delay, .. } in retries.extract_if(.., |retry| retry.due <= now) {
            self.inbox().held -= 1;
            self.push(request, delay);
            self.release(self.lock());
        }
    }

    /// Answers what can be answered now, and ends what is not to wait on.
    fn finish(&self, queues: &mut FdQueues, retries: &mut Vec<Retry>, all: bool) {
        let answer = |request, result| self.answer(request, result);
        while queues.advance(&queues.poll(None, Some(Duration::ZERO)).1, answer) {}
        let over = queues.drain(all).into_iter();
        let over = over.chain(retries.drain(..).map(|retry| retry.request));
        over.for_each(|request| answer(request, Err(ended())));
    }

    /// Completes a request that the thread had.
    fn answer(&self, request: Request, result: io::Result<Output>) {
        self.inbox().held -= 1;
        self.complete(request, result);
    }
}

impl Retry {
    fn is_cancelled(&self, token: Token) -> bool {
        self.token == token && self.request.is_cancelled()
    }
}

/// The time until the next of these is due.
fn due_in(retries: &[Retry]) -> Option<Duration> {
    let due = retries.iter().map(|retry| retry.due).min()?;
    Some(due.saturating_duration_since(now()))
}

/// What the thread finds in its inbox.
struct Work {
    requests: Vec<(Token, Request)>,
    retries: Vec<Retry>,
    cancelled: Vec<Token>,
    ending: Ending,
}

fn ended() -> io::Error {
    let message = "the pool of threads was shut down before the other end was ready";
    Error::new(ErrorKind::Shutdown, message).into()
}
