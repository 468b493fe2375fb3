//! Memory that belongs to something else, as a buffer.

use std::any::Any;
use std::ptr::NonNull;
use std::slice;

/// A value with memory that operations may use as long as they have the value: an array of another
/// language, pinned or huge pages, a block of another library's cache.
///
/// # Safety
/// From [`as_mut_ptr`](Self::as_mut_ptr) until the value is dropped or given back,
/// [`capacity`](Self::capacity) bytes from there can be read and written by whoever has it, on any
/// thread, and nothing else reads or writes them; they stay where they are when the value is moved.
/// The first [`initialized`](Self::initialized) of them hold values.
#[allow(unsafe_code)]
pub unsafe trait BufferOwner: Any + Send + Sync {
    /// Where the memory begins. It is asked for once.
    fn as_mut_ptr(&mut self) -> *mut u8;

    /// Bytes of memory.
    fn capacity(&self) -> usize;

    /// Bytes from the start that hold values: the contents of the buffer at first.
    fn initialized(&self) -> usize;
}

/// The memory, with whom it belongs to.
pub(super) struct OwnedElsewhere {
    owner: Box<dyn BufferOwner>,
    start: NonNull<u8>,
    capacity: usize,
    length: usize,
}

// SAFETY: the owner may go to any thread, and promises the same of its memory.
#[allow(unsafe_code)]
unsafe impl Send for OwnedElsewhere {}

// SAFETY: a shared reference only reads the memory, which nothing writes meanwhile.
#[allow(unsafe_code)]
unsafe impl Sync for OwnedElsewhere {}

impl OwnedElsewhere {
    pub(super) fn new(owner: impl BufferOwner) -> Self {
        let mut owner: Box<dyn BufferOwner> = Box::new(owner);
        match NonNull::new(owner.as_mut_ptr()) {
            Some(start) => {
                let (capacity, length) = (owner.capacity(), owner.initialized());
                Self { start, capacity, length: length.min(capacity), owner }
            }
            None => Self { start: NonNull::dangling(), capacity: 0, length: 0, owner },
        }
    }

    pub(super) fn into_owner<T: BufferOwner>(self) -> Result<T, Self> {
        let is_that: &dyn Any = &*self.owner;
        if !is_that.is::<T>() {
            return Err(self);
        }
        let owner: Box<dyn Any> = self.owner;
        Ok(*owner.downcast().expect("it is one, as was just seen"))
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// # Safety
    /// So many bytes from the start hold values and lie within the capacity.
    #[allow(unsafe_code)]
    #[inline]
    pub(super) unsafe fn set_len(&mut self, length: usize) {
        self.length = length;
    }
}

impl AsRef<[u8]> for OwnedElsewhere {
    #[allow(unsafe_code)]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the owner, which is held as long as the slice, promises the memory, of which
        // `length` bytes hold values; who writes to it borrows this mutably.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::buffer::{Buffer, BufferOwner};

    /// Boxed bytes that count when they are dropped.
    #[derive(Debug)]
    struct Counted(Box<[u8]>, Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    // SAFETY: the box owns its bytes, which stay where they are when it is moved.
    #[allow(unsafe_code)]
    unsafe impl BufferOwner for Counted {
        fn as_mut_ptr(&mut self) -> *mut u8 {
            self.0.as_mut_ptr()
        }

        fn capacity(&self) -> usize {
            self.0.len()
        }

        fn initialized(&self) -> usize {
            self.0.len()
        }
    }

    fn counted(bytes: &[u8]) -> (Counted, Arc<AtomicUsize>) {
        let dropped = Arc::new(AtomicUsize::new(0));
        (Counted(bytes.into(), Arc::clone(&dropped)), dropped)
    }

    #[test]
    fn it_is_used_where_it_is_and_comes_back() {
        let (owner, dropped) = counted(b"some text");
        let address = owner.0.as_ptr();
        let mut buffer = Buffer::from_owner(owner);
        assert_eq!((buffer.as_ptr(), buffer.as_slice()), (address, &b"some text"[..]));
        assert!(buffer.is_writable());
        buffer.writable(5..9).copy_from_slice(b"data");
        buffer.set_len(5);
        buffer.set_len(9);
        let owner: Counted = buffer.into_owner().unwrap();
        assert_eq!(*owner.0, b"some data"[..]);
        assert_eq!((owner.0.as_ptr(), dropped.load(Ordering::Relaxed)), (address, 0));
    }

    #[test]
    fn it_is_dropped_once_with_the_last_that_uses_it() {
        let (owner, dropped) = counted(b"text");
        let bytes = Buffer::from_owner(owner).into_bytes();
        let share = bytes.clone();
        drop(bytes);
        assert_eq!((&share[..], dropped.load(Ordering::Relaxed)), (&b"text"[..], 0));
        drop(share);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn another_type_is_not_made_of_it() {
        #[derive(Debug)]
        struct Nothing;

        // SAFETY: there is no memory.
        #[allow(unsafe_code)]
        unsafe impl BufferOwner for Nothing {
            fn as_mut_ptr(&mut self) -> *mut u8 {
                std::ptr::null_mut()
            }

            fn capacity(&self) -> usize {
                8
            }

            fn initialized(&self) -> usize {
                8
            }
        }

        let (owner, dropped) = counted(b"text");
        let buffer = Buffer::from_owner(owner).into_owner::<Nothing>().unwrap_err();
        assert_eq!((buffer.as_slice(), dropped.load(Ordering::Relaxed)), (&b"text"[..], 0));
        assert!(Buffer::from(vec![1]).into_owner::<Nothing>().is_err());
        let nothing = Buffer::from_owner(Nothing);
        assert_eq!((nothing.capacity(), nothing.as_slice()), (0, &b""[..]));
    }
}
