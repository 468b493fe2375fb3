//! O_DIRECT: what it asks of offsets, lengths and memory, and what is done to meet it.
//!
//! All transfers of an `AioFile` are in `direct/read.rs` and `direct/write.rs`; `Reader` and the
//! ranges, which poll, make their own memory of whole blocks.

mod read;
mod write;

use caio::{
    Buffer, DEFAULT_ALIGNMENT, DirectAlignment, Error, ErrorKind, FileClass, OpKind, Result,
    SharedFile,
};
pub(in crate::aio_file) use read::{cut_within, goes_as_it_is};

/// What to assume of a file that does not tell.
const SAFE: DirectAlignment = DirectAlignment {
    memory: DEFAULT_ALIGNMENT,
    read: DEFAULT_ALIGNMENT as u64,
    write: DEFAULT_ALIGNMENT as u64,
};

/// What transfers of this file have to be like; `None` where anything will do. On a pipe O_DIRECT
/// has another meaning: each write is a packet.
pub(crate) fn alignment(file: &SharedFile) -> Option<DirectAlignment> {
    let is_meant =
        file.is_direct() && matches!(file.class(), FileClass::Regular | FileClass::Block);
    is_meant.then(|| file.direct_alignment().unwrap_or(SAFE))
}

/// A read of this file begins and ends at multiples of so many bytes.
pub(crate) fn read_block(file: &SharedFile) -> u64 {
    alignment(file).map_or(1, |alignment| alignment.read)
}

/// A piece of memory that is to be transferred.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    address: usize,
    length: usize,
}

impl Part {
    /// So many bytes of the buffer, from `start` on.
    pub(super) fn of(buffer: &Buffer, start: usize, length: usize) -> Self {
        Self { address: buffer.as_ptr() as usize + start, length }
    }

    /// Whether O_DIRECT takes it with these demands, at the beginning of a block of the file or
    /// not. What is empty it takes anywhere.
    pub(super) fn fits(self, memory: usize, block: u64, at_block: bool) -> bool {
        let fits = at_block
            && self.address.is_multiple_of(memory)
            && (self.length as u64).is_multiple_of(block);
        fits || self.length == 0
    }
}

/// An extent, widened to whole blocks.
pub(super) struct Wide {
    pub(super) offset: u64,
    pub(super) length: usize,
    /// Bytes before the extent itself.
    pub(super) lead: usize,
}

/// The blocks around an extent of the file.
pub(super) fn widen(file: &SharedFile, length: usize, offset: u64, block: u64) -> Result<Wide> {
    let start = offset - offset % block;
    let end = offset
        .checked_add(length as u64)
        .and_then(|end| end.checked_next_multiple_of(block))
        .filter(|end| i64::try_from(*end).is_ok());
    match end.and_then(|end| usize::try_from(end - start).ok()) {
        Some(wide) => Ok(Wide { offset: start, length: wide, lead: (offset - start) as usize }),
        None => {
            let message = format!(
                "offset {offset} + length {length} ends beyond the largest file offset, 2^63 - 1"
            );
            let error = Error::new(ErrorKind::InvalidInput, message).during(OpKind::Read);
            Err(error.on(file.path()).at(offset))
        }
    }
}

/// The error for a write that O_DIRECT does not take, of which `part` is not aligned, if not the
/// offset alone.
pub(super) fn misaligned(
    file: &SharedFile,
    part: Part,
    offset: u64,
    alignment: DirectAlignment,
) -> Error {
    let DirectAlignment { memory, write, .. } = alignment;
    let Part { address, length } = part;
    let place = match file.is_append() {
        true => String::from("the end of the file"),
        false => format!("offset {offset}"),
    };
    let message = format!(
        "O_DIRECT on this file takes offsets and lengths in multiples of {write} bytes from memory \
         at multiples of {memory}, not {length} bytes at {place} from address {address:#x}"
    );
    Error::new(ErrorKind::InvalidInput, message)
        .during(OpKind::Write)
        .on(file.path())
        .at(offset)
        .hint("use an AlignedBuffer, or open the file with bounce(true)")
}
