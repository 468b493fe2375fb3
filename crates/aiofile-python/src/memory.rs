//! What Python lends to the engine: memory that it reads into, in place, and descriptors by their
//! numbers; and whose objects these are. The only file with `unsafe`.
//!
//! There are two kinds of memory: the bytes of a `bytes` object that nobody else has seen yet, and
//! the buffer that another object has lent. Either is kept by its owner until the kernel has
//! finished, whatever becomes of the task.

use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use caio::{BufferOwner, PerProcess};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::exception;
use crate::event_loop::ring_all;
use crate::hub::lock;
use crate::outcome::value;

/// A `bytes` object in the making.
pub(crate) struct NewBytes {
    object: Py<PyBytes>,
    start: NonNull<u8>,
    capacity: usize,
}

impl NewBytes {
    /// One of so many bytes, which hold nothing yet.
    ///
    /// # Errors
    /// `MemoryError` where there is not so much.
    pub(crate) fn new(py: Python<'_>, capacity: usize) -> PyResult<Self> {
        let no_memory = || PyMemoryError::new_err(format!("there are no {capacity} bytes"));
        // The empty object is one for all, and its place is not written to.
        let size = isize::try_from(capacity.max(2)).map_err(|_| no_memory())?;
        // SAFETY: without a source, this gives a new object of that size with one reference, which
        // is ours, or null with an exception set.
        #[allow(unsafe_code)]
        let made = unsafe { ffi::PyBytes_FromStringAndSize(std::ptr::null(), size) };
        // SAFETY: as said, it is our reference or null.
        #[allow(unsafe_code)]
        let object = unsafe { Bound::from_owned_ptr_or_err(py, made) }?;
        // SAFETY: it is a `bytes` object.
        #[allow(unsafe_code)]
        let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()) };
        let start = NonNull::new(start.cast()).ok_or_else(no_memory)?;
        Ok(Self { object: object.cast_into::<PyBytes>()?.unbind(), start, capacity })
    }

    /// The object, now that the first `length` of its bytes hold values. One that came out shorter
    /// is copied.
    pub(crate) fn finish(self, py: Python<'_>, length: usize) -> Py<PyBytes> {
        if length == self.capacity && length > 1 {
            return self.object;
        }
        // SAFETY: so many bytes were read into it, which the engine has given back.
        #[allow(unsafe_code)]
        let read = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), length) };
        PyBytes::new(py, read).unbind()
    }
}

// SAFETY: the pointer is into the object's memory, which any thread may use; the object itself is
// touched by threads alone that are attached.
#[allow(unsafe_code)]
unsafe impl Send for NewBytes {}

// SAFETY: as above; a shared reference reads nothing of it.
#[allow(unsafe_code)]
unsafe impl Sync for NewBytes {}

// SAFETY: the object has one reference, held here, and nobody has seen it; its bytes stay where
// they are as long as it lives, and there are `capacity` of them. Dropped on another thread, the
// reference is given back later by one that is attached.
#[allow(unsafe_code)]
unsafe impl BufferOwner for NewBytes {
    fn as_mut_ptr(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn initialized(&self) -> usize {
        0
    }
}

/// The memory of an object that lends it, such as a `bytearray`, an array or a `memoryview`.
pub(crate) struct Lent(Option<PyUntypedBuffer>);

impl Lent {
    /// # Errors
    /// `TypeError` for an object without a buffer, `BufferError` for one that is read-only or
    /// not contiguous.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(object)?;
        if buffer.readonly() || !buffer.is_c_contiguous() {
            let message = "a buffer to read into is writable and contiguous";
            return Err(PyBufferError::new_err(message));
        }
        Ok(Self(Some(buffer)))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |buffer| buffer.len_bytes())
    }

    /// Puts what was read into it, as much as it has room for, gives it back, and says how much.
    pub(crate) fn fill(self, read: io::Result<Bytes>) -> PyResult<Py<PyAny>> {
        let start = self.0.as_ref().map_or(std::ptr::null_mut(), |buffer| buffer.buf_ptr());
        let length = read.as_ref().map_or(0, |read| read.len().min(self.len()));
        if let Ok(read) = &read
            && length > 0
        {
            // SAFETY: the object lends so many bytes from there until `self` is released, below,
            // and no `bytes` of the engine's lie in them. Threads that look at them meanwhile are
            // told to leave them alone.
            #[allow(unsafe_code)]
            unsafe {
                std::ptr::copy_nonoverlapping(read.as_ptr(), start.cast(), length);
            }
        }
        Python::attach(|py| self.release(py));
        value(read.map(|_| length).map_err(exception)?)
    }

    /// Gives it back at once.
    pub(crate) fn release(mut self, py: Python<'_>) {
        if let Some(buffer) = self.0.take() {
            buffer.release(py);
        }
    }
}

