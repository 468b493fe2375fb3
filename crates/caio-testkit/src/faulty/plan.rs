//! Which faults there are to be.

use std::ops::Range;
use std::time::Duration;

use caio::OpKind;
use nix::errno::Errno;

use crate::random::Random;

/// The faults that a [`Faulty`](super::Faulty) backend injects. Without further words there are
/// none; each method adds one sort.
///
/// ```
/// use std::time::Duration;
/// use caio::OpKind;
/// use caio_testkit::Plan;
///
/// let rough = Plan::new(42)
///     .short(0.3)
///     .interrupted(0.1)
///     .delay(Duration::ZERO..Duration::from_millis(2));
/// let disk_dies = Plan::new(42).fail_from(OpKind::Fsync, 3, 5);
/// # drop((rough, disk_dies));
/// ```
#[derive(Debug, Clone)]
pub struct Plan {
    seed: u64,
    short: f64,
    length: Length,
    chances: Vec<(f64, Errno)>,
    full_queue: f64,
    delay: Option<Range<Duration>>,
    window: usize,
    space: Option<Space>,
    rules: Vec<Rule>,
}

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

#[derive(Debug, Clone)]
struct Rule {
    kind: Option<OpKind>,
    number: u64,
    sticky: bool,
    errno: Errno,
    /// Operations of this kind that were seen.
    seen: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

/// What happens to one operation.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) errno: Option<Errno>,
    pub(super) short: Option<Length>,
    pub(super) hold: Option<Duration>,
}

impl Plan {
    /// No faults yet. The same seed gives the same faults to the same sequence of operations.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            short: 0.0,
            length: Length::Random(0),
            chances: Vec::new(),
            full_queue: 0.0,
            delay: None,
            window: 0,
            space: None,
            rules: Vec::new(),
        }
    }

    /// Transfers move a random part of what was asked for, at least one byte, with this
    /// probability. Where only whole blocks are possible (O_DIRECT), it is some of the blocks.
    #[must_use]
    pub fn short(mut self, probability: f64) -> Self {
        (self.short, self.length) = (probability, Length::Random(0));
        self
    }

    /// Transfers move a single byte with this probability.
    #[must_use]
    pub fn one_byte(mut self, probability: f64) -> Self {
        (self.short, self.length) = (probability, Length::One);
        self
    }

    /// Operations other than syncs end with EINTR with this probability.
    #[must_use]
    pub fn interrupted(self, probability: f64) -> Self {
        self.chance(probability, Errno::EINTR)
    }

    /// Operations other than syncs end with EAGAIN with this probability.
    #[must_use]
    pub fn not_ready(self, probability: f64) -> Self {
        self.chance(probability, Errno::EAGAIN)
    }

    /// Operations end with ECANCELED with this probability, although nobody cancelled them.
    #[must_use]
    pub fn cancelled_unasked(self, probability: f64) -> Self {
        self.chance(probability, Errno::ECANCELED)
    }

    /// The queue says that it is full, and hands requests back, with this probability (below 1, or
    /// nothing ever gets through).
    #[must_use]
    pub fn full_queue(mut self, probability: f64) -> Self {
        self.full_queue = probability;
        self
    }

    /// Each answer comes later by a random time from this range, so that answers also change their
    /// order.
    #[must_use]
    pub fn delay(mut self, range: Range<Duration>) -> Self {
        self.delay = Some(range);
        self
    }

    /// Answers are held back until `window` of them are there, or for a few milliseconds, and then
    /// given in random order.
    #[must_use]
    pub fn reorder(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// After this many written bytes the disk is full (ENOSPC). The write that meets the end is
    /// short.
    #[must_use]
    pub fn space(mut self, bytes: u64) -> Self {
        self.space = Some(Space { free: bytes, errno: Errno::ENOSPC });
        self
    }

    /// After this many written bytes the disk fails (EIO).
    #[must_use]
    pub fn dies_after(mut self, bytes: u64) -> Self {
        self.space = Some(Space { free: bytes, errno: Errno::EIO });
        self
    }

    /// The operation of this kind with this number, counted from 0, fails with this errno. Only
    /// that one: the next one succeeds.
    #[must_use]
    pub fn fail_once(self, kind: OpKind, number: u64, errno: i32) -> Self {
        self.rule(Some(kind), number, false, errno)
    }

    /// Operations of this kind fail with this errno, from the one with this number on, counted
    /// from 0.
    #[must_use]
    pub fn fail_from(self, kind: OpKind, number: u64, errno: i32) -> Self {
        self.rule(Some(kind), number, true, errno)
    }

    /// Everything fails with this errno, from the operation with this number on, counted from 0:
    /// the cable was pulled.
    #[must_use]
    pub fn fail_all_from(self, number: u64, errno: i32) -> Self {
        self.rule(None, number, true, errno)
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn first_space(&self) -> Option<Space> {
        self.space
    }

    pub(super) fn window(&self) -> usize {
        self.window
    }

    pub(super) fn holds(&self) -> bool {
        self.delay.is_some() || self.window > 0
    }

    /// What happens to the operation of this number, submitted now.
    pub(super) fn decide(&self, number: u64, kind: OpKind) -> Decision {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        let mut decision = Decision::default();
        for rule in &self.rules {
            decision.errno = decision.errno.or(rule.meets(kind));
        }
        for (probability, errno) in &self.chances {
            // Nothing retries a sync, so a harmless errno would be none there.
            let harmless = matches!(errno, Errno::EINTR | Errno::EAGAIN);
            let is_sync = matches!(kind, OpKind::Fsync | OpKind::Fdatasync);
            if random.chance(*probability) && !(harmless && is_sync) {
                decision.errno = decision.errno.or(Some(*errno));
            }
        }
        if random.chance(self.short) {
            decision.short = Some(match self.length {
                Length::One => Length::One,
                Length::Random(_) => Length::Random(random.bits()),
            });
        }
        if let Some(range) = &self.delay {
            let span = (range.end.saturating_sub(range.start)).as_nanos();
            let nanos = random.below(usize::try_from(span).unwrap_or(usize::MAX));
            decision.hold = Some(range.start + Duration::from_nanos(nanos as u64));
        } else if self.window > 0 {
            decision.hold = Some(Duration::ZERO);
        }
        decision
    }

    /// Whether the submission of this number meets a full queue.
    pub(super) fn refuses(&self, number: u64) -> bool {
        let seed = !self.seed ^ number.wrapping_mul(0xd134_2543_de82_ef95);
        Random::new(seed).chance(self.full_queue)
    }

    fn chance(mut self, probability: f64, errno: Errno) -> Self {
        self.chances.push((probability, errno));
        self
    }

    fn rule(mut self, kind: Option<OpKind>, number: u64, sticky: bool, errno: i32) -> Self {
        let errno = Errno::from_raw(errno);
        self.rules.push(Rule { kind, number, sticky, errno, seen: Default::default() });
        self
    }
}

impl Rule {
    fn meets(&self, kind: OpKind) -> Option<Errno> {
        if self.kind.is_some_and(|only| only != kind) {
            return None;
        }
        let number = self.seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
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
