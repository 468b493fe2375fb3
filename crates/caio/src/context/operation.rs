//! One operation from its limit to its outcome, as a future.

use std::ffi::OsStr;
use std::future::Future;
use std::os::unix::ffi::OsStrExt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use super::Context;
use crate::error::{Error, ErrorKind};
use crate::file::SharedFile;
use crate::limit::{Acquire, Permit};
use crate::op::{Op, OpKind};
use crate::request::Request;
use crate::route::{Reason, Route};
use crate::slot::{Completion, Ledger, Outcome};

/// An operation on its way. Made by [`Context::submit`].
///
/// It waits for its turn where the context is at a limit, goes to the backend or to the pool, and
/// is submitted again after EINTR or EAGAIN. A result may still be short: the loops that complete
/// transfers are [`Context::read`] and [`Context::write`].
///
/// # Cancel safety
/// Dropping it cancels the operation as far as possible. One that the kernel has begun may still
/// take effect; its buffer and its file stay alive until then.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # use doc::poll_once;
/// # let context = doc::served_by(doc::keep)?;
/// # let file = doc::file_with(b"")?;
/// use caio::{Op, Operation};
///
/// let mut operation: Operation = context.submit(Some(&file), Op::Fsync);
/// assert!(poll_once(&mut operation).is_none());
/// drop(operation);
/// assert_eq!(context.counters().cancelled, 1);
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[must_use = "an operation does nothing unless it is awaited"]
pub struct Operation {
    context: Context,
    file: Option<SharedFile>,
    course: Course,
}

/// The same for whoever keeps the context and the file meanwhile: that spares counting their
/// users, on cache lines which all threads share.
#[derive(Debug)]
pub(super) struct Brief<'a> {
    with: With<'a>,
    course: Course,
}

/// What an operation works with.
#[derive(Debug, Clone, Copy)]
struct With<'a> {
    context: &'a Context,
    file: Option<&'a SharedFile>,
}

/// How far an operation has come.
#[derive(Debug)]
struct Course {
    state: State,
    /// A route that was found out the hard way, for this operation only.
    route: Option<Route>,
    retries: u32,
}

#[derive(Debug)]
enum State {
    Waiting { acquire: Acquire<Ledger>, op: Op },
    HandedBack { request: Request, completion: Completion, route: Route },
    Submitted { completion: Completion, route: Route },
    Done,
}

/// One step on the way: to the next state, or to the end.
enum Step {
    Go(State),
    End(Outcome),
}

/// Times that one operation is submitted again before its error is believed. EAGAIN changes the
/// route at once, so that only a storm of signals or of exiting threads comes near.
const RETRIES_MAX: u32 = 1000;

impl Operation {
    pub(super) fn new(context: &Context, file: Option<&SharedFile>, op: Op) -> Self {
        Self { context: context.clone(), file: file.cloned(), course: Course::new(context, op) }
    }

    /// An operation that was offered already: `request` is what the backend handed back, if it
    /// did.
    pub(super) fn offered(
        context: &Context,
        file: Option<&SharedFile>,
        request: Option<Request>,
        completion: Completion,
        route: Route,
    ) -> Self {
        let state = match request {
            None => State::Submitted { completion, route },
            Some(request) => State::HandedBack { request, completion, route },
        };
        Self { context: context.clone(), file: file.cloned(), course: Course::at(state) }
    }
}

impl<'a> Brief<'a> {
    pub(super) fn new(context: &'a Context, file: Option<&'a SharedFile>, op: Op) -> Self {
        Self { with: With { context, file }, course: Course::new(context, op) }
    }
}

impl Future for Operation {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let Self { context, file, course } = &mut *self;
        course.poll(With { context, file: file.as_ref() }, cx)
    }
}

impl Future for Brief<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        let with = self.with;
        self.course.poll(with, cx)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.course.leave(&self.context);
    }
}

impl Drop for Brief<'_> {
    fn drop(&mut self) {
        self.course.leave(self.with.context);
    }
}

impl Course {
    fn new(context: &Context, op: Op) -> Self {
        let acquire = context.inner.limit.acquire(op.length());
        Self::at(State::Waiting { acquire, op })
    }

    fn at(state: State) -> Self {
        Self { state, route: None, retries: 0 }
    }

