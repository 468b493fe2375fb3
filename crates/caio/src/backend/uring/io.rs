//! The kernel's side of a ring: its two queues, its descriptor, and the calls that enter it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::MutexGuard;
#[cfg(test)]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_uring::{CompletionQueue, EnterFlags, IoUring, SubmissionQueue};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::books::Books;

/// A descriptor that is none, which empties a place among the registered files.
const NO_FILE: RawFd = -1;

pub(super) struct Io {
    ring: IoUring,
    /// How many calls of `io_uring_enter` are to fail.
    #[cfg(test)]
    pub(super) refusals: AtomicUsize,
}

impl Io {
    pub(super) fn new(ring: IoUring) -> Self {
        Self {
            ring,
            #[cfg(test)]
            refusals: AtomicUsize::new(0),
        }
    }

    pub(super) fn is_polled_by_kernel(&self) -> bool {
        self.ring.params().is_setup_sqpoll()
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }

    /// Tells the kernel of all that was written, and waits until `want` completions are there,
    /// where the flags ask for it.
    #[allow(unsafe_code)]
    pub(super) fn enter(&self, flags: EnterFlags, want: u32) -> io::Result<usize> {
        #[cfg(test)]
        if self
            .refusals
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
            .is_ok()
        {
            return Err(Errno::EBUSY.into());
        }
        // The kernel takes what is there, if that is less.
        let entries = self.ring.params().sq_entries();
        let submitter = self.ring.submitter();
        // SAFETY: no argument is passed. What the entries point to is kept by `Books` until each
        // completes.
        unsafe { submitter.enter::<libc::sigset_t>(entries, want, flags.bits(), None) }
    }

    /// Puts a file into a place of the table, or with `None` empties the place.
    pub(super) fn set_file(&self, place: u32, file: Option<RawFd>) -> io::Result<()> {
        let file = file.unwrap_or(NO_FILE);
        self.ring.submitter().register_files_update(place, &[file]).map(drop)
    }

    /// Gives the table up, with all files in it.
    pub(super) fn drop_files(&self) {
        // It fails where there is none.
        let _ = self.ring.submitter().unregister_files();
    }

    /// The submission queue, for whoever holds the books' lock.
    #[allow(unsafe_code)]
    pub(super) fn submissions(&self, _books: &MutexGuard<'_, Books>) -> SubmissionQueue<'_> {
        // SAFETY: the books' lock is held while this value is used, and only one is made at once.
        unsafe { self.ring.submission_shared() }
    }

    /// The completion queue, for whoever holds the books' lock.
    #[allow(unsafe_code)]
    pub(super) fn completions(&self, _books: &MutexGuard<'_, Books>) -> CompletionQueue<'_> {
        // SAFETY: as for the submission queue.
        unsafe { self.ring.completion_shared() }
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Io(fd {}, {:?})", self.ring.as_raw_fd(), self.ring.params())
    }
}

/// Whether this error of `io_uring_enter` passes by itself, so that trying again at once helps.
pub(super) fn passes(error: &io::Error) -> bool {
    let passing = [Errno::EINTR, Errno::EAGAIN, Errno::EBUSY].map(|errno| errno as i32);
    error.raw_os_error().is_some_and(|errno| passing.contains(&errno))
}

/// Waits until one of these has something to read, at most this long.
pub(super) fn wait_readable<'a>(
    descriptors: impl IntoIterator<Item = BorrowedFd<'a>>,
    timeout: Duration,
) {
    let readable = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
    let mut descriptors: Vec<_> = descriptors.into_iter().map(readable).collect();
    // Rounded up, so that a last fraction of a millisecond is not spent in a busy loop.
    let timeout = timeout + Duration::from_micros(999);
    let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
    // An interruption or a failure only ends the wait early; the caller looks for itself.
    let _ = poll(&mut descriptors, timeout);
}
