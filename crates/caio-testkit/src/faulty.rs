//! A backend around another one that makes it fail, by a plan.
//!
//! Which fault meets which operation depends on the plan's seed and on the number of the operation
//! alone, counted from 0 in the order of submission. A program that submits in the same order meets
//! the same faults.

mod decision;
mod holder;
mod layer;
mod plan;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use caio::{
    Backend, BackendKind, Capability, FileClass, Op, OpKind, Output, QueueId, Request, SharedFile,
};
use nix::errno::Errno;

use crate::held::lock;
use decision::{Decision, Space};
use holder::Holder;
pub use layer::FaultLayer;
pub use plan::Plan;

/// Any backend, failing by a [`Plan`].
///
/// Operations that the context does in place or routes to its own pool do not pass here: build the
/// context with `in_place(false)`, and wrap a backend that serves what is to fail.
///
/// ```
/// use std::sync::Arc;
/// use caio::{Buffer, Context, SharedFile};
/// use caio_testkit::{Faulty, Null, Plan};
///
/// let faulty = Faulty::new(Arc::new(Null::new()), Plan::new(1).space(4));
/// let context = Context::builder().custom(Arc::new(faulty)).in_place(false).build()?;
/// let file = SharedFile::new(std::fs::File::open("/proc/self/exe")?, "/proc/self/exe")?;
/// let block_on = futures_util::future::FutureExt::now_or_never;
/// let write = || block_on(context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0));
///
/// assert_eq!(write().expect("no wait").0?, 4);
/// let error = write().expect("no wait").0.unwrap_err();
/// assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::StorageFull);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Backend>,
    capability: Capability,
    plan: Plan,
    shared: Arc<Shared>,
    holder: Option<Holder>,
}

/// What outlives a submission: hooks of requests in flight refer to it.
#[derive(Debug)]
struct Shared {
    submitted: AtomicU64,
    refusals: AtomicU64,
    space: Option<Mutex<Space>>,
    injected: Mutex<Injected>,
}

/// The faults that were injected so far, so that a test can assert that it met some.
///
/// ```
/// # fn main() -> caio::Result<()> { smol::block_on(async {
/// use std::sync::Arc;
/// use caio_testkit::{Faulty, Injected, Null, Plan};
///
/// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).one_byte(1.0)));
/// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
/// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
/// context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0?;
/// let injected: Injected = faulty.injected();
/// assert_eq!((injected.short, injected.errors), (3, 0));
/// # Ok(())
/// # }) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Injected {
    /// Transfers that moved fewer bytes than the caller asked for.
    pub short: u64,
    /// Operations that failed with an errno, of whatever kind.
    pub errors: u64,
    /// Requests that were answered with EAGAIN as they were queued, as by a queue that is full.
    pub refused: u64,
    /// Answers that were held back.
    pub delayed: u64,
}

impl Faulty {
    /// `inner`, failing by `plan`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::Backend;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Faulty::new(Arc::new(Null::new()), Plan::new(42));
    /// assert_eq!(faulty.capability().features, ["does nothing", "faults from seed 42"]);
    /// ```
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, plan: Plan) -> Self {
        let mut capability = inner.capability().clone();
        capability.features.push(format!("faults from seed {}", plan.seed()));
        let shared = Shared {
            submitted: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            space: plan.first_space().map(Mutex::new),
            injected: Mutex::default(),
        };
        let holder = plan.holds().then(|| Holder::start(plan.seed(), plan.window()));
        Self { inner, capability, plan, shared: Arc::new(shared), holder }
    }

    /// The faults so far.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio::OpKind;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let plan = Plan::new(1).fail_once(OpKind::Fsync, 0, 5);
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), plan));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// assert!(context.sync(&file, false).await.is_err());
    /// assert_eq!(faulty.injected().errors, 1);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn injected(&self) -> Injected {
        *lock(&self.shared.injected)
    }

    /// Operations that were submitted so far.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// context.sync(&file, false).await?;
    /// context.sync(&file, true).await?;
    /// assert_eq!(faulty.operations(), 2);
    /// # Ok(())
    /// # }) }
    /// ```
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.shared.submitted.load(Ordering::Relaxed)
    }

    /// Free space from now on, in bytes, where the plan limits it: as if somebody had tidied up.
    ///
    /// ```
    /// # fn main() -> caio::Result<()> { smol::block_on(async {
    /// use std::sync::Arc;
    /// use caio_testkit::{Faulty, Null, Plan};
    ///
    /// let faulty = Arc::new(Faulty::new(Arc::new(Null::new()), Plan::new(1).space(0)));
    /// # let context = caio::Context::builder().custom(faulty.clone()).in_place(false).build()?;
    /// # let file = caio::SharedFile::from_std(tempfile::tempfile()?)?;
    /// assert!(context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0.is_err());
    /// faulty.set_space(4096);
    /// assert_eq!(context.write(&file, b"data".to_vec().into(), 0..4, 0).await.0?, 4);
    /// # Ok(())
    /// # }) }
    /// ```
    pub fn set_space(&self, bytes: u64) {
        if let Some(space) = &self.shared.space {
            lock(space).free = bytes;
        }
    }

    /// Does to one request what the plan says. `None` when that already answered it.
    fn meddle(&self, mut request: Request) -> Option<Request> {
        let number = self.shared.submitted.fetch_add(1, Ordering::Relaxed);
        let decision = self.plan.decide(number, request.op().kind());
        if let Some(hold) = decision.hold
            && let Some(holder) = &self.holder
        {
            let (holder, shared) = (holder.handle(), Arc::clone(&self.shared));
            request.on_complete(move |request, result| {
                lock(&shared.injected).delayed += 1;
                holder.hold(request, result, hold);
            });
        }
        if let Some(errno) = decision.errno {
            self.fail(request, errno);
            return None;
        }
        self.limit(request, &decision)
    }

    fn fail(&self, request: Request, errno: Errno) {
        lock(&self.shared.injected).errors += 1;
        request.complete(Err(errno.into()));
    }

    /// Makes a transfer shorter, for a decision's sake or since the space ends.
    fn limit(&self, mut request: Request, decision: &Decision) -> Option<Request> {
        let wanted = request.op().length();
        let mut allowed = decision.short.map_or(wanted, |length| length.of(wanted));
        let mut reserved = 0;
        if let Some(space) = &self.shared.space
            && request.op().is_write()
            && wanted > 0
        {
            let mut space = lock(space);
            allowed = allowed.min(usize::try_from(space.free).unwrap_or(usize::MAX));
            reserved = allowed as u64;
            if allowed == 0 {
                let errno = space.errno;
                drop(space);
                self.fail(request, errno);
                return None;
            }
            space.free -= reserved;
        }
        let allowed = possible(&request, allowed);
        if allowed < wanted || reserved > 0 {
            let original = shorten(&mut request, allowed);
            let shared = Arc::clone(&self.shared);
            request.on_complete(move |mut request, result| {
                if let Some(end) = original {
                    set_end(request.op_mut(), end);
                }
                let result = result.map(|output| cut(output, allowed));
                shared.settle(&result, wanted, reserved);
                request.complete(result);
            });
        }
        Some(request)
    }

    fn refuses(&self) -> bool {
        let number = self.shared.refusals.fetch_add(1, Ordering::Relaxed);
        let refuses = self.plan.refuses(number);
        if refuses {
            lock(&self.shared.injected).refused += 1;
        }
        refuses
    }
}

