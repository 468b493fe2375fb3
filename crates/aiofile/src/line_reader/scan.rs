//! Finding lines in chunks. Knows no file: chunks are fed to it and lines come out.
//!
//! A line that lies within a chunk stays there. Only what is left of a chunk without a separator is
//! carried over, and so no byte is searched twice.

use std::fmt;
use std::ops::Range;

use caio::Buffer;
use memchr::memchr;
use memchr::memmem::Finder;

use crate::reader::Chunk;

/// The chunk that is being gone through, the cursor in it, and what ends a line.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) memory: Memory,
    pub(super) cursor: Cursor,
    separator: Separator,
    crlf: bool,
}

/// Where the bytes of lines lie. Apart from the cursor, so that a line can be lent while the cursor
/// is put back.
#[derive(Default)]
pub(super) struct Memory {
    chunk: Buffer,
    carry: Vec<u8>,
}

/// How far the scan has come.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Bytes of the chunk that were not given yet.
    rest: Range<usize>,
    /// Byte offset in the file of the end of the chunk.
    end: u64,
    carried: Carried,
}

/// What the carried bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// Nothing that matters any more.
    Nothing,
    /// The start of a line, so many bytes, up to the rest of the chunk.
    Part(usize),
    /// A whole line and its separator, so many bytes, to be given once more.
    Whole(Line, usize),
    /// The last bytes of a line that is being passed over, in which a separator may have begun.
    Skipping { any: bool },
}

/// Which bytes a line has, without its separator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    carried: bool,
    start: usize,
    end: usize,
    /// Bytes with everything that belongs to the line.
    whole: usize,
}

/// What a search came to.
#[derive(Debug)]
pub(super) enum Found {
    Line(Line),
    TooLong,
    /// There is no memory for so many bytes of a line that crosses chunks.
    NoMemory(usize),
    /// No separator in what there is.
    Nothing,
}

enum Separator {
    None,
    Byte(u8),
    Bytes(Box<Finder<'static>>),
}

impl Scan {
    pub(super) fn new(separator: &[u8]) -> Self {
        let cursor = Cursor { rest: 0..0, end: 0, carried: Carried::Nothing };
        let separator = Separator::new(separator);
        Self { memory: Memory::default(), cursor, separator, crlf: false }
    }

    pub(super) fn set_separator(&mut self, separator: &[u8]) {
        self.separator = Separator::new(separator);
    }

    pub(super) fn set_crlf(&mut self, crlf: bool) {
        self.crlf = crlf;
    }

    /// Forgets everything and expects a chunk that starts at `offset`.
    pub(super) fn seek_to(&mut self, offset: u64) {
        self.cursor = Cursor { rest: 0..0, end: offset, carried: Carried::Nothing };
    }

    /// Byte offset of the next line.
    pub(super) fn position(&self) -> u64 {
        self.cursor.position()
    }

    /// Takes the next chunk. The one before must have been used up.
    pub(super) fn feed(&mut self, chunk: Chunk) {
        debug_assert!(self.cursor.rest.is_empty());
        self.cursor.end = chunk.offset + chunk.range.len() as u64;
        self.cursor.rest = chunk.range;
        self.memory.chunk = chunk.buffer;
    }

    /// Gives back the memory of a chunk that was used up.
    pub(super) fn release(&mut self) -> Buffer {
        debug_assert!(self.cursor.rest.is_empty());
        self.cursor.rest = 0..0;
        std::mem::take(&mut self.memory.chunk)
    }

    /// The next line where it lies within the chunk: the common case, and nothing else.
    #[inline]
    pub(super) fn in_chunk(&mut self, line_bytes_max: usize) -> Option<Line> {
        if !matches!(self.cursor.carried, Carried::Nothing) {
            return None;
        }
        let rest = &self.memory.chunk.as_slice()[self.cursor.rest.clone()];
        let length = self.separator.find(rest)?;
        if length > line_bytes_max {
            return None;
        }
        let stripped = self.stripped(&rest[..length]);
        let start = self.cursor.rest.start;
        let whole = length + self.separator.len();
        self.cursor.rest.start += whole;
        Some(Line { carried: false, start, end: start + stripped, whole })
    }

