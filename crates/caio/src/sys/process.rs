//! Which process this is, for the price of a load, and whether it has more rights than its caller.
//!
//! After fork(2) without exec the child has a copy of the parent's memory, but none of its threads,
//! and it shares the parent's descriptors, those of rings and event metrics among them. So what
//! has threads or descriptors compares the process that it was made in with the running one.
//! getpid(2) would tell, too, with a system call for each operation. Here, where the system has it,
//! one page of memory is emptied by the kernel in each child: where the number in it is gone, this
//! is a new process, and it takes the next number.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::wiped;
use crate::error::{Error, ErrorKind, Result};

/// A process, as against the processes that it was forked from: a key for what each of them has to
/// make for itself.
///
/// After fork(2) without exec a child has none of its parent's threads, so that it can use none of
/// its contexts. What is kept beside the process that made it can be told from what is the child's
/// own. A static that each process has for itself is a [`PerProcess`](crate::PerProcess).
///
/// ```
/// use caio::Process;
///
/// /// Lies in memory, and belongs to the process that made it.
/// struct Guard(Process);
///
/// impl Drop for Guard {
///     fn drop(&mut self) {
///         if self.0.is_current() {
///             println!("given back");
///         }
///     }
/// }
/// drop(Guard(Process::current()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process(u32);

/// The number on the page, where there is such a page.
static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();

/// The number that was given last, here or in a parent.
static LAST: AtomicU32 = AtomicU32::new(0);

impl Process {
    /// The process that is running. Costs a load from memory on Linux 4.14 or later, and a system
    /// call elsewhere.
    ///
    /// ```
    /// use caio::Process;
    ///
    /// assert_eq!(Process::current(), Process::current());
    /// ```
    #[must_use]
    pub fn current() -> Self {
        let Some(number) = PAGE.get_or_init(wiped::page) else { return Self(std::process::id()) };
        match number.load(Ordering::Relaxed) {
            0 => Self(begin(number)),
            number => Self(number),
        }
    }

    /// Whether this is the process that is running, rather than a child of it.
    ///
    /// ```
    /// assert!(caio::Process::current().is_current());
    /// ```
    #[must_use]
    pub fn is_current(self) -> bool {
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
    use std::collections::HashMap;

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

    #[test]
    fn a_child_finds_nothing_under_its_own_key_and_the_parent_finds_its_own() {
        let mut kept = HashMap::from([(Process::current(), "the parent's")]);
        assert!(in_child(|| {
            let is_free = !kept.contains_key(&Process::current());
            kept.insert(Process::current(), "the child's");
            is_free && kept.len() == 2 && kept[&Process::current()] == "the child's"
        }));
        assert_eq!(kept[&Process::current()], "the parent's");
    }
}