impl Drop for Lent {
    /// Whatever thread of the engine's that is, it does not wait for Python: the buffer is given
    /// back by the next thread that is there anyway.
    fn drop(&mut self) {
        if let Some(buffer) = self.0.take() {
            lock(TO_RELEASE.get()).push(buffer);
            ANY_TO_RELEASE.store(true, Ordering::Release);
            ring_all();
        }
    }
}

// SAFETY: the object neither moves nor frees the memory while it is lent, and it is given back by
// the drop at the earliest. Whoever lends it is told to leave it alone until the read has ended; a
// program that does not sees bytes of either, as with every function of Python's that reads into a
// buffer while other threads run. All bytes hold values already.
#[allow(unsafe_code)]
unsafe impl BufferOwner for Lent {
    fn as_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_ref().map_or(std::ptr::null_mut(), |buffer| buffer.buf_ptr().cast())
    }

    fn capacity(&self) -> usize {
        self.len()
    }

    fn initialized(&self) -> usize {
        self.len()
    }
}

static TO_RELEASE: PerProcess<Mutex<Vec<PyUntypedBuffer>>> = PerProcess::new();
static ANY_TO_RELEASE: AtomicBool = AtomicBool::new(false);

/// Gives back what the engine has dropped elsewhere.
pub(crate) fn release(py: Python<'_>) {
    if !ANY_TO_RELEASE.load(Ordering::Acquire) {
        return;
    }
    ANY_TO_RELEASE.store(false, Ordering::Release);
    let all = mem::take(&mut *lock(TO_RELEASE.get()));
    all.into_iter().for_each(|buffer| buffer.release(py));
}

/// A copy of the bytes of any object with a contiguous buffer.
pub(crate) fn copied(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let buffer = PyUntypedBuffer::get(object)?;
    if !buffer.is_c_contiguous() {
        return Err(PyBufferError::new_err("a buffer to write is contiguous"));
    }
    let length = buffer.len_bytes();
    if length == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the object lends so many bytes from there until `buffer` is released, below. This
    // thread is attached; others that change them meanwhile decide which bytes are copied.
    #[allow(unsafe_code)]
    let bytes = unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), length) };
    let copy = bytes.to_vec();
    buffer.release(object.py());
    Ok(copy)
}

/// The descriptor with this number, if there can be one.
///
/// Who passes a number keeps it open until the operation has ended, as with `os.pread`: one that is
/// closed sooner may be given to another file, which the operation then goes to.
pub(crate) fn descriptor(number: i32) -> Option<BorrowedFd<'static>> {
    // SAFETY: it is not negative; that it stays open is what the caller of Python promises. It is
    // used for system calls alone, which answer EBADF where it is not open.
    #[allow(unsafe_code)]
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}

/// Whether this is the interpreter that the process began with, and no sub-interpreter.
pub(crate) fn is_main_interpreter(_: Python<'_>) -> bool {
    // SAFETY: this thread is attached, and so has an interpreter.
    #[allow(unsafe_code)]
    let interpreter = unsafe { ffi::PyInterpreterState_Get() };
    // SAFETY: it lives at least as long as this thread is attached to it.
    #[allow(unsafe_code)]
    let number = unsafe { ffi::PyInterpreterState_GetID(interpreter) };
    number == 0
}
