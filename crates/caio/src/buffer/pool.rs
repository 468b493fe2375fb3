//! Aligned buffers of one size that are used again instead of freed.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::aligned::AlignedBuffer;
use crate::sync::{Mutex, lock};

/// A pool of equal, aligned buffers, shared by cloning.
///
/// Taking one never waits: when none is free a new one is allocated. A buffer that is dropped
/// returns and is used again, as long as fewer than `keep_max` are idle.
///
/// ```
/// use caio::BufferPool;
///
/// let pool = BufferPool::new(4096, 4096, 2);
/// let buffer = pool.take();
/// let address = buffer.as_ptr();
/// drop(buffer);
/// assert_eq!(pool.take().as_ptr(), address);
/// ```
#[derive(Clone)]
pub struct BufferPool {
    shared: Arc<Shared>,
}

struct Shared {
    idle: Mutex<Vec<AlignedBuffer>>,
    capacity: usize,
    alignment: usize,
    keep_max: usize,
}

/// A buffer that returns to its pool when dropped.
///
/// ```
/// use caio::{BufferPool, PooledBuffer};
///
/// let pool = BufferPool::new(4096, 512, 1);
/// let mut buffer: PooledBuffer = pool.take();
/// buffer.extend_from_slice(b"as an AlignedBuffer");
/// drop(buffer);
/// // It comes back without its contents.
/// assert!(pool.take().is_empty());
/// ```
pub struct PooledBuffer {
    buffer: AlignedBuffer,
    owner: Option<Arc<Shared>>,
}

impl BufferPool {
    /// A pool of buffers of `capacity` bytes at multiples of `alignment`, which keeps at most
    /// `keep_max` idle ones.
    ///
    /// ```
    /// let pool = caio::BufferPool::new(4096, 512, 1);
    /// let (one, other) = (pool.take(), pool.take());
    /// assert_eq!((one.capacity(), one.alignment()), (4096, 512));
    /// drop((one, other));
    /// assert_eq!(pool.idle(), 1);
    /// ```
    #[must_use]
    pub fn new(capacity: usize, alignment: usize, keep_max: usize) -> Self {
        let idle = Mutex::default();
        Self { shared: Arc::new(Shared { idle, capacity, alignment, keep_max }) }
    }

    /// An empty buffer, used before or new.
    ///
    /// ```
    /// let pool = caio::BufferPool::new(4096, 4096, 1);
    /// let mut buffer = pool.take();
    /// buffer.extend_from_slice(b"some text");
    /// assert_eq!((buffer.len(), buffer.capacity()), (9, 4096));
    /// ```
    #[must_use]
    pub fn take(&self) -> PooledBuffer {
        let idle = lock(&self.shared.idle).pop();
        let buffer =
            idle.unwrap_or_else(|| AlignedBuffer::new(self.shared.capacity, self.shared.alignment));
        PooledBuffer { buffer, owner: Some(Arc::clone(&self.shared)) }
    }

    /// Buffers that are idle now.
    ///
    /// ```
    /// let pool = caio::BufferPool::new(4096, 4096, 8);
    /// let buffer = pool.take();
    /// assert_eq!(pool.idle(), 0);
    /// drop(buffer);
    /// assert_eq!(pool.idle(), 1);
    /// ```
    #[must_use]
    pub fn idle(&self) -> usize {
        lock(&self.shared.idle).len()
    }
}

impl PooledBuffer {
    #[allow(unsafe_code)]
    #[inline]
    pub(super) unsafe fn set_len(&mut self, length: usize) {
        // SAFETY: the caller keeps to the same contract.
        unsafe { self.buffer.set_len(length) };
    }

    #[inline]
    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.buffer.as_mut_ptr()
    }
}

impl Default for PooledBuffer {
    /// An empty buffer of no pool, left in place of one that an abandoned operation kept.
    fn default() -> Self {
        Self { buffer: AlignedBuffer::default(), owner: None }
    }
}

impl Deref for PooledBuffer {
    type Target = AlignedBuffer;

    fn deref(&self) -> &AlignedBuffer {
        &self.buffer
    }
}

impl DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut AlignedBuffer {
        &mut self.buffer
    }
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let Some(owner) = self.owner.take() else { return };
        // The buffer can have been replaced through a mutable borrow.
        let is_equal = (self.capacity(), self.alignment()) == (owner.capacity, owner.alignment);
        let mut idle = lock(&owner.idle);
        if is_equal && idle.len() < owner.keep_max {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            idle.push(buffer);
        }
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BufferPool({} idle of {} bytes)", self.idle(), self.shared.capacity)
    }
}

impl fmt::Debug for PooledBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pooled{:?}", self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_without_end_takes_no_memory() {
        let pool = BufferPool::new(512, 512, usize::MAX);
        drop([pool.take(), pool.take()]);
        assert_eq!(pool.idle(), 2);
    }

    #[test]
    fn a_buffer_that_was_put_in_the_place_of_another_does_not_enter_the_pool() {
        let pool = BufferPool::new(512, 512, 1);
        let mut buffer = pool.take();
        *buffer = AlignedBuffer::new(16, 1);
        drop(buffer);
        assert_eq!(pool.take().capacity(), 512);
    }
}
