//! Buffers that tell who touches them after they were given back.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use caio::{BufferPool, DEFAULT_ALIGNMENT, PooledBuffer};

use crate::held::lock;

/// Buffers for operations under test. What comes back is painted and kept for a while: where the
/// paint has changed, somebody still wrote to memory that was not his any more, and where the
/// paint is in a file, somebody still read it. And it counts those that have not come back.
///
/// The memory stays allocated, so that what is found is told, and is no access to freed memory.
///
/// ```
/// use caio::Buffer;
/// use caio_testkit::Guards;
///
/// let guards = Guards::new(4096, 16);
/// let buffer = Buffer::from(guards.lend());
/// assert_eq!(guards.lent(), 1);
/// drop(buffer);
/// assert_eq!(guards.lent(), 0);
/// guards.look()?;
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct Guards {
    pool: BufferPool,
    /// So many are kept before one is lent again.
    kept: usize,
    /// A buffer full of paint, to compare with.
    painted: Vec<u8>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The addresses of buffers that are not back.
    lent: HashSet<usize>,
    /// What is back, painted, the longest ago first.
    back: VecDeque<PooledBuffer>,
    damage: Option<String>,
}

impl Guards {
    /// What a buffer is full of while it is nobody's. Data under test had better not have it.
    ///
    /// ```
    /// assert_eq!(caio_testkit::Guards::PAINT, 0xa5);
    /// ```
    pub const PAINT: u8 = 0xa5;

    /// Buffers of `capacity` bytes, of which `kept` lie still before one is lent again. They suit
    /// O_DIRECT.
    ///
    /// ```
    /// use caio::DEFAULT_ALIGNMENT;
    /// use caio_testkit::Guards;
    ///
    /// let buffer = Guards::new(4096, 16).lend();
    /// assert_eq!((buffer.len(), buffer.capacity()), (0, 4096));
    /// assert_eq!(buffer.as_ptr() as usize % DEFAULT_ALIGNMENT, 0);
    /// ```
    #[must_use]
    pub fn new(capacity: usize, kept: usize) -> Self {
        let pool = BufferPool::new(capacity, DEFAULT_ALIGNMENT, usize::MAX);
        let painted = vec![Self::PAINT; capacity];
        Self { pool, kept, painted, state: Mutex::default() }
    }

    /// An empty buffer. It is back when it is dropped, whoever does that.
    ///
    /// ```
    /// use caio_testkit::Guards;
    ///
    /// let guards = Guards::new(64, 1);
    /// let mut buffer = guards.lend();
    /// buffer.extend_from_slice(b"data");
    /// drop(buffer);
    /// assert!(guards.lend().is_empty());
    /// ```
    #[must_use]
    pub fn lend(&self) -> PooledBuffer {
        let mut state = lock(&self.state);
        self.take_back(&mut state);
        let oldest = if state.back.len() > self.kept { state.back.pop_front() } else { None };
        if let Some(mut buffer) = oldest {
            let State { damage, lent, .. } = &mut *state;
            *damage = damage.take().or_else(|| self.damage(&buffer));
            lent.insert(address(&buffer));
            buffer.clear();
            return buffer;
        }
        loop {
            let buffer = self.pool.take();
            if state.lent.insert(address(&buffer)) {
                return buffer;
            }
            // It came back just now.
            self.keep(&mut state, buffer);
        }
    }

    /// How many are not back.
    ///
    /// ```
    /// use caio_testkit::Guards;
    ///
    /// let guards = Guards::new(64, 1);
    /// let buffers = [guards.lend(), guards.lend()];
    /// assert_eq!(guards.lent(), 2);
    /// drop(buffers);
    /// assert_eq!(guards.lent(), 0);
    /// ```
    #[must_use]
    pub fn lent(&self) -> usize {
        let mut state = lock(&self.state);
        self.take_back(&mut state);
        state.lent.len()
    }

    /// Looks at all that is back.
    ///
    /// # Errors
    /// What was touched since it came back.
    ///
    /// ```
    /// use caio_testkit::Guards;
    ///
    /// let guards = Guards::new(64, 1);
    /// drop(guards.lend());
    /// assert_eq!(guards.look(), Ok(()));
    /// ```
    pub fn look(&self) -> Result<(), String> {
        let mut state = lock(&self.state);
        self.take_back(&mut state);
        let found = state.back.iter().find_map(|buffer| self.damage(buffer));
        match state.damage.take().or(found) {
            Some(damage) => Err(damage),
            None => Ok(()),
        }
    }

    fn take_back(&self, state: &mut State) {
        while self.pool.idle() > 0 {
            self.keep(state, self.pool.take());
        }
    }

    fn keep(&self, state: &mut State, mut buffer: PooledBuffer) {
        state.lent.remove(&address(&buffer));
        buffer.clear();
        buffer.extend_from_slice(&self.painted);
        state.back.push_back(buffer);
    }

    fn damage(&self, buffer: &PooledBuffer) -> Option<String> {
        if buffer[..] == self.painted[..] {
            return None;
        }
        let at = buffer.iter().position(|byte| *byte != Self::PAINT)?;
        let bytes = &buffer[at..buffer.len().min(at + 8)];
        Some(format!("{bytes:02x?} was written to byte {at} of a buffer that was given back"))
    }
}

fn address(buffer: &PooledBuffer) -> usize {
    buffer.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    /// Writes to memory at an address behind its owner's back, as a kernel does.
    fn write_behind(address: usize, bytes: &[u8]) {
        let memory = File::options().write(true).open("/proc/self/mem").unwrap();
        memory.write_all_at(bytes, address as u64).unwrap();
    }

    #[test]
    fn what_is_written_after_the_return_is_found() {
        let guards = Guards::new(4096, 4);
        let buffer = guards.lend();
        let address = address(&buffer);
        write_behind(address + 5, b"mine");
        drop(buffer);
        assert_eq!(guards.look(), Ok(()));
        write_behind(address + 5, b"late");
        let told = guards.look().unwrap_err();
        assert!(told.contains("[6c, 61, 74, 65, a5, a5, a5, a5]"), "{told}");
        assert!(told.contains("byte 5"), "{told}");
    }

    #[test]
    fn damage_is_remembered_when_its_buffer_is_lent_again() {
        let guards = Guards::new(64, 0);
        let buffer = guards.lend();
        let address = address(&buffer);
        drop(buffer);
        assert_eq!(guards.lent(), 0);
        write_behind(address, b"late");
        assert_eq!(guards.lend().as_ptr() as usize, address);
        assert!(guards.look().is_err());
    }

    #[test]
    fn buffers_lie_still_for_a_while() {
        let guards = Guards::new(64, 2);
        let addresses = [(); 3].map(|()| address(&guards.lend()));
        assert_eq!(HashSet::from(addresses).len(), 3);
        assert_eq!(address(&guards.lend()), addresses[0]);
    }
}
