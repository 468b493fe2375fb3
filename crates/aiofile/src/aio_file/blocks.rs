//! Memory of large reads, which is used again: what comes fresh from the system costs a page fault
//! for each page, which takes as long as copying what is cached into it.
//!
//! Blocks of a few sizes are kept, at most [`IDLE_BYTES_MAX`] of them, after the last `Bytes` of a
//! read is dropped. What was not needed for [`IDLE_TIME_MAX`] goes when the next one is taken or
//! comes back. A `Bytes` that is kept for ever is a block less to be used again, and nothing more:
//! without one, memory is allocated.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use caio::DEFAULT_ALIGNMENT;

/// From this size on, in bytes, memory is a block that begins at a page: below it an allocator uses
/// its own memory again. It keeps its own data before large memory, and some processors copy
/// several times slower to an address that lies a few bytes behind a page's beginning, where the
/// page cache's copy begins.
pub(super) const BLOCK_BYTES_MIN: usize = 64 << 10;

/// The largest block that is kept.
const BLOCK_BYTES_MAX: usize = 32 << 20;

/// Bytes that are kept for the reads to come.
const IDLE_BYTES_MAX: usize = 64 << 20;

/// How long a block is kept that no read needs.
const IDLE_TIME_MAX: Duration = Duration::from_secs(1);

const SIZES: usize = 2 * (BLOCK_BYTES_MAX / BLOCK_BYTES_MIN).ilog2() as usize + 1;

static IDLE: Mutex<Idle> = Mutex::new(Idle::new());

/// Memory for `length` bytes at a multiple of `alignment`; `None` where there is none.
pub(super) fn take(length: usize, alignment: usize) -> Option<BytesMut> {
    if alignment > DEFAULT_ALIGNMENT {
        return fresh(length, alignment);
    }
    let Some(size) = size_for(length) else { return fresh(length, DEFAULT_ALIGNMENT) };
    let used = change(|idle, _| idle.take(size)).flatten();
    used.or_else(|| fresh(bytes_of(size), DEFAULT_ALIGNMENT))
}

/// The same bytes, whose memory is kept for the next read when the last of them is dropped.
pub(super) fn share(bytes: Bytes) -> Bytes {
    Bytes::from_owner(Shared(bytes))
}

/// Memory that no block is used for.
pub(super) fn fresh(length: usize, alignment: usize) -> Option<BytesMut> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(length.checked_add(alignment)?).ok()?;
    // The only share of a vector is made a `BytesMut` as it is, with its capacity.
    let mut memory = BytesMut::from(Bytes::from(memory));
    let lead = memory.as_ptr().align_offset(alignment);
    memory.resize(lead, 0);
    memory.advance(lead);
    Some(memory)
}

/// Does something with the idle blocks, and then frees those that have been idle for too long.
/// Nobody waits for the lock, not even a process that was forked while it was held: then memory
/// comes from the allocator, and goes back to it.
fn change<T>(work: impl FnOnce(&mut Idle, Instant) -> T) -> Option<T> {
    let mut idle = IDLE.try_lock().ok()?;
    let now = Instant::now();
    let result = work(&mut idle, now);
    let outdated = idle.outdated(now);
    drop(idle);
    drop(outdated);
    Some(result)
}

/// The bytes of a read.
struct Shared(Bytes);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Not for memory of another kind, which another owner has.
        let Ok(memory) = std::mem::take(&mut self.0).try_into_mut() else { return };
        let is_at_page = memory.as_ptr().addr().is_multiple_of(DEFAULT_ALIGNMENT);
        if let Some(size) = size_within(memory.capacity()).filter(|_| is_at_page) {
            change(|idle, now| idle.keep(size, memory, now));
        }
    }
}

/// Blocks that no read uses, by size; those that came back last are used first.
struct Idle {
    blocks: [Vec<(Instant, BytesMut)>; SIZES],
    bytes: usize,
}

impl Idle {
    const fn new() -> Self {
        Self { blocks: [const { Vec::new() }; SIZES], bytes: 0 }
    }

    fn take(&mut self, size: usize) -> Option<BytesMut> {
        let (_, memory) = self.blocks[size].pop()?;
        self.bytes -= bytes_of(size);
        Some(memory)
    }

    /// What is beyond the limit comes back.
    fn keep(&mut self, size: usize, memory: BytesMut, now: Instant) -> Option<BytesMut> {
        if self.bytes + bytes_of(size) > IDLE_BYTES_MAX {
            return Some(memory);
        }
        self.bytes += bytes_of(size);
        self.blocks[size].push((now, memory));
        None
    }

