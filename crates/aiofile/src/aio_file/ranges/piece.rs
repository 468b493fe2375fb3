//! A piece of a coalesced read: memory of its own, and one operation at a time.

use std::ops::Range;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::BytesMut;
use caio::{Buffer, Error, Op, OwnedBuffer, Result, SharedFile};

use super::slab::Slab;
use crate::aio_file::{AioFile, direct, reserve};

/// What is longer is read in pieces of so many bytes at once, each of which a device or a thread
/// has to itself.
pub(super) const PIECE_BYTES: usize = 256 << 10;

pub(super) struct Piece {
    /// Byte offset of the buffer's first byte.
    offset: u64,
    /// Bytes to ask for: whole blocks for an O_DIRECT file.
    wanted: usize,
    /// Bytes that suffice.
    needed: usize,
    filled: usize,
    /// Empty until the read begins. What is longer than [`PIECE_BYTES`] is a `BytesMut`.
    buffer: Buffer,
    error: Option<Error>,
}

impl Piece {
    /// All of what is read together: this extent, and the blocks around it.
    pub(super) fn new(extent: &Range<u64>, block: u64) -> Self {
        let offset = extent.start - extent.start % block;
        let end = extent.end.next_multiple_of(block);
        Self {
            offset,
            wanted: usize::try_from(end - offset).unwrap_or(usize::MAX),
            needed: usize::try_from(extent.end - offset).unwrap_or(usize::MAX),
            filled: 0,
            buffer: Buffer::default(),
            error: None,
        }
    }

    /// Byte offset of its memory's first byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of memory that it takes.
    pub(super) fn length(&self) -> usize {
        self.wanted
    }

