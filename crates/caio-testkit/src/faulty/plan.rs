//! Which faults there are to be.

use std::ops::Range;
use std::time::Duration;

use caio::OpKind;
use nix::errno::Errno;

use super::decision::{Decision, Length, Rule, Space};
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

impl Plan {
    /// No faults yet. The same seed gives the same faults to the same sequence of operations.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(42)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// context.sync(&file, false).await?;
    /// assert_eq!(faulty.injected(), Default::default());
    /// # Ok(())
    /// # }) }
    /// ```
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
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).short(1.0)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// let (written, _) = context.write(&file, vec![7; 4096].into(), 0..4096, 0).await;
    /// // The context goes on after each short transfer.
    /// assert_eq!(written?, 4096);
    /// assert!(faulty.injected().short > 0);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn short(mut self, probability: f64) -> Self {
        (self.short, self.length) = (probability, Length::Random(0));
        self
    }

    /// Transfers move a single byte with this probability.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).one_byte(1.0)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// let (written, _) = context.write(&file, b"nine byte".to_vec().into(), 0..9, 0).await;
    /// assert_eq!((written?, faulty.operations()), (9, 9));
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn one_byte(mut self, probability: f64) -> Self {
        (self.short, self.length) = (probability, Length::One);
        self
    }

    /// Operations other than syncs end with EINTR with this probability.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).interrupted(0.5)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// for _ in 0..32 {
    ///     context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0?;
    /// }
    /// let interrupted = faulty.injected().errors;
    /// assert!(interrupted > 0);
    /// assert_eq!(context.metrics().retried, interrupted);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn interrupted(self, probability: f64) -> Self {
        self.chance(probability, Errno::EINTR)
    }

    /// Operations other than syncs end with EAGAIN with this probability.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).not_ready(1.0)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0?;
    /// // A thread of the context's pool has waited instead.
    /// assert_eq!((faulty.injected().errors, context.metrics().retried), (1, 1));
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn not_ready(self, probability: f64) -> Self {
        self.chance(probability, Errno::EAGAIN)
    }

    /// Operations end with ECANCELED with this probability, although they were not cancelled.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let plan = Plan::new(1).cancelled_unasked(0.5);
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), plan));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// for _ in 0..32 {
    ///     context.sync(&file, false).await?;
    /// }
    /// assert!(faulty.injected().errors > 0);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn cancelled_unasked(self, probability: f64) -> Self {
        self.chance(probability, Errno::ECANCELED)
    }

    /// Operations fail with this errno with this probability.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).failing(1.0, 5)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// let error = context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0.unwrap_err();
    /// assert_eq!(error.raw_os_error(), Some(5));
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn failing(self, probability: f64, errno: i32) -> Self {
        self.chance(probability, Errno::from_raw(errno))
    }

    /// The backend refuses requests as if it were full, with this probability: they end with
    /// EAGAIN, before the plan says anything else about them. A context then has its pool do them,
    /// but for syncs, which fail.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).full_queue(0.5)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// for _ in 0..32 {
    ///     context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0?;
    /// }
    /// assert!(faulty.injected().refused > 0);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn full_queue(mut self, probability: f64) -> Self {
        self.full_queue = probability;
        self
    }

    /// Each answer comes later by a random time from this range, so that answers also change their
    /// order.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use std::time::{Duration, Instant};
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let plan = Plan::new(1).delay(Duration::from_millis(5)..Duration::from_millis(10));
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), plan));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// let begin = Instant::now();
    /// context.sync(&file, false).await?;
    /// assert!(begin.elapsed() >= Duration::from_millis(5));
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn delay(mut self, range: Range<Duration>) -> Self {
        self.delay = Some(range);
        self
    }

    /// Answers are held back until `window` of them are there, or for a few milliseconds, and then
    /// given in random order.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).reorder(4)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// # use caio::Op;
    /// for operation in context.submit_all(&file, (0..4).map(|_| Op::Fsync)) {
    ///     operation.await.result?;
    /// }
    /// assert_eq!(faulty.injected().delayed, 4);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn reorder(mut self, window: usize) -> Self {
        self.window = window;
        self
    }

    /// After this many written bytes the disk is full (ENOSPC). The write that meets the end is
    /// short.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::{io, sync::Arc};
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).space(6)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// assert_eq!(context.write(&file, vec![7; 8].into(), 0..8, 0).await.0?, 6);
    /// let error = context.write(&file, vec![7; 2].into(), 0..2, 6).await.0.unwrap_err();
    /// assert_eq!(error.io_kind(), io::ErrorKind::StorageFull);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn space(mut self, bytes: u64) -> Self {
        self.space = Some(Space { free: bytes, errno: Errno::ENOSPC });
        self
    }

    /// After this many written bytes the disk fails (EIO).
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).dies_after(6)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// assert_eq!(context.write(&file, vec![7; 8].into(), 0..8, 0).await.0?, 6);
    /// let error = context.write(&file, vec![7; 2].into(), 0..2, 6).await.0.unwrap_err();
    /// assert_eq!(error.raw_os_error(), Some(5), "EIO");
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn dies_after(mut self, bytes: u64) -> Self {
        self.space = Some(Space { free: bytes, errno: Errno::EIO });
        self
    }

    /// The operation of this kind with this number, counted from 0, fails with this errno. Only
    /// that one: the next one succeeds.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio::OpKind;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let plan = Plan::new(1).fail_once(OpKind::Write, 1, 28);
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), plan));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// for succeeds in [true, false, true] {
    ///     let (written, _) = context.write(&file, b"data".to_vec().into(), 0..4, 0).await;
    ///     assert_eq!(written.is_ok(), succeeds);
    /// }
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn fail_once(self, kind: OpKind, number: u64, errno: i32) -> Self {
        self.rule(Some(kind), number, false, errno)
    }

    /// Operations of this kind fail with this errno, from the one with this number on, counted
    /// from 0.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio::OpKind;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let plan = Plan::new(1).fail_from(OpKind::Write, 1, 28);
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), plan));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// for succeeds in [true, false, false] {
    ///     let (written, _) = context.write(&file, b"data".to_vec().into(), 0..4, 0).await;
    ///     assert_eq!(written.is_ok(), succeeds);
    /// }
    /// context.sync(&file, false).await?;
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn fail_from(self, kind: OpKind, number: u64, errno: i32) -> Self {
        self.rule(Some(kind), number, true, errno)
    }

    /// The operation with this number, counted from 0, fails with this errno, whatever its kind.
    /// Only that one: the next one succeeds.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).fail_nth(1, 5)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0?;
    /// assert!(context.write(&file, b"data".to_vec().into(), 0..4, 4).await.0.is_err());
    /// context.sync(&file, false).await?;
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn fail_nth(self, number: u64, errno: i32) -> Self {
        self.rule(None, number, false, errno)
    }

    /// Everything fails with this errno, from the operation with this number on, counted from 0:
    /// the cable was pulled.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).fail_all_from(1, 5)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0?;
    /// assert!(context.write(&file, b"data".to_vec().into(), 0..4, 4).await.0.is_err());
    /// assert!(context.sync(&file, false).await.is_err());
    /// # Ok(())
    /// # }) }
    /// ```
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
