//! Memory at an address that O_DIRECT accepts.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// The alignment in bytes that satisfies every block device and file system in common use: the
/// page size of x86-64. What one file really needs, `statx` tells.
pub const DEFAULT_ALIGNMENT: usize = 4096;

/// A byte buffer of fixed capacity whose address is a multiple of its alignment.
///
/// The memory is zeroed once, when it is allocated, so that all of it can be lent to safe code.
///
/// ```
/// use caio::AlignedBuffer;
///
/// let mut buffer = AlignedBuffer::new(8192, 512);
/// buffer.extend_from_slice(b"first block");
/// assert_eq!(buffer.as_ptr() as usize % 512, 0);
/// assert_eq!((buffer.len(), buffer.capacity()), (11, 8192));
/// ```
pub struct AlignedBuffer {
    /// The first aligned address of the allocation.
    pointer: NonNull<u8>,
    length: usize,
    /// What a user of the buffer sees: its capacity and its alignment.
    layout: Layout,
    /// Bytes of the allocation before `pointer`.
    padding: usize,
}

impl AlignedBuffer {
    /// An empty buffer of `capacity` bytes at a multiple of `alignment`. Capacity 0 allocates
    /// nothing.
    ///
    /// # Panics
    /// When `alignment` is not a power of two or the size overflows, as `Vec` would.
    ///
    /// ```
    /// use caio::AlignedBuffer;
    ///
    /// let buffer = AlignedBuffer::new(8192, 4096);
    /// assert_eq!((buffer.len(), buffer.capacity()), (0, 8192));
    /// assert_eq!(buffer.as_ptr() as usize % 4096, 0);
    /// ```
    #[must_use]
    pub fn new(capacity: usize, alignment: usize) -> Self {
        let layout = Layout::from_size_align(capacity, alignment)
            .expect("alignment is a power of two and the capacity fits in memory");
        Self::try_new(capacity, alignment).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// The same; `None` where there is no memory, the size overflows, or `alignment` is not a power
    /// of two.
    ///
    /// ```
    /// assert!(caio::AlignedBuffer::try_new(usize::MAX / 2, 4096).is_none());
    /// ```
    #[must_use]
    #[allow(unsafe_code)]
    pub fn try_new(capacity: usize, alignment: usize) -> Option<Self> {
        let layout = Layout::from_size_align(capacity, alignment).ok()?;
        if capacity == 0 {
            return Some(Self { pointer: NonNull::dangling(), length: 0, layout, padding: 0 });
        }
        let whole = whole(layout)?;
        // SAFETY: the layout has at least one byte.
        let base = NonNull::new(unsafe { alloc_zeroed(whole) })?;
        let address = base.as_ptr().addr();
        let padding = address.next_multiple_of(alignment) - address;
        // SAFETY: the padding is less than the alignment, by which the allocation is larger than
        // the capacity.
        let pointer = unsafe { base.add(padding) };
        Some(Self { pointer, length: 0, layout, padding })
    }

    /// A buffer with the contents of `bytes`, as large as they are.
    ///
    /// ```
    /// use caio::AlignedBuffer;
    ///
    /// let block = AlignedBuffer::copy_of(&[7; 512], 512);
    /// assert_eq!(&block[..], [7; 512]);
    /// assert_eq!(block.as_ptr() as usize % 512, 0);
    /// ```
    #[must_use]
    pub fn copy_of(bytes: &[u8], alignment: usize) -> Self {
        let mut buffer = Self::new(bytes.len(), alignment);
        buffer.extend_from_slice(bytes);
        buffer
    }

    /// Bytes that fit.
    ///
    /// ```
    /// assert_eq!(caio::AlignedBuffer::new(8192, 512).capacity(), 8192);
    /// ```
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        self.layout.size()
    }

    /// The address is a multiple of this many bytes.
    ///
    /// ```
    /// assert_eq!(caio::AlignedBuffer::new(8192, 512).alignment(), 512);
    /// ```
    #[must_use]
    pub fn alignment(&self) -> usize {
        self.layout.align()
    }