    fn poll(&mut self, with: With<'_>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
        if let Err(error) = with.context.at_home() {
            return Poll::Ready(self.strand(with, error));
        }
        loop {
            match self.step(with, cx) {
                Poll::Ready(Step::End(outcome)) => return Poll::Ready(outcome),
                Poll::Ready(Step::Go(next)) => self.state = next,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Cancels what is under way; nobody waits for it any more.
    fn leave(&mut self, context: &Context) {
        let state = std::mem::replace(&mut self.state, State::Done);
        if context.at_home().is_err() {
            std::mem::forget(state);
        } else if let State::Submitted { completion, route } = state {
            if let Some(token) = completion.abandon() {
                context.inner.counters().cancelled();
                context.backend_for(route).cancel(token);
            } else {
                context.inner.relay().seen();
            }
            completion.put_back(&context.inner.limit.shared);
        }
    }

    fn submit(&mut self, with: With<'_>, permit: Permit<Ledger>, op: Op) -> State {
        let With { context, file } = with;
        let route = self.route.unwrap_or_else(|| context.route(file, &op));
        let (request, completion) = context.request(file, op, permit, route);
        offer(context, request, completion, route)
    }

    /// What to do about an outcome: deliver it, or go round again.
    fn judge(&mut self, with: With<'_>, mut outcome: Outcome, route: Route) -> Step {
        if let Some(op) = outcome.op.take() {
            let errno = outcome.result.as_ref().err().and_then(Error::raw_os_error);
            let next = errno.and_then(|errno| self.next_route(with, errno, op.kind(), route));
            if let Some(next) = next {
                with.context.inner.counters().retried();
                self.retries += 1;
                self.route = Some(next);
                let acquire = with.context.inner.limit.acquire(op.length());
                return Step::Go(State::Waiting { acquire, op });
            }
            outcome.result = outcome.result.map_err(|error| with.describe(error, &op));
            outcome.op = Some(op);
        }
        Step::End(outcome)
    }

    /// The route for another try after this errno, if there is to be one.
    fn next_route(&self, with: With<'_>, errno: i32, kind: OpKind, route: Route) -> Option<Route> {
        let is_sync = matches!(kind, OpKind::Fsync | OpKind::Fdatasync);
        let on_backend = route == Route::Backend;
        match errno {
            _ if self.retries >= RETRIES_MAX || with.context.is_shut_down() => None,
            // Nobody asked for it: the kernel cancels what an exiting thread had submitted.
            libc::ECANCELED => Some(route),
            // A sync that failed is never tried again, however harmless its errno looks.
            libc::EINTR if !is_sync => Some(route),
            // A thread can wait for what the backend found not to be ready.
            libc::EAGAIN if !is_sync && on_backend => Some(Route::Pool(Reason::Refused)),
            libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL if on_backend => {
                Some(Route::Pool(Reason::Refused))
            }
            _ => None,
        }
    }

    fn step(&mut self, with: With<'_>, cx: &mut TaskContext<'_>) -> Poll<Step> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Waiting { acquire, op } if self.yields(with, cx, &op) => {
                self.stay(State::Waiting { acquire, op })
            }
            State::Waiting { mut acquire, op } => match Pin::new(&mut acquire).poll(cx) {
                Poll::Ready(Some(permit)) => Poll::Ready(Step::Go(self.submit(with, permit, op))),
                Poll::Ready(None) => {
                    let error = with.describe(shut_down(), &op);
                    Poll::Ready(Step::End(Outcome::failed(error, op)))
                }
                Poll::Pending => self.stay(State::Waiting { acquire, op }),
            },
            State::HandedBack { request, completion, route } => {
                let release_will_come = with.context.inner.limit.wake_on_release(cx.waker());
                match offer(with.context, request, completion, route) {
                    state @ State::HandedBack { .. } => {
                        if !release_will_come {
                            cx.waker().wake_by_ref();
                        }
                        self.stay(state)
                    }
                    state => Poll::Ready(Step::Go(state)),
                }
            }
            State::Submitted { completion, route } => {
                match completion.poll_answer(cx, with.context.wakes_by_courier(route)) {
                    Poll::Ready(outcome) => {
                        with.context.inner.relay().seen();
                        completion.put_back(&with.context.inner.limit.shared);
                        Poll::Ready(self.judge(with, outcome, route))
                    }
                    Poll::Pending => self.stay(State::Submitted { completion, route }),
                }
            }
            State::Done => unreachable!("an operation is not polled after it is ready"),
        }
    }

    /// Ends in a forked child. What is shared with the backend is left alone: its other side is in
    /// the parent.
    fn strand(&mut self, with: With<'_>, error: Error) -> Outcome {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Waiting { acquire, op } => {
                std::mem::forget(acquire);
                Outcome::failed(with.describe(error, &op), op)
            }
            other => {
                std::mem::forget(other);
                Outcome { result: Err(error), op: None }
            }
        }
    }

    /// Whether others are to run first. What the page cache has completes within the submission, so
    /// that a task could go on for ever without this. Who waits for a device or for another thread
    /// lets others run anyway.
    fn yields(&self, with: With<'_>, cx: &mut TaskContext<'_>, op: &Op) -> bool {
        let With { context, file } = with;
        let waits = file.is_some_and(|file| file.is_direct())
            || context.inner.on_own_threads()
            || self.route.unwrap_or_else(|| context.route(file, op)) != Route::Backend;
        !waits && context.poll_budget(cx, op.length()).is_pending()
    }

    fn stay(&mut self, state: State) -> Poll<Step> {
        self.state = state;
        Poll::Pending
    }
}

impl With<'_> {
    fn describe(&self, error: Error, op: &Op) -> Error {
        let seekable = self.file.is_none_or(SharedFile::is_seekable);
        let error = match op.offset() {
            Some(offset) if seekable => error.during(op.kind()).at(offset),
            _ => error.during(op.kind()),
        };
        match (self.file, op) {
            (Some(file), _) => error.on(file.path()),
            (None, Op::Open { path, .. } | Op::ReadFile { path }) => {
                error.on(OsStr::from_bytes(path.as_bytes()).as_ref())
            }
            (None, _) => error,
        }
    }
}

fn offer(context: &Context, request: Request, completion: Completion, route: Route) -> State {
    let mut batch = [Some(request)];
    context.offer(route, &mut batch);
    match batch {
        [None] => State::Submitted { completion, route },
        [Some(request)] => State::HandedBack { request, completion, route },
    }
}

pub(super) fn shut_down() -> Error {
    Error::new(ErrorKind::Shutdown, "the context was shut down")
        .hint("open the file with another context")
}
