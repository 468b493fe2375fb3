//! What can be chosen about rings.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use crate::backend::QueueId;

/// What can be chosen about rings. The default suits a program that does not know better.
///
/// ```
/// use caio::Backend;
/// use caio::backend::uring::{Options, Uring};
///
/// let few = Options { requests_max: 64, rings: 1, ..Options::default() };
/// if let Ok(backend) = Uring::open(&few) {
///     assert!(backend.capability().requests_max <= 64);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The most requests in flight on one ring, 1 to 32768. This many are taken whichever thread
    /// submits them. Each ring reserves a completion entry of 16 bytes for each of them.
    pub requests_max: usize,
    /// The most rings, 1 to 64. The n-th thread that submits uses ring n modulo this; a ring is
    /// made when it is first needed.
    pub rings: usize,
    /// Whether a kernel thread for each ring takes submissions without a system call
    /// (`IORING_SETUP_SQPOLL`), and after how many idle milliseconds it sleeps. It uses up a
    /// processor while it does not.
    pub sqpoll_idle_ms: Option<u32>,
    /// The most kernel threads that serve what cannot be done without blocking, such as buffered
    /// writes on ext4; 0 leaves it to the kernel. The kernel counts them for each submitting
    /// thread, so every ring is given its share.
    pub kernel_workers_max: u32,
    /// Entries of each submission queue, rounded up to a power of two: how many requests one
    /// system call submits.
    pub entries: u32,
}

impl Default for Options {
    /// 512 requests, as many rings as processors (16 at most), no polling kernel thread, two
    /// kernel workers for each processor (4 to 32), 128 entries.
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = u32::try_from(processors.saturating_mul(2)).unwrap_or(u32::MAX);
        Self {
            requests_max: 512,
            rings: processors.clamp(1, 16),
            sqpoll_idle_ms: None,
            kernel_workers_max: workers.clamp(4, 32),
            entries: 128,
        }
    }
}

impl Options {
    /// The same options, each within its limits.
    pub(super) fn clamped(&self) -> Self {
        Self {
            requests_max: self.requests_max.clamp(1, 1 << 15),
            rings: self.rings.clamp(1, QueueId::MAX),
            entries: self.entries.clamp(2, 1 << 12),
            ..self.clone()
        }
    }
}
