//! What the handles of a writer share with the one that writes.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use aiofile::Context;
use caio::{Error, ErrorKind, WakerSet};
use futures_util::future::BoxFuture;

use super::options::Settings;
use super::state::{Due, State, Step};
use crate::driven::Driven;

pub(super) struct Shared {
    pub(super) context: Context,
    pub(super) settings: Settings,
    /// As the user named it.
    pub(super) path: PathBuf,
    state: Mutex<State>,
    /// Those that wait for something to become of what is queued. None holds anything that another
    /// one waits for.
    waiting: WakerSet,
    /// The one that writes.
    writing: OnceLock<Arc<Driven>>,
}

/// A time for which the writing waits.
type Delay = Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>;

impl Shared {
    pub(super) fn new(context: Context, settings: Settings, path: PathBuf, state: State) -> Self {
        let (state, waiting) = (Mutex::new(state), WakerSet::default());
        Self { context, settings, path, state, waiting, writing: OnceLock::new() }
    }

    /// Has this future do the writing. It holds the `Shared` and is dropped when it is over.
    pub(super) fn begin(&self, writing: BoxFuture<'static, ()>) {
        self.writing.get_or_init(|| Driven::new(writing)).run();
    }

    /// Looks at the state or changes it, and calls the writing if that has something to do then.
    pub(super) fn with<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let value = access(&mut state);
        let is_called = state.takes_call();
        drop(state);
        if is_called && let Some(writing) = self.writing.get() {
            writing.run();
        }
        value
    }

    /// The same, where those that wait have to look again.
    pub(super) fn tell<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        let value = self.with(access);
        self.waiting.wake_all();
        value
    }

    /// Waits until there is an answer. Nothing is held meanwhile.
    pub(super) async fn wait_for<T>(&self, mut answer: impl FnMut(&mut State) -> Option<T>) -> T {
        let (mut slot, mut waits) = (self.waiting.slot(), None);
        poll_fn(|cx| {
            if let Some(value) = self.with(&mut answer) {
                return Poll::Ready(value);
            }
            slot.register(cx.waker());
            let value = self.with(&mut answer);
            if value.is_none() && waits.is_none() {
                waits = self.context.waits();
            }
            value.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Lets other tasks run, now and then.
    pub(super) async fn proceed(&self, bytes: usize) {
        poll_fn(|cx| self.context.poll_proceed(cx, bytes)).await;
    }

    /// Waits until there is something to do.
    pub(super) async fn next(&self) -> Step {
        let mut delay = None;
        poll_fn(|cx| self.poll_next(cx, &mut delay)).await
    }

    /// The writing is over.
    pub(super) fn end(&self, result: caio::Result<()>) {
        self.tell(|state| {
            state.ended.get_or_insert(result);
        });
    }

    fn poll_next(&self, cx: &mut TaskContext<'_>, delay: &mut Option<Delay>) -> Poll<Step> {
        loop {
            let now = Instant::now();
            let at = match self.with(|state| state.next(now)) {
                Due::Now(step) => return Poll::Ready(step),
                Due::Never => return Poll::Pending,
                Due::At(at) => at,
            };
            // What is due first stays the first, so that the delay is the same at each poll.
            let waiting = delay.get_or_insert_with(|| Box::pin(caio::delay(at - now)));
            match waiting.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => *delay = None,
                // Without a thread that waits there is no other time than now.
                Poll::Ready(Err(_)) => {
                    *delay = None;
                    self.with(|state| state.want(state.end_of_queue(), false));
                }
            }
        }
    }
}

/// Tells all that wait where the writing ends by a panic.
pub(super) struct Ending(pub(super) Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let Self(shared) = self;
        shared.tell(|state| {
            if state.ended.is_none() {
                let error = Error::new(ErrorKind::Abandoned, "the writing was ended by a panic");
                let error = error.doing("write").on(&shared.path);
                state.fail(None, error.clone(), 0);
                state.ended = Some(Err(error));
            }
        });
    }
}
