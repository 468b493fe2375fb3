//! What a plan comes to for one operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use caio::OpKind;
use nix::errno::Errno;

use crate::random::Random;

/// How much of a transfer is left.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    One,
    Random(u64),
}

/// Room on the disk that is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    pub(super) free: u64,
    pub(super) errno: Errno,
}

/// Operations that are to fail.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) kind: Option<OpKind>,
    pub(super) number: u64,
    pub(super) sticky: bool,
    pub(super) errno: Errno,
    /// Operations of this kind that were seen.
    pub(super) seen: Arc<AtomicU64>,
}

/// What happens to one operation.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) errno: Option<Errno>,
    pub(super) short: Option<Length>,
    pub(super) hold: Option<Duration>,
}

impl Rule {
    pub(super) fn meets(&self, kind: OpKind) -> Option<Errno> {
        if self.kind.is_some_and(|only| only != kind) {
            return None;
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        (number == self.number || (self.sticky && number > self.number)).then_some(self.errno)
    }
}

impl Length {
    /// How many of `wanted` bytes: fewer, where that leaves any.
    pub(super) fn of(self, wanted: usize) -> usize {
        match self {
            Self::One => wanted.min(1),
            Self::Random(seed) => wanted.min(1 + Random::new(seed).below(wanted.saturating_sub(1))),
        }
    }
}
