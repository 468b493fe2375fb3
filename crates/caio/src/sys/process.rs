//! Which process this is, for the price of a load.
//!
//! After fork(2) without exec the child has a copy of the parent's memory, but none of its threads,
//! and it shares the parent's descriptors, those of rings and event counters among them. Who holds
//! such things compares the process they were made in with the one that is running. getpid(2) would
//! tell, too, with a system call for each operation. Here one page of memory is emptied by the
//! kernel in each child (`MADV_WIPEONFORK`, Linux 4.14): where the number in it is gone, this is a
//! new process, and it takes the next number.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// A process, as against its parent and its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

/// The number on the page, where there is such a page.
static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();

/// The number that was given last, here or in a parent.
static LAST: AtomicU32 = AtomicU32::new(0);

/// The kernel rounds it up where its pages are larger.
const PAGE_BYTES: usize = 4096;

impl Process {
    /// The process that is running.
    pub(crate) fn current() -> Self {
        let Some(number) = PAGE.get_or_init(page) else { return Self(std::process::id()) };
        match number.load(Ordering::Relaxed) {
            0 => Self(begin(number)),
            number => Self(number),
        }
    }

    /// Whether this is still the process that is running, and no child of it.
    pub(crate) fn is_current(self) -> bool {
        self == Self::current()
    }

    /// Refuses in a child of this process.
    ///
    /// # Errors
    /// [`ErrorKind::Shutdown`], with what to do instead.
    pub(crate) fn check(self) -> Result<()> {
        if self.is_current() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Shutdown, "this context belongs to the parent process").hint(
            "a forked child has none of its threads: build a context in the child, or fork first",
        ))
    }
}

/// Gives a new process its number. Of several threads that find none, the first one decides.
#[cold]
fn begin(number: &AtomicU32) -> u32 {
    let next = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1);
    match number.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => next,
        Err(given) => given,
    }
}

/// A page that children find empty, kept as long as the process lives; `None` where the kernel has
/// no such pages.
#[allow(unsafe_code)]
fn page() -> Option<&'static AtomicU32> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping where the kernel likes, which replaces none.
    let address = unsafe { libc::mmap(ptr::null_mut(), PAGE_BYTES, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping of this length was just made, and nothing is in it yet.
    if unsafe { libc::madvise(address, PAGE_BYTES, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above, and nobody has its address.
        unsafe { libc::munmap(address, PAGE_BYTES) };
        return None;
    }
    let number = address.cast::<AtomicU32>();
    // SAFETY: the page is zeroed, aligned to more than four bytes, never unmapped, and used as this
    // one number alone.
    Some(unsafe { &*number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::in_child;

    #[test]
    fn a_child_is_another_process_and_so_is_its_child() {
        let own = Process::current();
        assert!(own.is_current());
        assert!(in_child(|| {
            let child = Process::current();
            !own.is_current()
                && child.is_current()
                && in_child(|| !own.is_current() && !child.is_current())
        }));
        assert!(own.is_current());
    }
}
