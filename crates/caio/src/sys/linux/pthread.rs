//! pthreads as C programs use them: detached, with a stack and a name of their own.

use std::ffi::{CStr, CString, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Body = Box<dyn FnOnce() + Send>;

struct Start {
    name: CString,
    body: Body,
}

/// Starts a detached thread of that name (at most 15 bytes) and stack.
#[allow(unsafe_code)]
pub(crate) fn spawn(name: &CStr, stack_bytes: usize, body: Body) -> io::Result<()> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: memory for the attributes, which this initialises.
    check(unsafe { libc::pthread_attr_init(attributes) })?;
    // SAFETY: initialised above.
    check(unsafe { libc::pthread_attr_setstacksize(attributes, stack_bytes) })?;
    let detached = libc::PTHREAD_CREATE_DETACHED;
    // SAFETY: initialised above.
    check(unsafe { libc::pthread_attr_setdetachstate(attributes, detached) })?;
    let start = Box::into_raw(Box::new(Start { name: name.to_owned(), body }));
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: all pointers are good for the call, and `start` belongs to the new thread once
    // the call succeeds.
    let code = unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes, run, start.cast()) };
    // SAFETY: initialised above, and not used again.
    unsafe { libc::pthread_attr_destroy(attributes) };
    check(code).inspect_err(|_| {
        // SAFETY: there is no thread, so the box is still this function's alone.
        drop(unsafe { Box::from_raw(start) });
    })
}

#[allow(unsafe_code)]
extern "C" fn run(start: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` made this pointer of a box and gave it to this thread alone.
    let Start { name, body } = *unsafe { Box::from_raw(start.cast::<Start>()) };
    // SAFETY: it only tells who calls.
    let own = unsafe { libc::pthread_self() };
    // SAFETY: a C string that lives through the call, for a thread that does, too.
    unsafe { libc::pthread_setname_np(own, name.as_ptr()) };
    // Unwinding must not reach the C code that called this.
    let _ = catch_unwind(AssertUnwindSafe(body));
    std::ptr::null_mut()
}

fn check(code: c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::testing::HANGS;

    #[test]
    fn a_thread_has_its_name_and_a_panic_ends_with_it() {
        let (sender, receiver) = channel();
        let body = move || {
            sender.send(std::fs::read_to_string("/proc/thread-self/comm").unwrap()).unwrap();
            panic!("it ends with the thread");
        };
        spawn(c"named", 64 * 1024, Box::new(body)).unwrap();
        assert_eq!(receiver.recv_timeout(HANGS).unwrap(), "named\n");
        assert!(receiver.recv_timeout(HANGS).is_err(), "it has ended");
    }

    #[test]
    fn a_thread_that_cannot_start_is_an_error() {
        let error = spawn(c"never", 1 << 60, Box::new(|| unreachable!())).unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM)), "{error}");
    }
}
