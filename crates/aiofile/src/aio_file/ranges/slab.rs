//! Memory for many small ranges: cut from larger pieces, since an allocation for each, given back
//! and taken anew from the system every time, takes longer than reading what is cached.

use bytes::BytesMut;
use caio::{Buffer, DEFAULT_ALIGNMENT, Result, SharedFile};

use crate::aio_file::{blocks, no_memory, reserve};

/// Bytes of a piece. As long as one of its ranges is kept, so is the whole piece.
const PIECE_BYTES: usize = 256 * 1024;

/// Ranges beyond this many bytes get memory of their own.
const SMALL_BYTES: usize = PIECE_BYTES / 8;

/// The rest of a piece, and how much is still to be asked for.
pub(super) struct Slab {
    rest: BytesMut,
    left: usize,
}

impl Slab {
    /// For ranges of these lengths, in bytes.
    pub(super) fn new(lengths: impl Iterator<Item = usize>) -> Self {
        let left = lengths.filter(|length| is_small(*length)).map(padded).sum();
        Self { rest: BytesMut::new(), left }
    }

    /// Memory for one of the ranges of this file.
    ///
    /// # Errors
    /// Where there is no memory.
    pub(super) fn take(&mut self, file: &SharedFile, length: usize, offset: u64) -> Result<Buffer> {
        let cut = padded(length);
        if !is_small(length) || cut > self.left {
            return reserve(file, length, offset);
        }
        if self.rest.capacity() < cut {
            let piece = blocks::fresh(self.left.min(PIECE_BYTES), DEFAULT_ALIGNMENT);
            self.rest = piece.ok_or_else(|| no_memory(length).on(file.path()).at(offset))?;
        }
        self.left -= cut;
        let behind = self.rest.split_off(cut);
        let mut memory = std::mem::replace(&mut self.rest, behind);
        drop(memory.split_off(length));
        Ok(memory.into())
    }
}

fn is_small(length: usize) -> bool {
    (1..=SMALL_BYTES).contains(&length)
}

/// What is read into large ranges comes in pages, and is copied fastest to where a page begins.
fn padded(length: usize) -> usize {
    length.next_multiple_of(if length < DEFAULT_ALIGNMENT { 64 } else { DEFAULT_ALIGNMENT })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> SharedFile {
        SharedFile::from_std(tempfile::tempfile().unwrap()).unwrap()
    }

    #[test]
    fn small_ranges_share_a_piece_and_large_ones_do_not() {
        let lengths = [5000, 100, SMALL_BYTES + 1, 4096];
        let mut slab = Slab::new(lengths.into_iter());
        let buffers: Vec<_> = lengths.map(|length| slab.take(&file(), length, 0).unwrap()).into();
        let capacities: Vec<_> = buffers.iter().map(Buffer::capacity).collect();
        assert_eq!(capacities, lengths);
        let address = |index: usize| buffers[index].as_ptr().addr();
        assert_eq!(address(0) % DEFAULT_ALIGNMENT, 0);
        assert_eq!(address(1), address(0) + 8192);
        assert_eq!(address(3), address(1) + 128);
        assert_eq!(slab.left, 0);
    }

    #[test]
    fn many_ranges_take_several_pieces() {
        let mut slab = Slab::new(std::iter::repeat_n(8192, 100));
        let file = file();
        let buffers: Vec<_> = (0..100).map(|_| slab.take(&file, 8192, 0).unwrap()).collect();
        assert!(buffers.iter().all(|buffer| buffer.capacity() == 8192));
        assert!(buffers.iter().all(|buffer| buffer.as_ptr().addr() % DEFAULT_ALIGNMENT == 0));
    }

    #[test]
    fn what_was_not_announced_gets_memory_of_its_own() {
        let mut slab = Slab::new([10].into_iter());
        assert_eq!(slab.take(&file(), 10, 0).unwrap().capacity(), 10);
        assert!(slab.take(&file(), 10, 0).unwrap().capacity() >= 10);
    }
}
