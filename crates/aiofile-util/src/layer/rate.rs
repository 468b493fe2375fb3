//! How many operations and bytes a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use caio::{Admission, Clock, Ending, Layer, OpInfo, OpKind, Stage};

/// How many operations and how many bytes a second a context moves. What comes too early waits for
/// its time, in the order of coming. Counted are reads, writes and whole files.
///
/// A burst is what may come at once after a rest; a tenth of a second's worth unless said. An
/// operation larger than the burst goes alone, and those after it wait until it is paid for, so
/// that the rate holds for any sizes. Bytes count as moved: what comes back short gives the rest
/// back.
///
/// An operation that is dropped while it waits gives its time back. It goes by the clock of its
/// runtime, also a paused one.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
/// use aiofile::fs::Fs;
/// use aiofile_util::layer::Rate;
///
/// let rate = Rate::new().operations(1000).bytes(64 << 20).bytes_burst(1 << 20);
/// let context = aiofile::context().layer(Arc::new(rate)).build()?;
/// assert!(!Fs::new(&context).read("/proc/version").await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Rate {
    operations: Setting,
    bytes: Setting,
    buckets: Arc<Buckets>,
}

impl Rate {
    /// Without any limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// So many operations a second, at least 1.
    #[must_use]
    pub fn operations(mut self, per_second: u64) -> Self {
        self.operations.per_second = Some(per_second);
        self.set()
    }

    /// So many operations may come at once after a rest, at least 1.
    #[must_use]
    pub fn operations_burst(mut self, burst: u64) -> Self {
        self.operations.burst = Some(burst);
        self.set()
    }

    /// So many bytes a second, at least 1.
    #[must_use]
    pub fn bytes(mut self, per_second: u64) -> Self {
        self.bytes.per_second = Some(per_second);
        self.set()
    }

    /// So many bytes may come at once after a rest, at least 1.
    #[must_use]
    pub fn bytes_burst(mut self, burst: u64) -> Self {
        self.bytes.burst = Some(burst);
        self.set()
    }

    fn set(self) -> Self {
        *self.buckets.lock() = [self.operations, self.bytes].map(Setting::bucket);
        self
    }
}

impl Layer for Rate {
    fn stage(&self) -> Stage {
        Stage::Rate
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        if !is_counted(op.kind()) {
            return Admission::Now;
        }
        let amounts = [1, op.bytes() as u64];
        let now = op.clock().now();
        let at = self.buckets.take(amounts, now);
        if at <= now {
            return Admission::Now;
        }
        let taken = Taken { buckets: Arc::clone(&self.buckets), amounts, is_spent: false };
        let clock: Arc<dyn Clock> = Arc::clone(op.clock());
        Admission::later(async move {
            clock.sleep(at.saturating_duration_since(clock.now())).await?;
            taken.spend();
            Ok(())
        })
    }

    fn finished(&self, op: &OpInfo, ending: &Ending<'_>) {
        if !is_counted(op.kind()) {
            return;
        }
        let asked = op.bytes() as u64;
        match (&ending.result, ending.route) {
            // It has not begun.
            (_, None) => self.buckets.give_back([1, asked]),
            (Ok(moved), _) => self.buckets.give_back([0, asked.saturating_sub(*moved)]),
            (Err(_), _) => {}
        }
    }
}

fn is_counted(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::Read
            | OpKind::ReadVectored
            | OpKind::ReadFile
            | OpKind::Write
            | OpKind::WriteVectored
    )
}

#[derive(Debug, Clone, Copy, Default)]
struct Setting {
    per_second: Option<u64>,
    burst: Option<u64>,
}

impl Setting {
    fn bucket(self) -> Option<Bucket> {
        let per_second = self.per_second?.max(1);
        let burst = self.burst.unwrap_or(per_second / 10).max(1);
        Some(Bucket { per_second, burst: time_of(burst, per_second), empty_until: None })
    }
}

/// One for operations and one for bytes, each `None` where it is not limited.
#[derive(Debug, Default)]
struct Buckets(Mutex<[Option<Bucket>; 2]>);

/// What may be taken, as time: each amount takes so long to come back.
#[derive(Debug)]
struct Bucket {
    per_second: u64,
    /// The time that a full bucket holds.
    burst: Duration,
    /// When all that was taken will have come back.
    empty_until: Option<Instant>,
}

impl Buckets {
    /// Takes these amounts, and says from when on they may be used.
    fn take(&self, amounts: [u64; 2], now: Instant) -> Instant {
        let mut buckets = self.lock();
        let each = buckets.iter_mut().zip(amounts);
        let at = each.filter_map(|(bucket, amount)| Some(bucket.as_mut()?.take(amount, now)));
        at.max().unwrap_or(now)
    }

    fn give_back(&self, amounts: [u64; 2]) {
        for (bucket, amount) in self.lock().iter_mut().zip(amounts) {
            bucket.iter_mut().for_each(|bucket| bucket.give_back(amount));
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Bucket>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn take(&mut self, amount: u64, now: Instant) -> Instant {
        let full = now.max(self.empty_until.unwrap_or(now));
        let time = time_of(amount, self.per_second);
        self.empty_until = Some(full + time);
        // It may be used as soon as there is room for it in the bucket, or when the bucket is full.
        let tolerance = self.burst.saturating_sub(time);
        full.checked_sub(tolerance).map_or(now, |at| at.max(now))
    }

    fn give_back(&mut self, amount: u64) {
        let time = time_of(amount, self.per_second);
        self.empty_until = self.empty_until.and_then(|until| until.checked_sub(time));
    }
}

/// How long so much takes to come back.
fn time_of(amount: u64, per_second: u64) -> Duration {
    const NANOS: u128 = 1_000_000_000;
    let nanos = u128::from(amount) * NANOS / u128::from(per_second);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 4))
}

/// Amounts that wait for their time; dropped before that, they are given back.
struct Taken {
    buckets: Arc<Buckets>,
    amounts: [u64; 2],
    is_spent: bool,
}

impl Taken {
    fn spend(mut self) {
        self.is_spent = true;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.is_spent {
            self.buckets.give_back(self.amounts);
        }
    }
}
