//! A value that each process has for itself, locks and all.

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::sys::process::Process;

/// For a static: a value that each process makes for itself when it first asks for it, also a child
/// of fork(2).
///
/// A child has a copy of its parent's memory, and of its threads the one that called fork(2). What
/// another one had locked just then stays locked in the child, whose first look would wait for
/// ever. So a child gets neither its parent's lock nor what is behind it: that is left where it is,
/// and not even dropped, since it may be half changed.
///
/// ```
/// use std::sync::Mutex;
/// use caio::{Context, PerProcess, Result};
///
/// static SHARED: PerProcess<Mutex<Option<Context>>> = PerProcess::new();
///
/// /// One context for each process.
/// fn context() -> Result<Context> {
///     let mut shared = SHARED.get().lock().expect("no holder panics");
///     if let Some(context) = &*shared {
///         return Ok(context.clone());
///     }
///     let context = Context::builder().build()?;
///     Ok(shared.insert(context).clone())
/// }
/// # context()?;
/// assert!(context()?.info().to_string().starts_with("backend "));
/// # Ok::<(), caio::Error>(())
/// ```
pub struct PerProcess<T: 'static> {
    /// That of the last process that asked; null before the first. What it has pointed to once
    /// lives as long as the process.
    latest: AtomicPtr<Owned<T>>,
}

struct Owned<T> {
    owner: Process,
    value: T,
}

impl<T> PerProcess<T> {
    /// Without a value yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { latest: AtomicPtr::new(ptr::null_mut()) }
    }
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// The value of the running process. Waits for no other thread: where several make one at the
    /// same time, the first counts.
    pub fn get(&'static self) -> &'static T {
        let latest = self.latest.load(Ordering::Acquire);
        match published(latest) {
            Some(Owned { owner, value }) if owner.is_current() => value,
            _ => self.make(latest),
        }
    }

    #[cold]
    #[allow(unsafe_code)]
    fn make(&'static self, former: *mut Owned<T>) -> &'static T {
        let owned = Owned { owner: Process::current(), value: T::default() };
        let fresh = Box::into_raw(Box::new(owned));
        // The former one is the parent's, and is left alone.
        let swapped =
            self.latest.compare_exchange(former, fresh, Ordering::AcqRel, Ordering::Acquire);
        let Err(other) = swapped else { return &published(fresh).expect("it is not null").value };
        // SAFETY: it was made above and not published, so that nobody else has it.
        drop(unsafe { Box::from_raw(fresh) });
        // Another thread of this process has been faster.
        &published(other).expect("it takes the place of the former one").value
    }
}

/// What a pointer out of `latest`, or one just stored there, points to.
#[allow(unsafe_code)]
fn published<T: 'static>(pointer: *mut Owned<T>) -> Option<&'static Owned<T>> {
    // SAFETY: what is published was made by a box that is never freed, and is only ever shared from
    // then on. The ordering of the load makes what was written before visible.
    unsafe { pointer.as_ref() }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerProcess")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Mutex, lock};
    use crate::testing::in_child;
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn a_child_has_its_own_while_its_parent_holds_the_lock() {
        static NUMBER: PerProcess<Mutex<u32>> = PerProcess::new();
        let mut number = lock(NUMBER.get());
        *number = 1;
        assert!(in_child(|| {
            let mut own = lock(NUMBER.get());
            let is_new = *own == 0;
            *own = 2;
            drop(own);
            is_new && *lock(NUMBER.get()) == 2 && in_child(|| *lock(NUMBER.get()) == 0)
        }));
        drop(number);
        assert_eq!(*lock(NUMBER.get()), 1);
    }

    #[test]
    fn threads_that_ask_first_together_get_the_same() {
        static NUMBER: PerProcess<Mutex<u32>> = PerProcess::new();
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    *lock(NUMBER.get()) += 1;
                });
            }
        });
        assert_eq!(*lock(NUMBER.get()), 4);
    }
}
