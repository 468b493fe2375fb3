//! Memory whose size a caller or a file has named: taken here alone, and refused with an error
//! where there is none.

use caio::{
    AlignedBuffer, Buffer, DEFAULT_ALIGNMENT, Error, ErrorKind, OpKind, Result, SharedFile,
};

use super::direct;

/// From this size on, in bytes, memory begins at a page: an allocator keeps its own data before
/// large memory, and some processors copy several times slower to an address that lies a few bytes
/// behind a page's beginning, where the page cache's copy begins.
const PAGES_FROM_BYTES: usize = 64 * 1024;

/// Memory for `length` bytes of the file from `offset` on, at an address that O_DIRECT takes where
/// the file was opened with it.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] where there is no memory of that size.
pub(crate) fn reserve(file: &SharedFile, length: usize, offset: u64) -> Result<Buffer> {
    let buffer = match direct::alignment(file) {
        Some(alignment) => AlignedBuffer::try_new(length, alignment.memory).map(Buffer::from),
        None if length < PAGES_FROM_BYTES => {
            let mut vec = Vec::new();
            vec.try_reserve_exact(length).ok().map(|()| Buffer::from(vec))
        }
        None => AlignedBuffer::try_new(length, DEFAULT_ALIGNMENT).map(Buffer::from),
    };
    buffer.ok_or_else(|| no_memory(length).on(file.path()).at(offset))
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