impl Shared {
    /// Counts a shortened transfer and gives unused space back.
    fn settle(&self, result: &io::Result<Output>, wanted: usize, reserved: u64) {
        let moved = match result {
            Ok(Output::Bytes(bytes)) => *bytes,
            _ => 0,
        };
        if result.is_ok() && moved < wanted {
            lock(&self.injected).short += 1;
        }
        if let Some(space) = &self.space {
            lock(space).free += reserved.saturating_sub(moved as u64);
        }
    }
}

impl Backend for Faulty {
    fn kind(&self) -> BackendKind {
        BackendKind::Other("faulty")
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    fn queue(&self, request: Request) -> QueueId {
        if self.refuses() {
            request.complete(Err(Errno::EAGAIN.into()));
            return QueueId(0);
        }
        match self.meddle(request) {
            Some(request) => self.inner.queue(request),
            None => QueueId(0),
        }
    }

    crate::forward!(inner: commit, cancel, reap, descriptor);

    fn shutdown(&self, deadline: Instant) -> usize {
        let within = self.inner.shutdown(deadline);
        within + self.holder.as_ref().map_or(0, |holder| holder.drain(deadline))
    }
}

/// The bytes that may really be left out: what has no offset cannot be cut after the fact, and
/// O_DIRECT moves whole blocks.
fn possible(request: &Request, allowed: usize) -> usize {
    let op = request.op();
    let Some(file) = request.file() else { return allowed };
    let vectored = matches!(op.kind(), OpKind::ReadVectored | OpKind::WriteVectored);
    let in_sequence = file.class() == FileClass::Stream || (op.is_write() && file.is_append());
    if vectored && in_sequence {
        return op.length();
    }
    if !file.is_direct() {
        return allowed;
    }
    blocks(file, op, allowed).min(op.length())
}

fn blocks(file: &SharedFile, op: &Op, allowed: usize) -> usize {
    let alignment = file.direct_alignment().map_or(4096, |alignment| match op.is_write() {
        true => alignment.write,
        false => alignment.read,
    });
    let block = usize::try_from(alignment).unwrap_or(4096).max(1);
    (allowed / block).max(1) * block
}

/// Cuts the range of a read or write. Returns where it ended, to be restored before the answer.
fn shorten(request: &mut Request, length: usize) -> Option<usize> {
    match request.op_mut() {
        Op::Read { range, .. } | Op::Write { range, .. } => {
            let end = range.end;
            range.end = end.min(range.start + length);
            Some(end)
        }
        _ => None,
    }
}

fn set_end(op: &mut Op, end: usize) {
    if let Op::Read { range, .. } | Op::Write { range, .. } = op {
        range.end = end;
    }
}

/// Tells of fewer bytes than a vectored transfer moved. The caller goes on after them, so that the
/// rest is moved once more, to the same place.
fn cut(output: Output, allowed: usize) -> Output {
    match output {
        Output::Bytes(bytes) => Output::Bytes(bytes.min(allowed)),
        other => other,
    }
}

#[cfg(test)]
#[path = "faulty/tests.rs"]
mod tests;
