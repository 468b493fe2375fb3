//! Memory whose size a caller or a file has named: taken here alone, and refused with an error
//! where there is none.

use bytes::Bytes;
use caio::{
    AlignedBuffer, Buffer, DEFAULT_ALIGNMENT, Error, ErrorKind, OpKind, Result, SharedFile,
};

use super::{blocks, direct};

/// Memory for `length` bytes of the file from `offset` on, at an address that O_DIRECT takes where
/// the file was opened with it. Large memory is a [block](super::blocks): [`share`] its contents.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] where there is no memory of that size.
pub(crate) fn reserve(file: &SharedFile, length: usize, offset: u64) -> Result<Buffer> {
    let alignment = direct::alignment(file).map(|alignment| alignment.memory);
    let buffer = match alignment {
        _ if length >= blocks::BLOCK_BYTES_MIN => {
            let alignment = alignment.map_or(DEFAULT_ALIGNMENT, |own| own.max(DEFAULT_ALIGNMENT));
            blocks::take(length, alignment).map(Buffer::from)
        }
        Some(alignment) => AlignedBuffer::try_new(length, alignment).map(Buffer::from),
        None => {
            let mut vec = Vec::new();
            vec.try_reserve_exact(length).ok().map(|()| Buffer::from(vec))
        }
    };
    buffer.ok_or_else(|| no_memory(length).on(file.path()).at(offset))
}

/// The contents of memory that was reserved, which is used again after the last share is dropped.
pub(crate) fn share(buffer: Buffer) -> Bytes {
    let is_block = buffer.capacity() >= blocks::BLOCK_BYTES_MIN;
    let bytes = buffer.into_bytes();
    if is_block { blocks::share(bytes) } else { bytes }
}

/// The same contents in memory for `length` bytes, which are more than they have now.
///
/// # Errors
/// As for [`reserve`].
pub(crate) fn grow(
    file: &SharedFile,
    buffer: &Buffer,
    length: usize,
    offset: u64,
) -> Result<Buffer> {
    let mut larger = reserve(file, length, offset)?;
    larger.writable(0..buffer.len()).copy_from_slice(buffer.as_slice());
    larger.set_len(buffer.len());
    Ok(larger)
}

/// The error for memory of `length` bytes that cannot be had.
pub(crate) fn no_memory(length: usize) -> Error {
    let message = format!("no memory for a buffer of {length} bytes");
    let error = Error::new(ErrorKind::InvalidInput, message).during(OpKind::Read);
    error.hint("read it in smaller pieces, for example with a Reader")
}