    /// The next line out of what there is. Where there is none, all bytes have been carried over.
    pub(super) fn next(&mut self, line_bytes_max: usize) -> Found {
        match self.cursor.carried {
            Carried::Whole(line, _) => {
                self.cursor.carried = Carried::Nothing;
                return Found::Line(line);
            }
            Carried::Nothing => {
                if let Some(line) = self.in_chunk(line_bytes_max) {
                    return Found::Line(line);
                }
                self.memory.carry.clear();
            }
            Carried::Part(_) => {}
            Carried::Skipping { .. } => unreachable!("a line is passed over before the next"),
        }
        let had = self.memory.carry.len();
        // Bytes of a line that is not too long, though the start of a separator may follow.
        let carry_max = line_bytes_max.saturating_add(self.separator.len().saturating_sub(1));
        match self.end_of_line() {
            Some((length, _)) if length > line_bytes_max => Found::TooLong,
            Some((length, consumed)) => {
                let taken = self.cursor.rest.start..self.cursor.rest.start + consumed;
                if let Err(length) = self.memory.carry_over(taken, 0) {
                    return Found::NoMemory(length);
                }
                self.cursor.rest.start += consumed;
                self.cursor.carried = Carried::Nothing;
                let end = self.stripped(&self.memory.carry[..length]);
                Found::Line(Line { carried: true, start: 0, end, whole: had + consumed })
            }
            None if had + self.cursor.rest.len() > carry_max => Found::TooLong,
            None => {
                // The start of a separator is put behind it for a moment.
                let spare = self.separator.len();
                if let Err(length) = self.memory.carry_over(self.cursor.rest.clone(), spare) {
                    return Found::NoMemory(length);
                }
                self.cursor.rest.start = self.cursor.rest.end;
                self.cursor.carried = match self.memory.carry.len() {
                    0 => Carried::Nothing,
                    length => Carried::Part(length),
                };
                Found::Nothing
            }
        }
    }

    /// What there is at the end of the file: a last line without separator, if any.
    pub(super) fn finish(&mut self, line_bytes_max: usize) -> Found {
        let Carried::Part(length) = self.cursor.carried else { return Found::Nothing };
        if length > line_bytes_max {
            return Found::TooLong;
        }
        self.cursor.carried = Carried::Nothing;
        Found::Line(Line { carried: true, start: 0, end: length, whole: length })
    }

    pub(super) fn is_skipping(&self) -> bool {
        matches!(self.cursor.carried, Carried::Skipping { .. })
    }

    /// Makes the next line one to be passed over.
    pub(super) fn begin_skip(&mut self) {
        self.cursor.carried = match self.cursor.carried {
            Carried::Nothing => {
                self.memory.carry.clear();
                Carried::Skipping { any: false }
            }
            Carried::Part(_) => Carried::Skipping { any: true },
            Carried::Whole(..) => Carried::Nothing,
            skipping @ Carried::Skipping { .. } => skipping,
        };
    }

    /// Passes over what there is of the line; whether that was all of it.
    pub(super) fn skip(&mut self) -> bool {
        let Carried::Skipping { any } = self.cursor.carried else { return true };
        if let Some((_, consumed)) = self.end_of_line() {
            self.cursor.rest.start += consumed;
            self.cursor.carried = Carried::Nothing;
            return true;
        }
        let any = any || !self.cursor.rest.is_empty();
        self.cursor.carried = Carried::Skipping { any };
        let tail = self.separator.len().saturating_sub(1);
        let rest = self.cursor.rest.clone();
        // Nothing else of the line is kept.
        self.memory.keep_last(tail);
        let last = rest.end.saturating_sub(tail).max(rest.start)..rest.end;
        self.memory.carry.extend_from_slice(&self.memory.chunk.as_slice()[last]);
        self.memory.keep_last(tail);
        self.cursor.rest.start = rest.end;
        false
    }

