//! The stream of a walk: rounds of reading on the pool, and the entries that they bring.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use caio::{Context, Error, ErrorKind, Result};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;

use super::Options;
use super::entry::{Item, WalkError};
use super::ordered::Ordered;
use super::parallel::{Shared, Work};
use crate::boxed::BoxedFuture;
use crate::runtime::chosen_context;

/// So many entries at most a round brings.
const ROUND_ENTRIES: usize = 1024;

/// So many the first, so that it is soon there.
const FIRST_ENTRIES: usize = 64;

/// The entries of a walk, as [`Walk::entries`](super::Walk::entries) gives them. An item is an
/// entry or what could not be read; the stream ends when all was seen.
#[must_use = "nothing is read before the first entry is asked for"]
pub struct WalkEntries {
    options: Arc<Options>,
    /// The one that was named; without one, each round has the default one of the task.
    context: Option<Context>,
    walker: Walker,
    rounds: FuturesUnordered<BoxedFuture<Result<Round>>>,
    has_begun: bool,
    ready: VecDeque<Item>,
}

enum Walker {
    /// `None` while a round has it, and at the end.
    Ordered(Option<Box<Ordered>>),
    Parallel(Arc<Shared>, Work),
    /// What was asked for cannot be had, or a round was lost.
    Failed,
}

/// What a round brought.
struct Round {
    items: Vec<Item>,
    rest: Rest,
}

/// What a round has left to do.
enum Rest {
    Ordered(Option<Box<Ordered>>),
    Parallel(Work),
}

impl WalkEntries {
    pub(super) fn new(options: Options, context: Option<Context>) -> Self {
        let mut ready = VecDeque::new();
        let options = Arc::new(options);
        let walker = match options.contradiction() {
            Some(message) => {
                let error = Error::new(ErrorKind::InvalidInput, message).doing("walk");
                ready.push_back(Err(WalkError::of(error, options.root.clone(), 0)));
                Walker::Failed
            }
            None if options.parallel > 1 => {
                Walker::Parallel(Arc::new(Shared::new(&options)), Work::new())
            }
            None => Walker::Ordered(Some(Box::new(Ordered::new(&options)))),
        };
        let rounds = FuturesUnordered::new();
        Self { options, context, walker, rounds, has_begun: false, ready }
    }

    /// The next entry, or what could not be read; `None` at the end.
    ///
    /// # Costs
    /// A hop for up to 1,024 entries.
    ///
    /// # Errors
    /// An item for each directory or file that could not be read, with its path; the walk goes on
    /// behind it. The shutdown of the context ends it.
    ///
    /// # Cancel safety
    /// Dropping the future loses no entry.
    pub async fn next(&mut self) -> Option<Result<super::WalkEntry, WalkError>> {
        poll_fn(|cx| self.poll_entry(cx)).await
    }

    fn poll_entry(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Poll::Ready(Some(item));
            }
            self.begin_rounds();
            match Pin::new(&mut self.rounds).poll_next(cx) {
                Poll::Ready(Some(round)) => self.take(round),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
            // The next rounds are under way while the program takes what this one brought.
            self.begin_rounds();
            while self.ready.len() < ROUND_ENTRIES
                && let Poll::Ready(Some(round)) = Pin::new(&mut self.rounds).poll_next(cx)
            {
                self.take(round);
                self.begin_rounds();
            }
        }
    }

    fn begin_rounds(&mut self) {
        while let Some(round) = self.next_round() {
            self.has_begun = true;
            self.rounds.push(round);
        }
    }

    fn next_round(&mut self) -> Option<BoxedFuture<Result<Round>>> {
        let entries = if self.has_begun { ROUND_ENTRIES } else { FIRST_ENTRIES };
        let (context, options) = (self.context.clone(), Arc::clone(&self.options));
        match &mut self.walker {
            Walker::Ordered(walker) => {
                let mut walker = walker.take()?;
                Some(BoxedFuture::new(round(context, options, move || {
                    let (items, is_over) = walker.round(entries);
                    Round { items, rest: Rest::Ordered((!is_over).then_some(walker)) }
                })))
            }
            Walker::Parallel(shared, work) => {
                let free = self.options.parallel.checked_sub(self.rounds.len())?;
                let mut part = if free > 0 { work.part(free)? } else { return None };
                let shared = Arc::clone(shared);
                Some(BoxedFuture::new(round(context, options, move || {
                    let items = shared.round(&mut part, entries);
                    Round { items, rest: Rest::Parallel(part) }
                })))
            }
            Walker::Failed => None,
        }
    }

    fn take(&mut self, round: Result<Round>) {
        match round {
            Ok(mut round) => {
                if let Some(context) = &self.context {
                    round.items.iter_mut().flatten().for_each(|entry| entry.set_context(context));
                }
                self.ready.extend(round.items);
                match (&mut self.walker, round.rest) {
                    (Walker::Ordered(walker), Rest::Ordered(rest)) => *walker = rest,
                    (Walker::Parallel(_, work), Rest::Parallel(rest)) => work.extend(rest),
                    // A round was lost: what the others have left is not read.
                    _ => {}
                }
            }
            Err(error) => {
                self.walker = Walker::Failed;
                self.rounds.clear();
                let root = self.options.root.clone();
                self.ready.push_back(Err(WalkError::of(error.doing("walk"), root, 0)));
            }
        }
    }
}

/// A round on the pool of the context, or of the default one.
async fn round(
    context: Option<Context>,
    options: Arc<Options>,
    read: impl FnOnce() -> Round + Send + 'static,
) -> Result<Round> {
    let context = chosen_context(context.as_ref()).await?;
    context.run_part("walk", &options.root, move || Ok(read())).await
}

impl Stream for WalkEntries {
    type Item = Result<super::WalkEntry, WalkError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Item>> {
        self.poll_entry(cx)
    }
}

impl fmt::Debug for WalkEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalkEntries")
            .field("rounds", &self.rounds.len())
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}
