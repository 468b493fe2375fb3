//! Requests held back for a moment, so that they are submitted together.
//!
//! When a reactor finds many completions at once, the tasks that it wakes will soon submit as many
//! new requests. Held until these tasks have run, they cost one system call instead of one each.
//! Nothing is held while completions come singly: then the first request would only come later.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::Inner;
use crate::request::Request;
use crate::sync::lock;

/// The most requests that are held: a batch of this size spends little on its system call, and one
/// much larger keeps the device waiting. Of 4 to 32, 8 to 12 were best for O_DIRECT reads with 32
/// in flight (`benches/compare/run --filter =direct-read-4k-32,=aiofile` with each).
const HELD_MAX: usize = 12;

#[derive(Debug, Default)]
pub(super) struct Held {
    /// A hint, to be trusted only when it says no.
    maybe: AtomicBool,
    handed_back: AtomicBool,
    /// Operations that completed since requests are held and whose tasks have not run yet. Too low
    /// by those that had completed before.
    awaited: AtomicIsize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    holds: usize,
    requests: Vec<Option<Request>>,
}

/// Holds back the requests of a context. Dropping it submits them.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # use doc::poll_once;
/// # let (context, source, _operations) = doc::started(2)?;
/// # let file = doc::file_with(b"")?;
/// use caio::{Hold, Op};
///
/// let hold: Option<Hold> = source.reap_and_hold();
/// let mut operation = context.submit(Some(&file), Op::Fsync);
/// assert!(poll_once(&mut operation).is_none());
/// assert_eq!(source.reap(), 0, "it is held back");
/// drop(hold);
/// assert_eq!(source.reap(), 1);
/// # Ok::<(), caio::Error>(())
/// ```
#[must_use = "dropping it submits what is held"]
pub struct Hold {
    context: Weak<Inner>,
}

impl Held {
    /// Takes the batch, if requests are held now. Returns whether it did.
    pub(super) fn take(&self, batch: &mut [Option<Request>], context: &Arc<Inner>) -> bool {
        if !self.maybe.load(Ordering::Acquire) {
            return false;
        }
        let mut state = lock(&self.state);
        if state.holds == 0 {
            return false;
        }
        state.requests.extend(batch.iter_mut().map(Option::take));
        let full = state.requests.len() >= HELD_MAX;
        drop(state);
        if full {
            self.submit(context);
        }
        true
    }

    /// Notes that so many operations have completed, whose tasks will run soon.
    pub(super) fn woken(&self, completed: usize) {
        if self.maybe.load(Ordering::Acquire) {
            self.awaited.fetch_add(completed.cast_signed(), Ordering::AcqRel);
        }
    }

    /// Notes that a task has seen that its operation has completed.
    pub(super) fn seen(&self) {
        if self.maybe.load(Ordering::Acquire) {
            self.awaited.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn begin(&self) {
        let mut state = lock(&self.state);
        if state.holds == 0 {
            self.awaited.store(0, Ordering::Release);
        }
        state.holds += 1;
        self.maybe.store(true, Ordering::Release);
    }

    fn end(&self, context: &Arc<Inner>) {
        let mut state = lock(&self.state);
        state.holds -= 1;
        if state.holds == 0 {
            self.maybe.store(false, Ordering::Release);
        }
        drop(state);
        self.submit(context);
    }

    /// Submits what a full backend had handed back.
    pub(super) fn resume(&self, context: &Arc<Inner>) {
        if self.handed_back.swap(false, Ordering::AcqRel) {
            self.submit(context);
        }
    }

    fn submit(&self, context: &Arc<Inner>) {
        let mut requests = std::mem::take(&mut lock(&self.state).requests);
        if requests.is_empty() {
            return;
        }
        context.offer(&context.backend, &mut requests);
        // A full backend has requests in flight, whose completions resume what it handed back.
        requests.retain(Option::is_some);
        let mut state = lock(&self.state);
        if !requests.is_empty() {
            self.handed_back.store(true, Ordering::Release);
        }
        requests.append(&mut state.requests);
        state.requests = requests;
    }
}

impl Hold {
    /// Whether tasks have still to run whose operations have completed meanwhile. A guess: it may
    /// say no too early, and a task that nobody runs keeps it at yes.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # use doc::poll_once;
    /// # let (_context, source, mut operations) = doc::started(2)?;
    /// let hold = source.reap_and_hold().expect("two have completed");
    /// assert!(hold.is_awaiting());
    /// for operation in &mut operations {
    ///     assert!(poll_once(operation).is_some());
    /// }
    /// assert!(!hold.is_awaiting());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn is_awaiting(&self) -> bool {
        let context = self.context.upgrade();
        context.is_some_and(|context| context.held.awaited.load(Ordering::Acquire) > 0)
    }

    pub(crate) fn on(context: &Arc<Inner>) -> Self {
        context.held.begin();
        Self { context: Arc::downgrade(context) }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(context) = self.context.upgrade() {
            context.held.end(&context);
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;

    #[test]
    fn a_hold_awaits_whom_was_woken_while_it_is_in_force() {
        let context = Context::builder().build().unwrap();
        let inner = &context.inner;
        inner.woken(1);
        let hold = Hold::on(inner);
        assert!(!hold.is_awaiting(), "that was before");
        inner.woken(2);
        let second = Hold::on(inner);
        inner.held.seen();
        assert!(hold.is_awaiting() && second.is_awaiting());
        drop((hold, second));
        let hold = Hold::on(inner);
        assert!(!hold.is_awaiting(), "whoever was not seen then is not awaited now");
    }
}