    /// Ends passing over at the end of the file; whether there was anything.
    pub(super) fn finish_skip(&mut self) -> bool {
        let carried = std::mem::replace(&mut self.cursor.carried, Carried::Nothing);
        carried == Carried::Skipping { any: true }
    }

    /// The length of the line that the carried bytes begin, and how many bytes of the rest belong
    /// to it and its separator.
    fn end_of_line(&mut self) -> Option<(usize, usize)> {
        let Memory { chunk, carry } = &mut self.memory;
        let rest = &chunk.as_slice()[self.cursor.rest.clone()];
        let (had, length) = (carry.len(), self.separator.len());
        // A separator may have begun in the carried bytes: put its possible places together.
        let overlap = length.saturating_sub(1);
        if overlap > 0 && had > 0 {
            let from = had.saturating_sub(overlap);
            carry.extend_from_slice(&rest[..overlap.min(rest.len())]);
            let found = self.separator.find(&carry[from..]);
            carry.truncate(had);
            if let Some(at) = found {
                return Some((from + at, from + at + length - had));
            }
        }
        let at = self.separator.find(rest)?;
        Some((had + at, at + length))
    }

    #[inline]
    fn stripped(&self, line: &[u8]) -> usize {
        let strip = self.crlf && line.last() == Some(&b'\r');
        line.len() - usize::from(strip)
    }
}

impl Memory {
    /// The bytes of a line that was found last.
    #[inline]
    pub(super) fn bytes(&self, line: Line) -> &[u8] {
        let memory = if line.carried { &self.carry[..] } else { self.chunk.as_slice() };
        &memory[line.start..line.end]
    }

    /// Adds bytes of the chunk to those carried, with room for some more; or tells how long they
    /// would have been, where there is no memory.
    fn carry_over(&mut self, range: Range<usize>, spare: usize) -> Result<(), usize> {
        let more = range.len() + spare;
        self.carry.try_reserve(more).map_err(|_| self.carry.len() + more)?;
        self.carry.extend_from_slice(&self.chunk.as_slice()[range]);
        Ok(())
    }

    /// Drops carried bytes but the last ones.
    fn keep_last(&mut self, bytes: usize) {
        let surplus = self.carry.len().saturating_sub(bytes);
        self.carry.drain(..surplus);
    }
}

impl Cursor {
    /// Byte offset of the next line.
    pub(super) fn position(&self) -> u64 {
        let carried = match self.carried {
            Carried::Part(bytes) | Carried::Whole(_, bytes) => bytes,
            Carried::Nothing | Carried::Skipping { .. } => 0,
        };
        self.end - (self.rest.len() + carried) as u64
    }

    /// Takes the line that was found last for not given.
    pub(super) fn put_back(&mut self, line: Line) {
        if line.carried {
            self.carried = Carried::Whole(line, line.whole);
        } else {
            self.rest.start = line.start;
        }
    }
}

impl Separator {
    fn new(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::None,
            [byte] => Self::Byte(*byte),
            _ => Self::Bytes(Box::new(Finder::new(bytes).into_owned())),
        }
    }

    #[inline]
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Byte(byte) => memchr(*byte, bytes),
            Self::Bytes(finder) => finder.find(bytes),
            Self::None => None,
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Byte(_) => 1,
            Self::Bytes(finder) => finder.needle().len(),
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({:?}, {} carried)", self.chunk, self.carry.len())
    }
}

impl fmt::Debug for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Byte(byte) => write!(f, "{:?}", (*byte as char).to_string()),
            Self::Bytes(finder) => write!(f, "{:?}", String::from_utf8_lossy(finder.needle())),
        }
    }
}
