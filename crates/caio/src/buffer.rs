//! Owned memory for one operation.
//!
//! A buffer moves into the operation and comes back with the result, so that the kernel can use
//! it until it has finished, whatever happens to the future that waits. Its bytes are on the heap
//! (or in static memory): moving the value never moves them.
//!
//! No uninitialised byte is ever visible: the buffer remembers how far it has been written, and
//! its length never goes beyond that.

mod aligned;
mod into_buffer;
mod owned;
mod owner;
mod pool;

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use owner::OwnedElsewhere;

pub use aligned::{AlignedBuffer, DEFAULT_ALIGNMENT};
pub use into_buffer::IntoBuffer;
pub use owned::{OwnedBuffer, OwnedBufferMut};
pub use owner::BufferOwner;
pub use pool::{BufferPool, PooledBuffer};

/// One owned byte buffer of any of the supported types.
///
/// ```
/// use caio::Buffer;
///
/// let mut buffer = Buffer::from(Vec::with_capacity(16));
/// assert_eq!((buffer.len(), buffer.capacity()), (0, 16));
/// buffer.writable(0..4).copy_from_slice(b"data");
/// buffer.set_len(4);
/// assert_eq!(buffer.as_slice(), b"data");
/// ```
pub struct Buffer {
    memory: Memory,
    /// Bytes from the start that hold values; never below the length.
    initialized: usize,
}

enum Memory {
    Vec(Vec<u8>),
    Static(&'static [u8]),
    Bytes(Bytes),
    BytesMut(BytesMut),
    Aligned(AlignedBuffer),
    Pooled(PooledBuffer),
    Elsewhere(Box<OwnedElsewhere>),
}

impl Buffer {
    /// A buffer in the memory of something else, whose contents are what is initialised of it. The
    /// value stays in the buffer; [`into_owner`](Self::into_owner) takes it out again.
    ///
    /// ```
    /// use caio::{Buffer, BufferOwner};
    ///
    /// struct Page(Box<[u8; 4096]>);
    ///
    /// // SAFETY: the box owns its bytes, which stay where they are when it is moved.
    /// unsafe impl BufferOwner for Page {
    ///     fn as_mut_ptr(&mut self) -> *mut u8 {
    ///         self.0.as_mut_ptr()
    ///     }
    ///
    ///     fn capacity(&self) -> usize {
    ///         self.0.len()
    ///     }
    ///
    ///     fn initialized(&self) -> usize {
    ///         self.0.len()
    ///     }
    /// }
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"some text")?;
    /// let buffer = Buffer::from_owner(Page(Box::new([0; 4096])));
    /// let (read, buffer) = context.read(&file, buffer, 0..4096, 0).await;
    /// let page: Page = buffer.into_owner().expect("it is the one that was lent");
    /// assert_eq!(&page.0[..read?], b"some text");
    /// # Ok(())
    /// # });
    /// ```
    pub fn from_owner(owner: impl BufferOwner) -> Self {
        Self::new(Memory::Elsewhere(Box::new(OwnedElsewhere::new(owner))))
    }

    /// What [`from_owner`](Self::from_owner) was given.
    ///
    /// # Errors
    /// The buffer itself where its memory is of another kind.
    pub fn into_owner<T: BufferOwner>(self) -> Result<T, Self> {
        let Self { memory, initialized } = self;
        match memory {
            Memory::Elsewhere(elsewhere) => elsewhere.into_owner().map_err(|elsewhere| Self {
                memory: Memory::Elsewhere(Box::new(elsewhere)),
                initialized,
            }),
            memory => Err(Self { memory, initialized }),
        }
    }