    /// `Some` when the read is done, `None` when the rest has to go through the backend.
    pub(super) fn poll_in_place(
        &mut self,
        cx: &mut TaskContext<'_>,
        file: &AioFile,
        slab: &mut Slab,
    ) -> Poll<Option<Result<()>>> {
        let shared = match file.file() {
            Ok(shared) => shared,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        if self.buffer.capacity() < self.wanted {
            match self.memory(shared, slab) {
                Ok(buffer) => self.buffer = buffer,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        loop {
            let (range, offset) = (self.filled..self.wanted, self.offset + self.filled as u64);
            let buffer = &mut self.buffer;
            let read = file.context().poll_try_read(cx, shared, buffer, range, offset);
            let read = ready!(read);
            match read {
                Ok(Some(bytes)) if self.account(bytes, shared) => {
                    return Poll::Ready(Some(Ok(())));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    fn memory(&self, file: &SharedFile, slab: &mut Slab) -> Result<Buffer> {
        match direct::alignment(file) {
            Some(_) => reserve(file, self.wanted, self.offset),
            None => slab.take(file, self.wanted, self.offset),
        }
    }

    /// What has not been read yet, in pieces that are read at once; the first one begins with what
    /// has been.
    pub(super) fn split(mut self, file: &SharedFile) -> Vec<Self> {
        let mut end = self.start(file) + PIECE_BYTES;
        if self.wanted <= end {
            return vec![self];
        }
        let mut memory = BytesMut::from_buffer(std::mem::take(&mut self.buffer));
        let (mut start, mut pieces) = (0, Vec::new());
        while start < self.wanted {
            let behind = match end < self.wanted {
                true => memory.split_off(end - start),
                false => BytesMut::new(),
            };
            pieces.push(Self {
                offset: self.offset + start as u64,
                wanted: end.min(self.wanted) - start,
                needed: end.min(self.needed) - start,
                filled: if start == 0 { self.filled } else { 0 },
                buffer: std::mem::replace(&mut memory, behind).into(),
                error: None,
            });
            (start, end) = (end, end + PIECE_BYTES);
        }
        pieces
    }

    /// Puts pieces together that were split: the memory, of which what was read without a gap is
    /// the contents, and what went wrong where that ends.
    pub(super) fn join(pieces: impl IntoIterator<Item = Self>) -> (Buffer, Option<Error>) {
        let mut pieces = pieces.into_iter().peekable();
        let Some(mut last) = pieces.next() else { return (Buffer::default(), None) };
        let mut filled = last.filled;
        let mut buffer = std::mem::take(&mut last.buffer);
        if pieces.peek().is_some() {
            let mut memory = BytesMut::from_buffer(buffer);
            for mut piece in pieces {
                memory.resize(memory.capacity(), 0);
                let behind = BytesMut::from_buffer(std::mem::take(&mut piece.buffer));
                let is_lost = behind.capacity() == 0;
                memory.unsplit(behind);
                if last.is_whole() {
                    filled += piece.filled;
                    last = piece;
                }
                // An operation that was abandoned keeps its memory, and what is behind is no more
                // part of the same.
                if is_lost {
                    break;
                }
            }
            buffer = memory.into();
        }
        buffer.set_len(filled);
        (buffer, last.error)
    }

    /// Where the next step begins. O_DIRECT reads a block again within which it was cut.
    fn start(&self, file: &SharedFile) -> usize {
        self.filled - self.filled % direct::read_block(file) as usize
    }

    /// The next step, which takes the memory along.
    pub(super) fn op(&mut self, file: &SharedFile) -> Op {
        let buffer = std::mem::take(&mut self.buffer);
        let start = self.start(file);
        Op::Read { buffer, range: start..self.wanted, offset: self.offset + start as u64 }
    }

    /// Takes back what a step took along.
    pub(super) fn give_back(&mut self, buffer: Buffer) {
        self.buffer = buffer;
    }

    /// Ends it with an error; where an operation kept the memory, nothing of it was read.
    pub(super) fn fail(&mut self, error: Error) {
        if self.buffer.capacity() == 0 {
            self.filled = 0;
        }
        self.error = Some(error);
    }

    /// Adds what one step gave; whether the read is done with it.
    pub(super) fn account(&mut self, bytes: usize, file: &SharedFile) -> bool {
        let reached = self.start(file) + bytes;
        let is_new = reached > self.filled;
        self.filled = self.filled.max(reached);
        self.buffer.set_len(self.filled);
        !is_new || self.is_whole()
    }

    fn is_whole(&self) -> bool {
        self.filled >= self.needed
    }
}

#[cfg(test)]
mod tests {
    use caio::ErrorKind;

    use super::*;

    const WHOLE: usize = 3 * PIECE_BYTES + 1000;

    /// A read of which so many bytes have come in place, in its pieces.
    fn split(filled: usize) -> Vec<Piece> {
        let file = SharedFile::from_std(tempfile::tempfile().unwrap()).unwrap();
        let mut piece = Piece::new(&(500..500 + WHOLE as u64), 1);
        piece.buffer = reserve(&file, WHOLE, 500).unwrap();
        fill(&mut piece, filled);
        piece.split(&file)
    }

    /// Each byte says which piece of the file it is of.
    fn fill(piece: &mut Piece, bytes: usize) {
        let number = ((piece.offset - 500) as usize / PIECE_BYTES) as u8;
        piece.buffer.writable(0..bytes).fill(number);
        piece.filled = bytes;
        piece.buffer.set_len(bytes);
    }

    #[test]
    fn pieces_are_next_to_each_other_and_the_first_has_what_was_read() {
        let mut pieces = split(70_000);
        let extents: Vec<_> = pieces.iter().map(|one| (one.offset, one.wanted)).collect();
        let first = 70_000 + PIECE_BYTES;
        let rest = WHOLE - first - PIECE_BYTES;
        let second = 500 + first as u64;
        let third = second + PIECE_BYTES as u64;
        assert_eq!(extents, [(500, first), (second, PIECE_BYTES), (third, rest)]);
        assert_eq!(pieces[0].filled, 70_000);
        let start = pieces[0].buffer.as_ptr();
        for piece in &mut pieces {
            fill(piece, piece.wanted);
        }
        let (buffer, error) = Piece::join(pieces);
        assert_eq!((buffer.as_ptr(), buffer.len()), (start, WHOLE));
        assert!(buffer.capacity() >= WHOLE && error.is_none());
    }

    #[test]
    fn what_is_behind_a_gap_is_not_shown_and_the_gap_has_the_error() {
        for (broken, read) in [(0, 20), (1, PIECE_BYTES + 20), (3, 3 * PIECE_BYTES + 20)] {
            for loses in [false, true] {
                let mut pieces = split(0);
                for (number, piece) in pieces.iter_mut().enumerate() {
                    fill(piece, if number == broken { 20 } else { piece.wanted });
                }
                if loses {
                    drop(std::mem::take(&mut pieces[broken].buffer));
                }
                pieces[broken].fail(Error::new(ErrorKind::Abandoned, "told"));
                let (buffer, error) = Piece::join(pieces);
                assert_eq!(buffer.len(), if loses { read - 20 } else { read });
                let seen = buffer.as_slice().chunks(PIECE_BYTES).enumerate();
                assert!(seen.into_iter().all(|(at, part)| part.iter().all(|b| *b == at as u8)));
                assert!(error.unwrap().to_string().contains("told"));
            }
        }
    }
}
