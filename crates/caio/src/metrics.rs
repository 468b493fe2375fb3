//! What was done, counted. Spread over shards by thread, so that threads do not contend.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::completion::Outcome;
use crate::error::ErrorKind;
use crate::op::{OpKind, Output};
use crate::sync::thread_index;

/// The metrics of a context at one moment.
///
/// `submitted == completed + in_flight`, at every moment.
///
/// ```
/// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
/// # doc::run(async {
/// # let context = doc::served_by(doc::keep)?;
/// # let file = doc::file_with(b"")?;
/// use caio::{Op, Metrics};
///
/// let _operations = context.submit_all(&file, [Op::Fsync, Op::Fdatasync]);
/// let metrics: Metrics = context.metrics();
/// assert_eq!((metrics.submitted, metrics.in_flight), (2, 2));
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Operations that were accepted: they wait for room, or a backend has or had them.
    pub submitted: u64,
    /// Accepted operations that have ended, in whatever way.
    pub completed: u64,
    /// Operations that were accepted and have not ended.
    pub in_flight: u64,
    /// Operations that were done in place, on the caller's thread, without waiting; they are not
    /// among the submitted.
    pub in_place: u64,
    /// Operations that went to the context's pool since its backend does not serve them well.
    pub routed: u64,
    /// Reads and writes that moved fewer bytes than they were asked to.
    pub short: u64,
    /// Operations that were submitted again after EINTR, EAGAIN or an unsupported-operation errno.
    pub retried: u64,
    /// Operations whose future was dropped before they completed.
    pub cancelled: u64,
    /// Operations that failed.
    pub failed: u64,
    /// Bytes read, in whatever way.
    pub bytes_read: u64,
    /// Bytes written, in whatever way.
    pub bytes_written: u64,
}

const SHARDS: usize = 16;

/// How often a snapshot is begun again.
const LOOKS_MAX: u32 = 100;

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    shards: [Shard; SHARDS],
}

/// One thread's metrics, alone on its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    submitted: AtomicU64,
    completed: AtomicU64,
    in_place: AtomicU64,
    routed: AtomicU64,
    short: AtomicU64,
    retried: AtomicU64,
    cancelled: AtomicU64,
    failed: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

impl Recorder {
    pub(crate) fn submitted(&self, routed: bool) {
        let shard = self.shard();
        add(&shard.submitted, 1);
        if routed {
            add(&shard.routed, 1);
        }
    }

    pub(crate) fn completed(&self, kind: OpKind, outcome: &Outcome) {
        let shard = self.shard();
        match (&outcome.result, &outcome.op) {
            (Ok(Output::Bytes(bytes)), Some(op)) => moved(shard, kind, *bytes, op.length()),
            (Ok(Output::Contents(contents)), _) => moved(shard, kind, contents.len(), 0),
            (Ok(_), _) | (Err(_), None) => {}
            (Err(error), Some(_)) if error.kind() == ErrorKind::Cancelled => {}
            (Err(_), Some(_)) => add(&shard.failed, 1),
        }
        add(&shard.completed, 1);
    }

    /// A read or write in place that moved `bytes` of the `wanted` ones.
    #[inline]
    pub(crate) fn in_place(&self, kind: OpKind, bytes: usize, wanted: usize) {
        let shard = self.shard();
        add(&shard.in_place, 1);
        moved(shard, kind, bytes, wanted);
    }

    /// A file that a closure has read.
    pub(crate) fn read_by_closure(&self, bytes: usize) {
        add(&self.shard().bytes_read, bytes as u64);
    }

    /// An operation in place that moved no bytes: an open, a stat, a close.
    pub(crate) fn in_place_other(&self) {
        add(&self.shard().in_place, 1);
    }

    pub(crate) fn retried(&self) {
        add(&self.shard().retried, 1);
    }

    pub(crate) fn cancelled(&self) {
        add(&self.shard().cancelled, 1);
    }

    /// The sums. Completions are read before submissions, so that one under way is never counted
    /// as completed but not submitted; and again after them, since whoever is submitted into the
    /// place of one that completed meanwhile would seem to be one too many. Where they come without
    /// a break, the last look counts.
    pub(crate) fn snapshot(&self) -> Metrics {
        let sum = |field: fn(&Shard) -> &AtomicU64| {
            self.shards.iter().map(|shard| field(shard).load(Ordering::Acquire)).sum::<u64>()
        };
        let completions = || sum(|shard| &shard.completed);
        let (mut completed, mut submitted) = (completions(), sum(|shard| &shard.submitted));
        for _ in 0..LOOKS_MAX {
            let later = completions();
            if later == completed {
                break;
            }
            (completed, submitted) = (later, sum(|shard| &shard.submitted));
        }
        Metrics {
            submitted,
            completed,
            in_flight: submitted - completed,
            in_place: sum(|shard| &shard.in_place),
            routed: sum(|shard| &shard.routed),
            short: sum(|shard| &shard.short),
            retried: sum(|shard| &shard.retried),
            cancelled: sum(|shard| &shard.cancelled),
            failed: sum(|shard| &shard.failed),
            bytes_read: sum(|shard| &shard.bytes_read),
            bytes_written: sum(|shard| &shard.bytes_written),
        }
    }

    #[inline]
    fn shard(&self) -> &Shard {
        &self.shards[thread_index() % SHARDS]
    }
}

#[inline]
fn moved(shard: &Shard, kind: OpKind, bytes: usize, wanted: usize) {
    let total = match kind {
        OpKind::Write | OpKind::WriteVectored => &shard.bytes_written,
        _ => &shard.bytes_read,
    };
    add(total, bytes as u64);
    if bytes < wanted {
        add(&shard.short, 1);
    }
}

#[inline]
fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Release);
}
