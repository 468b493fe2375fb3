//! One chunk of a file after the other, in place where it is cached and read ahead where it is
//! not.
//!
//! What is cached costs one system call when it is asked for, so nothing is read ahead then: it
//! would only be copied earlier. Reading ahead begins with the first chunk that has to wait for the
//! device, and ends with the first chunk ahead that turns out to be cached.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::task::{Context as TaskContext, Poll};

use caio::{Buffer, Error, ErrorKind, FileClass, OpKind, Result, SharedFile, TRANSFER_BYTES_MAX};

use super::piece::{Piece, Progress};
use crate::aio_file::{AioFile, read_block, reserve};

/// What a chunk has unless said otherwise: large enough that the system call no longer counts, and
/// small enough for the second-level cache of any processor.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks read ahead unless said otherwise: with two of them the device stays busy while one is
/// consumed, and still when its completion is picked up late.
const CHUNKS_AHEAD: usize = 2;

/// A position in a file, and the chunks that are being read from there on.
pub(crate) struct Chunks {
    file: AioFile,
    /// Byte offset of the next chunk to be delivered.
    position: u64,
    chunk_bytes: usize,
    chunks_ahead: usize,
    /// Neighbouring pieces from `position` on, some of them in flight.
    queue: VecDeque<Piece>,
    spare: Vec<Buffer>,
    /// The end was seen together with the last bytes, and has not been reported yet.
    ended: bool,
}

/// Bytes that were read. `range` says which of the buffer's are meant.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) buffer: Buffer,
    pub(crate) range: Range<usize>,
    /// Byte offset in the file of the first of them.
    pub(crate) offset: u64,
}

impl Chunks {
    pub(crate) fn new(file: AioFile) -> Self {
        Self {
            file,
            position: 0,
            chunk_bytes: CHUNK_BYTES,
            chunks_ahead: CHUNKS_AHEAD,
            queue: VecDeque::new(),
            spare: Vec::new(),
            ended: false,
        }
    }

    pub(crate) fn file(&self) -> &AioFile {
        &self.file
    }

    /// Byte offset of the next chunk.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Refuses what has no offsets to seek to.
    pub(crate) fn check_seekable(&self) -> Result<()> {
        let file = self.file.file()?;
        if file.is_seekable() {
            return Ok(());
        }
        let error = Error::new(ErrorKind::InvalidInput, "this file has no offsets to seek to");
        Err(error.during(OpKind::Read).on(file.path()))
    }

    /// Goes on from another offset. What was read ahead is forgotten.
    pub(crate) fn seek_to(&mut self, offset: u64) {
        self.position = offset;
        self.ended = false;
        self.queue.clear();
    }

    pub(crate) fn set_chunk_bytes(&mut self, bytes: usize) {
        self.chunk_bytes = bytes;
        self.queue.clear();
        self.spare.clear();
    }

    pub(crate) fn set_chunks_ahead(&mut self, chunks: usize) {
        self.chunks_ahead = chunks;
    }

    /// Takes memory back for a later chunk.
    pub(crate) fn recycle(&mut self, buffer: Buffer) {
        let fits = buffer.capacity() > 0 && buffer.capacity() >= self.capacity();
        if fits && self.spare.len() <= self.chunks_ahead {
            self.spare.push(buffer);
        }
    }

