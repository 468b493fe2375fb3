//! Which process this is, for the price of a load.
//!
//! After fork(2) without exec the child has a copy of the parent's memory, but none of its threads,
//! and it shares the parent's descriptors, those of rings and event counters among them. Who holds
//! such things compares the process they were made in with the one that is running. getpid(2) would
//! tell, too, with a system call for each operation. Here, where the system has it, one page of
//! memory is emptied by the kernel in each child: where the number in it is gone, this is a new
//! process, and it takes the next number.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::wiped;
use crate::error::{Error, ErrorKind, Result};

/// A process, as against its parent and its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

/// The number on the page, where there is such a page.
static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();

/// The number that was given last, here or in a parent.
static LAST: AtomicU32 = AtomicU32::new(0);

impl Process {
    /// The process that is running.
    pub(crate) fn current() -> Self {
        let Some(number) = PAGE.get_or_init(wiped::page) else { return Self(std::process::id()) };
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

/// Whether this program runs with rights that its caller does not have: it is set-user-ID or
/// set-group-ID, or its file has capabilities (`AT_SECURE`, see getauxval(3)).
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub(crate) fn has_raised_rights() -> bool {
    // SAFETY: it reads one of the numbers that the kernel gave the program when it started.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether this program runs with rights that its caller does not have: it is set-user-ID or
/// set-group-ID.
#[cfg(not(target_os = "linux"))]
pub(crate) fn has_raised_rights() -> bool {
    use nix::unistd::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
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
