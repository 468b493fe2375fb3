//! Locks, atomics, threads and the time. In the models those of loom or shuttle stand here.

use std::time::Instant;

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(crate) use std::thread;

pub(crate) use nix::poll::poll;

/// The time.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Whether a model is to find this defect, planted for it. Never outside of the models.
#[inline(always)]
pub(crate) const fn planted(_defect: &str) -> bool {
    false
}