    /// Takes those out that have been idle for too long.
    fn outdated(&mut self, now: Instant) -> Vec<(Instant, BytesMut)> {
        let mut outdated = Vec::new();
        for (size, blocks) in self.blocks.iter_mut().enumerate() {
            let is_old =
                |(since, _): &(Instant, _)| now.saturating_duration_since(*since) >= IDLE_TIME_MAX;
            let old = blocks.partition_point(is_old);
            self.bytes -= old * bytes_of(size);
            outdated.extend(blocks.drain(..old));
        }
        outdated
    }
}

/// Bytes of the blocks of a size: powers of two, and those half as large again.
const fn bytes_of(size: usize) -> usize {
    (BLOCK_BYTES_MIN << (size / 2)) / 2 * (2 + size % 2)
}

/// The least size that holds so many bytes.
fn size_for(length: usize) -> Option<usize> {
    (0..SIZES).find(|size| bytes_of(*size) >= length)
}

/// The greatest size that so many bytes hold, where they are hardly more.
fn size_within(capacity: usize) -> Option<usize> {
    let size = (0..SIZES).rfind(|size| bytes_of(*size) <= capacity)?;
    (capacity - bytes_of(size) <= DEFAULT_ALIGNMENT).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(length: usize) -> (usize, BytesMut) {
        let size = size_for(length).unwrap();
        (size, fresh(bytes_of(size), DEFAULT_ALIGNMENT).unwrap())
    }

    #[test]
    fn sizes_are_half_as_large_again_and_hold_what_they_are_for() {
        assert_eq!((bytes_of(0), bytes_of(1), bytes_of(2)), (BLOCK_BYTES_MIN, 96 << 10, 128 << 10));
        assert_eq!(bytes_of(SIZES - 1), BLOCK_BYTES_MAX);
        for length in [BLOCK_BYTES_MIN, BLOCK_BYTES_MIN + 1, 100_000, 1 << 20, BLOCK_BYTES_MAX] {
            let size = size_for(length).unwrap();
            assert!(bytes_of(size) >= length && bytes_of(size) <= length / 2 * 3 + 2, "{length}");
            assert_eq!(size_within(bytes_of(size) + DEFAULT_ALIGNMENT), Some(size));
        }
        assert_eq!(size_for(BLOCK_BYTES_MAX + 1), None);
        assert_eq!(size_within(BLOCK_BYTES_MIN - 1), None);
        assert_eq!(size_within(80 << 10), None, "it would hold memory that nobody uses");
    }

    #[test]
    fn fresh_memory_begins_at_a_page_and_holds_what_it_was_asked_for() {
        for length in [1, BLOCK_BYTES_MIN, 1 << 20] {
            let memory = fresh(length, DEFAULT_ALIGNMENT).unwrap();
            assert!(memory.capacity() >= length && memory.is_empty());
            assert_eq!(memory.as_ptr().addr() % DEFAULT_ALIGNMENT, 0);
        }
        assert!(fresh(usize::MAX / 2, DEFAULT_ALIGNMENT).is_none());
        assert!(fresh(usize::MAX, DEFAULT_ALIGNMENT).is_none());
    }

    #[test]
    fn what_came_back_last_is_used_first_and_no_more_is_kept_than_the_limit() {
        let (mut idle, now) = (Idle::new(), Instant::now());
        let (size, first) = block(BLOCK_BYTES_MAX);
        let second = block(BLOCK_BYTES_MAX).1;
        let addresses = [first.as_ptr(), second.as_ptr()];
        assert!(idle.keep(size, first, now).is_none());
        assert!(idle.keep(size, second, now).is_none());
        assert_eq!(idle.bytes, IDLE_BYTES_MAX);
        let (small, third) = block(BLOCK_BYTES_MIN);
        assert!(idle.keep(small, third, now).is_some(), "beyond the limit");
        assert_eq!(idle.take(size).unwrap().as_ptr(), addresses[1]);
        assert_eq!(idle.take(size).unwrap().as_ptr(), addresses[0]);
        assert!(idle.take(size).is_none());
        assert_eq!(idle.bytes, 0);
    }

    #[test]
    fn what_is_idle_for_long_goes() {
        let (mut idle, now) = (Idle::new(), Instant::now());
        let (size, memory) = block(1 << 20);
        idle.keep(size, memory, now);
        idle.keep(size, block(1 << 20).1, now + IDLE_TIME_MAX / 2);
        idle.keep(0, block(BLOCK_BYTES_MIN).1, now);
        assert!(idle.outdated(now).is_empty());
        assert_eq!(idle.outdated(now + IDLE_TIME_MAX).len(), 2);
        assert_eq!(idle.bytes, bytes_of(size));
        assert_eq!(idle.outdated(now + 2 * IDLE_TIME_MAX).len(), 1);
        assert_eq!(idle.bytes, 0);
    }
}
