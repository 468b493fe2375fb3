//! Files of which a closure makes something: as many at once as there is room for.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};

use super::outcome::{FileOutcome, OnError};
use super::progress::{Counter, Progress};
use super::{Paths, PipelineOptions, counted};

/// What comes of many files; made by [`PipelineOptions::process`] and [`PipelineOptions::read`].
#[must_use = "nothing is done before the stream is polled"]
pub struct Outcomes<T> {
    paths: Paths,
    look_up: Box<dyn Fn(Arc<Path>) -> Boxed<Found<T>> + Send>,
    settings: Settings,
    /// The files that are being looked up, in their order.
    looking_up: FuturesOrdered<Boxed<Found<T>>>,
    /// The next file, for which there was no room.
    waiting: Option<Found<T>>,
    running: FuturesUnordered<Boxed<Done<T>>>,
    /// What is done before its turn, by number.
    early: BTreeMap<u64, Done<T>>,
    /// The numbers of the next file to begin and of the next to be told in order.
    begun: u64,
    turn: u64,
    /// The bytes of what was begun and is not told.
    bytes_held: u64,
    is_over: bool,
    counter: Counter,
}

pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A file, how long it is, and what makes a result of it, with the number of attempts.
pub(super) struct Found<T> {
    pub(super) path: Arc<Path>,
    pub(super) bytes: u64,
    pub(super) work: Boxed<(io::Result<T>, u32)>,
}

struct Settings {
    jobs: usize,
    bytes_max: u64,
    ordered: bool,
    on_error: OnError,
}

struct Done<T> {
    number: u64,
    bytes: u64,
    outcome: FileOutcome<T>,
}

impl<T: Send + 'static> Outcomes<T> {
    pub(super) fn new<P: Into<PathBuf>>(
        options: &PipelineOptions,
        bytes_max: u64,
        paths: impl Iterator<Item = P> + Send + 'static,
        look_up: impl Fn(Arc<Path>) -> Boxed<Found<T>> + Send + 'static,
    ) -> Self {
        let (paths, total) = counted(paths);
        Self {
            paths,
            look_up: Box::new(look_up),
            settings: Settings {
                jobs: options.at_once(),
                bytes_max,
                ordered: options.ordered,
                on_error: options.on_error,
            },
            looking_up: FuturesOrdered::new(),
            waiting: None,
            running: FuturesUnordered::new(),
            early: BTreeMap::new(),
            begun: 0,
            turn: 0,
            bytes_held: 0,
            is_over: false,
            counter: Counter::new(total),
        }
    }

    /// What came of the next file; `None` when all are done, or after the error that stopped it.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<FileOutcome<T>> {
        StreamExt::next(self).await
    }

    /// Begins what there is room for, in the order of the paths: so the file whose turn it is has
    /// always begun, and those behind it cannot hold the room that it needs.
    fn admit(&mut self, cx: &mut TaskContext<'_>) {
        loop {
            // What was looked up may be open.
            let open = |this: &Self| this.looking_up.len() + this.running.len();
            while open(self) + usize::from(self.waiting.is_some()) < self.settings.jobs
                && let Some(path) = self.paths.next()
            {
                self.looking_up.push_back((self.look_up)(path));
            }
            if self.waiting.is_none() {
                let Poll::Ready(Some(found)) = self.looking_up.poll_next_unpin(cx) else { return };
                self.waiting = Some(found);
            }
            let Some(found) = self.waiting.take_if(|found| {
                let held = self.running.len() + self.early.len();
                let bytes = self.bytes_held.saturating_add(found.bytes);
                held == 0 || held < self.settings.jobs && bytes <= self.settings.bytes_max
            }) else {
                return;
            };
            self.begin(found);
        }
    }

    fn begin(&mut self, Found { path, bytes, work }: Found<T>) {
        let number = self.begun;
        self.begun += 1;
        self.bytes_held = self.bytes_held.saturating_add(bytes);
        self.running.push(Box::pin(async move {
            let (result, attempts) = work.await;
            Done { number, bytes, outcome: FileOutcome { path, result, attempts } }
        }));
    }

    /// What is done and has its turn; `None` where nothing is under way.
    fn poll_done(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Done<T>>> {
        loop {
            if let Some(done) = self.early.remove(&self.turn) {
                self.turn += 1;
                return Poll::Ready(Some(done));
            }
            match ready!(self.running.poll_next_unpin(cx)) {
                Some(done) if self.settings.ordered => _ = self.early.insert(done.number, done),
                done => return Poll::Ready(done),
            }
        }
    }

    fn stop(&mut self) {
        self.is_over = true;
        self.running.clear();
        self.looking_up.clear();
        self.early.clear();
        self.waiting = None;
    }
}

impl<T> Outcomes<T> {
    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.counter.progress()
    }
}

impl<T: Send + 'static> Stream for Outcomes<T> {
    type Item = FileOutcome<T>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<FileOutcome<T>>> {
        let this = &mut *self;
        this.counter.begin();
        while !this.is_over {
            this.admit(cx);
            let Some(Done { bytes, outcome, .. }) = ready!(this.poll_done(cx)) else {
                if !this.looking_up.is_empty() {
                    return Poll::Pending;
                }
                this.is_over = true;
                break;
            };
            this.bytes_held = this.bytes_held.saturating_sub(bytes);
            if outcome.result.is_ok() {
                this.counter.done();
                this.counter.add(bytes);
                return Poll::Ready(Some(outcome));
            }
            if this.settings.on_error == OnError::Stop {
                this.stop();
            }
            if this.counter.failed(this.settings.on_error) {
                return Poll::Ready(Some(outcome));
            }
        }
        Poll::Ready(None)
    }
}

impl<T> Unpin for Outcomes<T> {}

impl<T> fmt::Debug for Outcomes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
