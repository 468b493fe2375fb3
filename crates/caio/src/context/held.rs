//! Requests held back for a moment, so that they are submitted together.
//!
//! When many completions are found at once, the tasks that they wake will soon submit as many new
//! requests. Held until these tasks have run, they cost one system call instead of one each.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::Inner;
use crate::request::Request;
use crate::sync::lock;

/// The most requests that are held: a quarter of those in flight, within these bounds. A batch of
/// this size spends little on its system call, and one much larger keeps the device waiting. 16
/// were best for O_DIRECT reads with 32 in flight, and 32 with 128
/// (`benches/compare/run --filter =direct-read-4k-32,=direct-read-4k-128,=aiofile` with each).
const HELD_MAX: RangeInclusive<usize> = 16..=64;

#[derive(Debug, Default)]
pub(super) struct Held {
    /// It changes under the lock; without it, only a no is to be trusted.
    holding: AtomicBool,
    handed_back: AtomicBool,
    requests: Mutex<Vec<Option<Request>>>,
}

impl Held {
    /// Takes the batch, if requests are held now. Returns whether it did.
    pub(super) fn take(&self, batch: &mut [Option<Request>], context: &Arc<Inner>) -> bool {
        if !self.holding.load(Ordering::Acquire) {
            return false;
        }
        let mut requests = lock(&self.requests);
        if !self.holding.load(Ordering::Acquire) {
            return false;
        }
        requests.extend(batch.iter_mut().map(Option::take));
        let held = requests.len();
        drop(requests);
        let most = (context.requests_in_flight() / 4).clamp(*HELD_MAX.start(), *HELD_MAX.end());
        // Nobody else is known to submit more soon.
        if held >= most || context.relay().is_idle() {
            self.submit(context);
        }
        true
    }

    /// Requests are held from now on.
    pub(super) fn begin(&self) {
        let _requests = lock(&self.requests);
        self.holding.store(true, Ordering::Release);
    }

    /// Submits what was held, and holds no more.
    pub(super) fn end(&self, context: &Arc<Inner>) {
        let requests = lock(&self.requests);
        self.holding.store(false, Ordering::Release);
        drop(requests);
        self.submit(context);
    }

    /// Submits what a full backend had handed back.
    pub(super) fn resume(&self, context: &Arc<Inner>) {
        if self.handed_back.swap(false, Ordering::AcqRel) {
            self.submit(context);
        }
    }

    /// Submits what is held so far.
    pub(super) fn submit(&self, context: &Arc<Inner>) {
        let mut requests = std::mem::take(&mut *lock(&self.requests));
        if requests.is_empty() {
            return;
        }
        context.offer(&context.backend, &mut requests);
        // A full backend has requests in flight, whose completions resume what it handed back.
        requests.retain(Option::is_some);
        let mut newer = lock(&self.requests);
        if !requests.is_empty() {
            self.handed_back.store(true, Ordering::Release);
        }
        requests.append(&mut newer);
        *newer = requests;
    }
}
