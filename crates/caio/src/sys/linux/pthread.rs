//! pthreads as C programs use them: a detached thread with a name, a mutex with a condition.

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString, c_int, c_void};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// State behind a mutex, and a condition to wait for while it is let go.
pub(crate) struct Monitor<T> {
    /// Boxed, since neither may move once it is in use.
    mutex: Box<UnsafeCell<libc::pthread_mutex_t>>,
    condition: Box<UnsafeCell<libc::pthread_cond_t>>,
    state: UnsafeCell<T>,
}

// SAFETY: the state is reached through `Locked` alone, so by one thread at a time.
#[allow(unsafe_code)]
unsafe impl<T: Send> Send for Monitor<T> {}
// SAFETY: as above; the mutex and the condition are made to be shared.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Monitor<T> {}

impl<T> Monitor<T> {
    /// A monitor whose timed waits go by a clock that cannot be set.
    #[allow(unsafe_code)]
    pub(crate) fn new(state: T) -> io::Result<Self> {
        let mut attributes = MaybeUninit::<libc::pthread_condattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: memory for the attributes, which this initialises.
        check(unsafe { libc::pthread_condattr_init(attributes) })?;
        // SAFETY: initialised above.
        check(unsafe { libc::pthread_condattr_setclock(attributes, libc::CLOCK_MONOTONIC) })?;
        let condition = Box::new(UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER));
        // SAFETY: the condition lies in a box, where it stays, and no thread waits for it yet.
        check(unsafe { libc::pthread_cond_init(condition.get(), attributes) })?;
        // SAFETY: initialised above, and not used again.
        check(unsafe { libc::pthread_condattr_destroy(attributes) })?;
        let mutex = Box::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
        Ok(Self { mutex, condition, state: UnsafeCell::new(state) })
    }

    /// Waits for the mutex; the state is the caller's until the answer is dropped.
    #[allow(unsafe_code)]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        // SAFETY: the mutex was initialised and stays where it is while `self` is borrowed.
        let code = unsafe { libc::pthread_mutex_lock(self.mutex.get()) };
        assert_eq!(code, 0, "a plain mutex can be locked");
        Locked { monitor: self, thread: PhantomData }
    }

    /// Wakes one of those that wait for the condition.
    #[allow(unsafe_code)]
    pub(crate) fn signal(&self) {
        // SAFETY: the condition was initialised and stays where it is while `self` is borrowed.
        unsafe { libc::pthread_cond_signal(self.condition.get()) };
    }
}

impl<T> Drop for Monitor<T> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: no other reference is left, so no thread waits or holds the mutex.
        unsafe { libc::pthread_cond_destroy(self.condition.get()) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutex_destroy(self.mutex.get()) };
    }
}

impl<T> fmt::Debug for Monitor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}

/// The locked state of a monitor. It stays on its thread, which alone may unlock the mutex.
pub(crate) struct Locked<'a, T> {
    monitor: &'a Monitor<T>,
    thread: PhantomData<*const ()>,
}

impl<T> Locked<'_, T> {
    /// Lets the state go, waits for a signal and takes it again. Returns early now and then.
    #[allow(unsafe_code)]
    pub(crate) fn wait(&mut self) {
        let Monitor { mutex, condition, .. } = self.monitor;
        // SAFETY: both live while the monitor is borrowed, and this thread holds the mutex.
        unsafe { libc::pthread_cond_wait(condition.get(), mutex.get()) };
    }

    /// As [`wait`](Self::wait), but for at most this long.
    #[allow(unsafe_code)]
    pub(crate) fn wait_for(&mut self, limit: Duration) {
        let until = monotonic_after(limit);
        let Monitor { mutex, condition, .. } = self.monitor;
        // SAFETY: both live while the monitor is borrowed, this thread holds the mutex, and the
        // time is a local.
        unsafe { libc::pthread_cond_timedwait(condition.get(), mutex.get(), &raw const until) };
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    #[allow(unsafe_code)]
    fn deref(&self) -> &T {
        // SAFETY: this thread holds the mutex for as long as `self` lives.
        unsafe { &*self.monitor.state.get() }
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { &mut *self.monitor.state.get() }
    }
}

impl<T> Drop for Locked<'_, T> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex.
        unsafe { libc::pthread_mutex_unlock(self.monitor.mutex.get()) };
    }
}

/// The monotonic clock's time when `limit` will be over.
#[allow(unsafe_code)]
fn monotonic_after(limit: Duration) -> libc::timespec {
    let mut now = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: memory for a timespec, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr()) };
    // SAFETY: zeroed and filled above; every bit pattern of its integers is valid.
    let mut time = unsafe { now.assume_init() };
    let since_boot = Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32);
    let until = since_boot.saturating_add(limit);
    time.tv_sec = libc::time_t::try_from(until.as_secs()).unwrap_or(libc::time_t::MAX);
    time.tv_nsec = until.subsec_nanos() as libc::c_long;
    time
}

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
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_thread_signals_another_and_a_timed_wait_ends() {
        let monitor = Arc::new(Monitor::new(0).unwrap());
        monitor.lock().wait_for(Duration::from_millis(5));
        let other = Arc::clone(&monitor);
        spawn(
            c"named",
            64 * 1024,
            Box::new(move || {
                *other.lock() = 7;
                other.signal();
                panic!("it ends with the thread");
            }),
        )
        .unwrap();
        let mut held = monitor.lock();
        let began = Instant::now();
        while *held == 0 {
            held.wait_for(Duration::from_secs(10));
            assert!(began.elapsed() < Duration::from_secs(9));
        }
        assert_eq!(*held, 7);
    }

    /// Ambiguous, so that it does not compile, where the type is `Send`, or where it is `Sync`.
    #[test]
    fn what_is_locked_stays_on_its_thread() {
        struct IsSend;
        struct IsSync;
        trait Neither<A> {
            fn holds() {}
        }
        impl<T> Neither<()> for T {}
        impl<T: Send> Neither<IsSend> for T {}
        impl<T: Sync> Neither<IsSync> for T {}
        <Locked<'_, usize> as Neither<_>>::holds();
    }

    #[test]
    fn a_thread_that_cannot_start_is_an_error() {
        let error = spawn(c"never", 1 << 60, Box::new(|| unreachable!())).unwrap_err();
        assert!(matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOMEM)), "{error}");
    }
}