    /// Makes the first `length` bytes the contents; those not written so far are zero.
    ///
    /// # Panics
    /// When `length` exceeds the capacity.
    ///
    /// ```
    /// let mut block = caio::AlignedBuffer::new(512, 512);
    /// block.extend_from_slice(b"the last, short block");
    /// // O_DIRECT writes whole blocks.
    /// block.resize(512);
    /// assert!(block.ends_with(&[0; 400]));
    /// ```
    pub fn resize(&mut self, length: usize) {
        assert!(length <= self.capacity(), "an aligned buffer does not grow");
        self.length = length;
    }

    /// Empties the contents; the memory stays as it is.
    ///
    /// ```
    /// let mut buffer = caio::AlignedBuffer::copy_of(b"first", 512);
    /// buffer.clear();
    /// buffer.extend_from_slice(b"next");
    /// assert_eq!(&buffer[..], b"next");
    /// ```
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Appends `bytes` to the contents.
    ///
    /// # Panics
    /// When they do not fit.
    ///
    /// ```
    /// let mut buffer = caio::AlignedBuffer::new(512, 512);
    /// buffer.extend_from_slice(b"one, ");
    /// buffer.extend_from_slice(b"two");
    /// assert_eq!(&buffer[..], b"one, two");
    /// ```
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let start = self.length;
        self.resize(start + bytes.len());
        self[start..].copy_from_slice(bytes);
    }

    /// # Safety
    /// `length` is within the capacity. (All of the memory is initialised from the start.)
    #[allow(unsafe_code)]
    #[inline]
    pub(super) unsafe fn set_len(&mut self, length: usize) {
        self.length = length;
    }

    #[inline]
    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.pointer.as_ptr()
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    #[allow(unsafe_code)]
    fn deref(&self) -> &[u8] {
        // SAFETY: the allocation lives as long as `self`, has `capacity >= length` bytes, and all
        // of them were initialised by `alloc_zeroed`.
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.length) }
    }
}

impl DerefMut for AlignedBuffer {
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`; the mutable borrow of `self` makes it the only access.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.length) }
    }
}

impl AsRef<[u8]> for AlignedBuffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Default for AlignedBuffer {
    fn default() -> Self {
        Self::new(0, DEFAULT_ALIGNMENT)
    }
}

impl Clone for AlignedBuffer {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.capacity(), self.alignment());
        copy.extend_from_slice(self);
        copy
    }
}

impl fmt::Debug for AlignedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (capacity, alignment) = (self.capacity(), self.alignment());
        write!(f, "AlignedBuffer({} of {capacity} bytes at {alignment})", self.length)
    }
}

impl Drop for AlignedBuffer {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if self.layout.size() > 0
            && let Some(whole) = whole(self.layout)
        {
            // SAFETY: `try_new` went so many bytes into the allocation.
            let base = unsafe { self.pointer.sub(self.padding) };
            // SAFETY: allocated in `try_new` with this layout, and freed only here.
            unsafe { dealloc(base.as_ptr(), whole) }
        }
    }
}

/// An allocation with room for this layout at some place within. Asked for alignment, the allocator
/// writes the zeros itself; like this, large memory comes from the system with its zeros.
fn whole(layout: Layout) -> Option<Layout> {
    Layout::from_size_align(layout.size().checked_add(layout.align())?, 1).ok()
}

// SAFETY: the buffer owns its memory alone, as a `Vec<u8>` does.
#[allow(unsafe_code)]
unsafe impl Send for AlignedBuffer {}

// SAFETY: shared access is read-only.
#[allow(unsafe_code)]
unsafe impl Sync for AlignedBuffer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_begins_where_it_should() {
        let kept: Vec<_> = (1..200)
            .flat_map(|size| [16, 64, 512, 4096, 65_536].map(|alignment| (size * 37, alignment)))
            .map(|(size, alignment)| AlignedBuffer::new(size, alignment))
            .collect();
        for mut buffer in kept {
            assert_eq!(buffer.as_mut_ptr().addr() % buffer.alignment(), 0, "{buffer:?}");
            buffer.resize(buffer.capacity());
            buffer.fill(7);
        }
    }
}
