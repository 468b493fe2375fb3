//! Buffers whose release is seen at once, and which show a write that comes too late.

use caio::{Buffer, BufferPool, OwnedBuffer, PooledBuffer};

use crate::drive::PATIENCE;
use crate::in_use::eventually;

/// What a buffer holds while nobody has it.
const POISON: u8 = 0xa5;

/// Memory for transfers. A buffer that is dropped, by whomever, is back here at that moment; what
/// writes to it afterwards destroys the poison.
#[derive(Clone)]
pub(crate) struct Guards {
    pool: BufferPool,
    count: usize,
}

impl Guards {
    pub(crate) fn new(count: usize, capacity: usize) -> Self {
        let guards = Self { pool: BufferPool::new(capacity, 4096, count), count };
        let all: Vec<_> = (0..count).map(|_| poisoned(guards.pool.take())).collect();
        drop(all);
        guards
    }

    /// A buffer without contents.
    pub(crate) fn take(&self) -> PooledBuffer {
        assert!(self.pool.idle() > 0, "there are too few buffers");
        self.pool.take()
    }

    /// A buffer with these contents.
    pub(crate) fn with(&self, contents: &[u8]) -> PooledBuffer {
        let mut buffer = self.take();
        buffer.extend_from_slice(contents);
        buffer
    }

    /// How many buffers somebody has.
    pub(crate) fn out(&self) -> usize {
        self.count - self.pool.idle()
    }

    /// Waits until nobody has any.
    pub(crate) fn all_back(&self) -> Result<(), String> {
        eventually(PATIENCE, || match self.out() {
            0 => Ok(()),
            out => Err(format!("{out} buffers do not come back")),
        })
    }

    /// Poisons all that nobody has.
    pub(crate) fn poison(&self) {
        self.each_idle(poisoned);
    }

    /// How many of those that nobody has were written to since they were poisoned.
    pub(crate) fn written(&self) -> usize {
        let mut written = 0;
        self.each_idle(|buffer| {
            let mut buffer = buffer.into_buffer();
            buffer.set_len(usize::MAX);
            written += usize::from(buffer.as_slice().iter().any(|byte| *byte != POISON));
            PooledBuffer::from_buffer(buffer)
        });
        written
    }

    /// That those who are to have buffers have them still, and that nothing writes to the others.
    ///
    /// # Errors
    /// How many were given back too early, or were written to by who had given them back.
    pub(crate) fn no_early_drops(&self, out: usize) -> Result<(), String> {
        match (out.saturating_sub(self.out()), self.written()) {
            (0, 0) => Ok(()),
            (0, written) => Err(format!("{written} buffers were written to after their release")),
            (early, _) => Err(format!("{early} early drops: the server has not answered")),
        }
    }

    fn each_idle(&self, mut change: impl FnMut(PooledBuffer) -> PooledBuffer) {
        let idle: Vec<_> = (0..self.pool.idle()).map(|_| self.pool.take()).collect();
        drop(idle.into_iter().map(&mut change).collect::<Vec<_>>());
    }
}

fn poisoned(buffer: PooledBuffer) -> PooledBuffer {
    let mut buffer: Buffer = buffer.into_buffer();
    let capacity = buffer.capacity();
    buffer.writable(0..capacity).fill(POISON);
    PooledBuffer::from_buffer(buffer)
}