    /// The next chunk; `None` at the end of the file. Asked again after the end, it looks again.
    ///
    /// Nothing is lost between two polls: what is in flight stays here until it is delivered.
    pub(crate) fn poll_next(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Option<Chunk>>> {
        if std::mem::take(&mut self.ended) {
            return Poll::Ready(Ok(None));
        }
        if self.queue.is_empty() {
            let piece = self.piece(self.position)?;
            self.queue.push_back(piece);
        }
        let front = &mut self.queue[0];
        front.confirm_end();
        let progress = match front.poll(cx, &self.file) {
            Poll::Ready(progress) => progress,
            Poll::Pending => {
                if front.was_submitted() {
                    self.read_ahead(cx);
                }
                return Poll::Pending;
            }
        };
        Poll::Ready(self.deliver(cx, progress))
    }

    fn deliver(
        &mut self,
        cx: &mut TaskContext<'_>,
        progress: Result<Progress>,
    ) -> Result<Option<Chunk>> {
        let piece = self.queue.pop_front().expect("a piece was polled");
        let was_submitted = piece.was_submitted();
        let (lead, offset) = (piece.lead(), piece.offset());
        let (buffer, filled) = piece.into_filled();
        // What was read before an error is delivered; the next call meets the error again.
        let progress = match progress {
            Err(error) if filled <= lead => {
                self.queue.clear();
                return Err(error);
            }
            Err(_) => Progress::Stopped,
            Ok(progress) => progress,
        };
        if progress != Progress::Full {
            self.queue.clear();
        }
        if filled <= lead {
            self.recycle(buffer);
            return Ok(None);
        }
        let start = self.position;
        self.position = offset + filled as u64;
        self.ended = progress == Progress::Ended;
        if was_submitted && progress == Progress::Full {
            self.read_ahead(cx);
        }
        Ok(Some(Chunk { buffer, range: lead..filled, offset: start }))
    }

    /// Keeps as many pieces in flight as wanted, until one of them turns out to be cached.
    fn read_ahead(&mut self, cx: &mut TaskContext<'_>) {
        let Ok(file) = self.file.file().cloned() else { return };
        if !matches!(file.class(), FileClass::Regular | FileClass::Block) {
            return;
        }
        while self.queue.len() < self.chunks_ahead {
            let next = self.queue.back().map_or(self.position, Piece::end);
            // Where there is no memory or no such offset, the reader itself will say so.
            let Ok(mut piece) = self.piece(next) else { return };
            let goes_on = match piece.poll_in_place(cx, &self.file) {
                Poll::Ready(Ok(None)) => self.submit_ahead(&file, &mut piece),
                Poll::Ready(Ok(Some(_))) | Poll::Pending => Ok(false),
                Poll::Ready(Err(error)) => Err(error),
            };
            let ended = match goes_on {
                Err(_) => return,
                Ok(false) => true,
                // Polled once, so that it begins.
                Ok(true) => match piece.poll(cx, &self.file) {
                    Poll::Ready(Err(_)) => return,
                    progress => matches!(progress, Poll::Ready(Ok(Progress::Ended))),
                },
            };
            self.queue.push_back(piece);
            if ended {
                return;
            }
        }
    }

    /// Submits what was not asked for yet; whether it was accepted. All reading ahead passes here.
    fn submit_ahead(&self, file: &SharedFile, piece: &mut Piece) -> Result<bool> {
        piece.submit(file, |op| self.file.context().try_submit(file, op))
    }

    fn piece(&mut self, position: u64) -> Result<Piece> {
        if self.chunk_bytes == 0 {
            let error = Error::new(ErrorKind::InvalidInput, "a chunk of 0 bytes holds nothing");
            return Err(error.during(OpKind::Read).hint("ask for at least 1 byte"));
        }
        let block = self.block();
        let lead = (position % block) as usize;
        let buffer = match self.spare.pop() {
            Some(buffer) => buffer,
            None => reserve(self.file.file()?, self.capacity(), position)?,
        };
        Ok(Piece::new(buffer, position - lead as u64, lead, self.capacity()))
    }

    /// Bytes of a chunk, in whole blocks for an O_DIRECT file.
    fn capacity(&self) -> usize {
        self.chunk_bytes.min(TRANSFER_BYTES_MAX / 2).next_multiple_of(self.block() as usize)
    }

    /// Where a read may start, in bytes: anywhere, but for O_DIRECT.
    fn block(&self) -> u64 {
        self.file.file().map_or(1, read_block)
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks")
            .field("file", &self.file)
            .field("position", &self.position)
            .field("chunk_bytes", &self.chunk_bytes)
            .field("pieces", &self.queue.len())
            .finish_non_exhaustive()
    }
}
