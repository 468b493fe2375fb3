//! A reused buffer that O_DIRECT accepts, made without `unsafe`: a vector with room to spare, of
//! which the aligned part is used.

use std::ops::{Deref, DerefMut, Range};

/// What O_DIRECT may ask for at most here: a page.
pub const ALIGNMENT: usize = 4096;

/// A vector with room for an aligned stretch of `length` bytes, and where that stretch is. The
/// vector must not grow.
pub fn aligned_vector(length: usize) -> (Vec<u8>, Range<usize>) {
    // Not zeroes, so that a block written can be told from one never written.
    let vector = vec![0xa5; length + ALIGNMENT];
    let start = vector.as_ptr().align_offset(ALIGNMENT);
    (vector, start..start + length)
}

/// An aligned buffer for calls that take slices.
pub struct AlignedBuffer {
    vector: Vec<u8>,
    range: Range<usize>,
}

impl AlignedBuffer {
    /// A buffer of this length.
    pub fn new(length: usize) -> AlignedBuffer {
        let (vector, range) = aligned_vector(length);
        AlignedBuffer { vector, range }
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.vector[self.range.clone()]
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.vector[self.range.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_is_aligned_also_after_a_move() {
        let buffers: Vec<_> = (0..10).map(|_| AlignedBuffer::new(8192)).collect();
        for buffer in buffers {
            assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0);
            assert_eq!(buffer.len(), 8192);
        }
    }
}