    /// Bytes that hold the buffer's contents.
    ///
    /// ```
    /// assert_eq!(caio::Buffer::from(&b"data"[..]).len(), 4);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether the contents are empty.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// assert!(Buffer::from(Vec::with_capacity(16)).is_empty());
    /// assert!(!Buffer::from(vec![0; 16]).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that a read can fill; for a read-only buffer its length.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// assert!(Buffer::from(Vec::with_capacity(16)).capacity() >= 16);
    /// assert_eq!(Buffer::from(&b"constant"[..]).capacity(), 8);
    /// ```
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        match &self.memory {
            Memory::Vec(vec) => vec.capacity(),
            Memory::Static(bytes) => bytes.len(),
            Memory::Bytes(bytes) => bytes.len(),
            Memory::BytesMut(bytes) => bytes.capacity(),
            Memory::Aligned(aligned) => aligned.capacity(),
            Memory::Pooled(pooled) => pooled.capacity(),
            Memory::Elsewhere(memory) => memory.capacity(),
        }
    }

    /// Whether an operation may write into it.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// assert!(Buffer::from(vec![0; 8]).is_writable());
    /// assert!(!Buffer::from(&b"constant"[..]).is_writable());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_writable(&self) -> bool {
        !matches!(self.memory, Memory::Static(_) | Memory::Bytes(_))
    }

    /// The contents.
    ///
    /// ```
    /// assert_eq!(caio::Buffer::from(vec![1, 2, 3]).as_slice(), [1, 2, 3]);
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match &self.memory {
            Memory::Vec(vec) => vec,
            Memory::Static(bytes) => bytes,
            Memory::Bytes(bytes) => bytes,
            Memory::BytesMut(bytes) => bytes,
            Memory::Aligned(aligned) => aligned,
            Memory::Pooled(pooled) => pooled,
            Memory::Elsewhere(memory) => (**memory).as_ref(),
        }
    }

    /// Where the bytes lie, for a backend that hands the address to the kernel for reading.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// let vec = vec![0; 8];
    /// let address = vec.as_ptr();
    /// assert_eq!(Buffer::from(vec).as_ptr(), address);
    /// ```
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.as_slice().as_ptr()
    }

    /// Where the bytes lie, for a backend that hands the address to the kernel for writing;
    /// null for a read-only buffer. Valid for [`capacity`](Self::capacity) bytes until this value
    /// is dropped or converted back.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// let mut buffer = Buffer::from(Vec::with_capacity(8));
    /// assert_eq!(buffer.as_mut_ptr().cast_const(), buffer.as_ptr());
    /// assert!(Buffer::from(&b"constant"[..]).as_mut_ptr().is_null());
    /// ```
    #[must_use]
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        match &mut self.memory {
            Memory::Vec(vec) => vec.as_mut_ptr(),
            Memory::Static(_) | Memory::Bytes(_) => std::ptr::null_mut(),
            Memory::BytesMut(bytes) => bytes.as_mut_ptr(),
            Memory::Aligned(aligned) => aligned.as_mut_ptr(),
            Memory::Pooled(pooled) => pooled.as_mut_ptr(),
            Memory::Elsewhere(memory) => memory.as_mut_ptr(),
        }
    }

    /// A part of the capacity as a plain slice, for a backend without `unsafe`. Memory that has
    /// never been written is zeroed first; a buffer in steady use has none.
    ///
    /// # Panics
    /// When the buffer is read-only or the range lies outside the capacity, which [`crate::Op`]'s
    /// constructors exclude.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// let mut buffer = Buffer::from(Vec::with_capacity(8));
    /// buffer.writable(2..4).copy_from_slice(b"ab");
    /// buffer.set_len(4);
    /// assert_eq!(buffer.as_slice(), b"\0\0ab");
    /// ```
    #[allow(unsafe_code)]
    pub fn writable(&mut self, range: Range<usize>) -> &mut [u8] {
        assert!(self.is_writable(), "the buffer is read-only");
        assert!(range.start <= range.end, "the range is reversed");
        assert!(range.end <= self.capacity(), "the range ends beyond the capacity");
        let from = self.initialized;
        let pointer = self.as_mut_ptr();
        if range.end > from {
            // SAFETY: `from..range.end` lies within the capacity checked above, in an allocation
            // that this value owns and that nothing else uses while it is borrowed mutably.
            let start = unsafe { pointer.add(from) };
            // SAFETY: as above; zeroing needs no initialised memory.
            unsafe { start.write_bytes(0, range.end - from) };
            self.initialized = range.end;
        }
        // SAFETY: `range.start` is within the capacity.
        let start = unsafe { pointer.add(range.start) };
        // SAFETY: the whole range is initialised (above), and the slice borrows `self` mutably.
        unsafe { std::slice::from_raw_parts_mut(start, range.len()) }
    }

    /// Bytes from the start that hold values, whether they belong to the contents or not.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// let mut buffer = Buffer::from(Vec::with_capacity(8));
    /// assert_eq!(buffer.initialized(), 0);
    /// buffer.writable(0..6).fill(1);
    /// buffer.set_len(2);
    /// assert_eq!((buffer.len(), buffer.initialized()), (2, 6));
    /// ```
    #[must_use]
    pub fn initialized(&self) -> usize {
        self.initialized
    }

    /// Notes that `bytes` bytes from `start` on hold values, for a backend that had them written
    /// through [`as_mut_ptr`](Self::as_mut_ptr). A gap before `start` that was never written is
    /// zeroed, so that it cannot become visible as it is.
    ///
    /// # Safety
    /// They do hold values, and `start + bytes` is within the capacity.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// let mut buffer = Buffer::from(Vec::with_capacity(8));
    /// // SAFETY: the buffer has room for eight bytes, and nothing else uses it.
    /// unsafe { buffer.as_mut_ptr().copy_from_nonoverlapping(b"data".as_ptr(), 4) };
    /// // SAFETY: the line above wrote these four.
    /// unsafe { buffer.assume_filled(0, 4) };
    /// buffer.set_len(4);
    /// assert_eq!(buffer.as_slice(), b"data");
    /// ```
    #[allow(unsafe_code)]
    #[inline]
    pub unsafe fn assume_filled(&mut self, start: usize, bytes: usize) {
        debug_assert!(start + bytes <= self.capacity());
        if start > self.initialized {
            self.writable(self.initialized..start);
        }
        self.initialized = self.initialized.max(start + bytes);
    }

    /// Makes the first `length` bytes the contents. Bytes that were never written do not become
    /// visible: the length stops before the first of them. What is cut off a read-only buffer is
    /// gone; any other can be made longer again.
    ///
    /// ```
    /// use caio::Buffer;
    ///
    /// let mut buffer = Buffer::from(b"some text".to_vec());
    /// buffer.set_len(4);
    /// assert_eq!(buffer.as_slice(), b"some");
    /// ```
    #[allow(unsafe_code)]
    #[inline]
    pub fn set_len(&mut self, length: usize) {
        let length = length.min(self.initialized);
        match &mut self.memory {
            // SAFETY: the first `initialized` bytes hold values and lie within the capacity.
            Memory::Vec(vec) => unsafe { vec.set_len(length) },
            Memory::Static(bytes) => {
                *bytes = &bytes[..length];
                self.initialized = length;
            }
            Memory::Bytes(bytes) => {
                bytes.truncate(length);
                self.initialized = length;
            }
            // SAFETY: as above.
            Memory::BytesMut(bytes) => unsafe { bytes.set_len(length) },
            // SAFETY: as above.
            Memory::Aligned(aligned) => unsafe { aligned.set_len(length) },
            // SAFETY: as above.
            Memory::Pooled(pooled) => unsafe { pooled.set_len(length) },
            // SAFETY: as above.
            Memory::Elsewhere(memory) => unsafe { memory.set_len(length) },
        }
    }

    /// The contents as shared bytes, without a copy. Memory of a pool returns to it when the
    /// last share is dropped.
    ///
    /// ```
    /// use caio::{Buffer, BufferPool};
    ///
    /// let pool = BufferPool::new(4096, 4096, 1);
    /// let bytes = Buffer::from(pool.take()).into_bytes();
    /// let share = bytes.clone();
    /// drop(bytes);
    /// assert_eq!(pool.idle(), 0);
    /// drop(share);
    /// assert_eq!(pool.idle(), 1);
    /// ```
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.memory {
            Memory::Vec(vec) => Bytes::from(vec),
            Memory::Static(bytes) => Bytes::from_static(bytes),
            Memory::Bytes(bytes) => bytes,
            Memory::BytesMut(bytes) => bytes.freeze(),
            Memory::Aligned(aligned) => Bytes::from_owner(aligned),
            Memory::Pooled(pooled) => Bytes::from_owner(pooled),
            Memory::Elsewhere(memory) => Bytes::from_owner(*memory),
        }
    }

    #[inline]
    fn new(memory: Memory) -> Self {
        let mut buffer = Self { memory, initialized: 0 };
        buffer.initialized = match &buffer.memory {
            Memory::Aligned(aligned) => aligned.capacity(),
            Memory::Pooled(pooled) => pooled.capacity(),
            _ => buffer.len(),
        };
        buffer
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

macro_rules! from {
    ($($type:ty => $memory:ident,)*) => {$(
        impl From<$type> for Buffer {
            #[inline]
            fn from(memory: $type) -> Self {
                Self::new(Memory::$memory(memory))
            }
        }
    )*};
}

from! {
    Vec<u8> => Vec,
    Bytes => Bytes,
    BytesMut => BytesMut,
    &'static [u8] => Static,
    AlignedBuffer => Aligned,
    PooledBuffer => Pooled,
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.memory {
            Memory::Vec(_) => "Vec",
            Memory::Static(_) => "Static",
            Memory::Bytes(_) => "Bytes",
            Memory::BytesMut(_) => "BytesMut",
            Memory::Aligned(_) => "Aligned",
            Memory::Pooled(_) => "Pooled",
            Memory::Elsewhere(_) => "Elsewhere",
        };
        write!(f, "Buffer::{kind}({} of {} bytes)", self.len(), self.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_never_covers_a_byte_that_was_not_written() {
        let mut buffer = Buffer::from(Vec::with_capacity(64));
        buffer.set_len(64);
        assert_eq!(buffer.len(), 0);
        buffer.writable(8..16).fill(7);
        buffer.set_len(64);
        assert_eq!(buffer.as_slice(), [[0; 8], [7; 8]].concat());
    }

    #[test]
    fn a_read_only_buffer_that_was_cut_stays_cut() {
        for mut buffer in
            [Buffer::from(&b"constant"[..]), Buffer::from(Bytes::from_static(b"constant"))]
        {
            buffer.set_len(3);
            buffer.set_len(8);
            assert_eq!(buffer.as_slice(), b"con", "{buffer:?}");
            assert_eq!((buffer.capacity(), buffer.initialized()), (3, 3), "{buffer:?}");
        }
    }

    #[test]
    fn a_buffer_that_was_cut_grows_again() {
        let pool = BufferPool::new(8, 8, 1);
        for mut buffer in [
            Buffer::from(b"constant".to_vec()),
            Buffer::from(BytesMut::from(&b"constant"[..])),
            Buffer::from(AlignedBuffer::copy_of(b"constant", 8)),
            Buffer::from(pool.take()),
        ] {
            buffer.writable(0..8).copy_from_slice(b"constant");
            buffer.set_len(3);
            buffer.set_len(usize::MAX);
            assert_eq!(buffer.as_slice(), b"constant", "{buffer:?}");
        }
    }

    #[test]
    fn a_reused_vector_keeps_its_allocation() {
        let vec = Vec::with_capacity(64);
        let address = vec.as_ptr();
        let mut buffer = Buffer::from(vec);
        buffer.writable(0..64).fill(1);
        buffer.set_len(10);
        let vec = Vec::<u8>::from_buffer(buffer);
        assert_eq!((vec.as_ptr(), vec.len(), vec.capacity()), (address, 10, 64));
    }

    #[test]
    fn shared_bytes_of_an_aligned_buffer_are_not_copied() {
        let mut aligned = AlignedBuffer::new(4096, 512);
        aligned.extend_from_slice(b"aligned");
        let address = aligned.as_ptr();
        let bytes = Buffer::from(aligned).into_bytes();
        assert_eq!((bytes.as_ptr(), &bytes[..]), (address, &b"aligned"[..]));
    }
}
