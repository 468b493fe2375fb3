//! One ring: its two queues, the requests in flight on it, and the lock around both.
//!
//! The lock is held to write entries and to read completions, never for a system call and never
//! while a request completes. The kernel reads the submission queue only inside `io_uring_enter`
//! (or in its polling thread), under a lock of its own, so threads may enter at the same time.

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use io_uring::{CompletionQueue, EnterFlags, IoUring, SubmissionQueue, opcode};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::books::{Books, Held, Wrong};
use super::entry;
use super::rescue;
use crate::request::{Request, Token};
use crate::sync::lock;
use crate::sys::process::Process;

/// Completions taken out at once, under one lock.
const CHUNK: usize = 16;

/// How often the kernel is asked at once to take what it did not take.
const ENTER_ATTEMPTS: usize = 4;

/// The user data of cancellations. No token has it: there are fewer lanes than its tag says.
const CANCELLATION: u64 = u64::MAX;

/// Rings that were dropped with requests in flight, and so leaked.
pub(super) static LEAKED: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
pub(super) struct Ring {
    lane: u8,
    polled_by_kernel: bool,
    home: Process,
    /// Whether a thread is trying to hand over what the kernel did not take.
    pub(super) in_rescue: AtomicBool,
    /// How many calls of `io_uring_enter` are to fail, with which errno.
    #[cfg(test)]
    pub(super) refusals: AtomicUsize,
    io: ManuallyDrop<Io>,
    books: ManuallyDrop<Mutex<Books>>,
}

struct Io(IoUring);

/// How writing entries ended.
struct Written {
    /// How many requests left the batch.
    taken: usize,
    /// Entries ever written, these included.
    until: u64,
    /// Whether the submission queue had no room, though there was more to write.
    queue_full: bool,
    flags: EnterFlags,
    /// Whether the kernel needs to be told.
    enter: bool,
    /// Whether something may complete while the kernel takes it. What has to wait for a device
    /// does not, and its completions are better taken together.
    may_be_ready: bool,
}

/// What was found after completing what is ready.
#[derive(Default)]
struct Looked {
    completed: usize,
    /// Entries that the kernel has read so far.
    read: u64,
    /// Entries that it has not.
    left: u64,
}

/// What is to be done after taking out a chunk of completions.
struct Collected {
    more: bool,
    enter: bool,
}

impl Ring {
    pub(super) fn new(lane: u8, io: IoUring, requests_max: usize) -> Self {
        Self {
            lane,
            home: Process::current(),
            polled_by_kernel: io.params().is_setup_sqpoll(),
            in_rescue: AtomicBool::new(false),
            #[cfg(test)]
            refusals: AtomicUsize::new(0),
            io: ManuallyDrop::new(Io(io)),
            books: ManuallyDrop::new(Mutex::new(Books::new(lane, requests_max))),
        }
    }

    pub(super) fn lane(&self) -> usize {
        self.lane.into()
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.io.0.as_fd()
    }

    pub(super) fn in_flight(&self) -> usize {
        lock(&self.books).in_flight.len()
    }

    #[cfg(test)]
    pub(super) fn stale(&self) -> u64 {
        lock(&self.books).in_flight.stale()
    }

    /// The token of a request in flight.
    #[cfg(test)]
    pub(super) fn some_token(&self) -> Token {
        let books = lock(&self.books);
        books.in_flight.tokens().next().expect("the test has one in flight")
    }

    /// Has the kernel complete something that nobody has asked for.
    #[cfg(test)]
    pub(super) fn answer_for_nobody(&self) {
        let mut books = lock(&self.books);
        let mut queue = self.submissions(&books);
        assert!(books.push(&mut queue, &opcode::Nop::new().build().user_data(1 << 24)));
        drop(queue);
        drop(books);
        self.enter(EnterFlags::empty()).expect("a nop is taken");
    }

    /// Takes requests from the front of the batch until nothing or no room is left, and has them
    /// begun. Returns how many it took.
    pub(super) fn submit(self: &Arc<Self>, batch: &mut [Option<Request>]) -> usize {
        let mut wrong = Vec::new();
        let mut taken = 0;
        loop {
            let written = self.write(&mut batch[taken..], &mut wrong);
            taken += written.taken;
            let begun = self.hand_over(&written);
            for (request, error) in wrong.drain(..) {
                request.complete(Err(error));
            }
            if !written.queue_full || !begun {
                return taken;
            }
        }
    }

    /// Asks the kernel to cancel. Whatever it answers, the request itself will complete.
    pub(super) fn cancel(self: &Arc<Self>, token: Token) {
        for _ in 0..ENTER_ATTEMPTS {
            let mut books = lock(&self.books);
            let mut queue = self.submissions(&books);
            let Some(held) = books.in_flight.get_mut(token) else { return };
            held.unwanted = true;
            let entry = opcode::AsyncCancel::new(token.0).build().user_data(CANCELLATION);
            let queue_full = !books.push(&mut queue, &entry);
            drop(queue);
            let written = self.written(&books, 0, queue_full);
            drop(books);
            self.hand_over(&written);
            if !queue_full {
                return;
            }
        }
    }

    /// Completes what is ready, and returns how many requests that was.
    pub(super) fn reap(self: &Arc<Self>) -> usize {
        self.look().completed
    }

    /// Tries once to hand over all that is written. Returns how many entries are left.
    pub(super) fn flush(self: &Arc<Self>) -> u64 {
        let books = lock(&self.books);
        let written = self.written(&books, 0, false);
        drop(books);
        if written.enter {
            // Whether it worked shows in what is left.
            let _ = self.enter(written.flags);
        }
        self.look().left
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        lock(&self.books).closed = true;
    }

    /// Writes entries for requests from the batch.
    fn write(&self, batch: &mut [Option<Request>], wrong: &mut Vec<Wrong>) -> Written {
        let mut books = lock(&self.books);
        let mut queue = self.submissions(&books);
        let (mut queue_full, mut may_be_ready) = (false, false);
        let mut taken = 0;
        for place in batch {
            if place.is_some() {
                if books.closed || books.in_flight.is_full() {
                    break;
                }
                queue_full = queue.is_full();
                if queue_full {
                    break;
                }
            }
            if let Some(request) = place.take() {
                may_be_ready |= request.file().is_none_or(|file| !file.is_direct());
                books.begin(&mut queue, request, wrong);
            }
            taken += 1;
        }
        drop(queue);
        Written { may_be_ready, ..self.written(&books, taken, queue_full) }
    }

    /// What is to be told to the kernel after writing.
    fn written(&self, books: &MutexGuard<'_, Books>, taken: usize, queue_full: bool) -> Written {
        let queue = self.submissions(books);
        let mut flags = EnterFlags::empty();
        let mut enter = !queue.is_empty() || queue_full;
        if self.polled_by_kernel {
            flags.set(EnterFlags::SQ_WAKEUP, queue_full || queue.need_wakeup());
            // An entry's place is free when the kernel's thread has read it, which may be later
            // than its completion. This waits until some are.
            flags.set(EnterFlags::SQ_WAIT, queue_full);
            enter = !flags.is_empty();
        }
        if queue.cq_overflow() {
            flags.insert(EnterFlags::GETEVENTS);
            enter = true;
        }
        Written { taken, until: books.written, queue_full, flags, enter, may_be_ready: true }
    }

    /// Has the kernel take what was written, and completes what is ready right after. Returns
    /// whether all of it was taken; if not, a thread goes on trying.
    fn hand_over(self: &Arc<Self>, written: &Written) -> bool {
        if !written.enter {
            return true;
        }
        for _ in 0..ENTER_ATTEMPTS {
            let result = self.enter(written.flags);
            let read = if written.may_be_ready { self.look().read } else { self.read_so_far() };
            if self.polled_by_kernel && result.is_ok() || read >= written.until {
                return true;
            }
            if result.is_err_and(|error| !passes(&error)) {
                break;
            }
        }
        rescue::start(self);
        false
    }

    #[allow(unsafe_code)]
    fn enter(&self, flags: EnterFlags) -> io::Result<usize> {
        #[cfg(test)]
        if self
            .refusals
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
            .is_ok()
        {
            return Err(Errno::EBUSY.into());
        }
        // The kernel takes what is there, if that is less.
        let entries = self.io.0.params().sq_entries();
        let submitter = self.io.0.submitter();
        // SAFETY: no argument is passed. What the entries point to is kept by `Books` until each
        // completes.
        unsafe { submitter.enter::<libc::sigset_t>(entries, 0, flags.bits(), None) }
    }

    /// Entries that the kernel has read so far.
    fn read_so_far(&self) -> u64 {
        let books = lock(&self.books);
        books.written - self.submissions(&books).len() as u64
    }

    /// Completes what is ready, and looks at the submission queue.
    fn look(self: &Arc<Self>) -> Looked {
        let mut looked = Looked::default();
        loop {
            let mut chunk = [const { None }; CHUNK];
            let collected = self.collect(&mut chunk, &mut looked);
            for (mut held, result) in chunk.into_iter().flatten() {
                looked.completed += 1;
                let result = entry::outcome(held.request.op_mut(), result);
                held.request.complete(result);
            }
            let flags = EnterFlags::GETEVENTS | EnterFlags::SQ_WAKEUP;
            if collected.enter && self.enter(flags).is_err() {
                rescue::start(self);
                return looked;
            }
            if !collected.more {
                return looked;
            }
        }
    }

    /// Takes completed requests out of the books.
    fn collect(&self, chunk: &mut [Option<(Held, i32)>; CHUNK], looked: &mut Looked) -> Collected {
        let mut books = lock(&self.books);
        let mut queue = self.completions(&books);
        let mut places = chunk.iter_mut();
        while !places.as_slice().is_empty() {
            let Some(completion) = queue.next() else { break };
            let (token, result) = (Token(completion.user_data()), completion.result());
            if token.0 != CANCELLATION
                && let Some(held) = books.finish(token, result)
                && let Some(place) = places.next()
            {
                *place = Some((held, result));
            }
        }
        let more = !queue.is_empty();
        drop(queue);
        let mut queue = self.submissions(&books);
        let begun_again = !books.again.is_empty() && books.begin_again(&mut queue);
        let overflow = queue.cq_overflow();
        looked.left = (queue.len() + books.again.len()) as u64;
        looked.read = books.written - queue.len() as u64;
        Collected { more: more || overflow, enter: overflow || begun_again }
    }

    /// The submission queue, for whoever holds the lock.
    #[allow(unsafe_code)]
    fn submissions(&self, _books: &MutexGuard<'_, Books>) -> SubmissionQueue<'_> {
        // SAFETY: the books' lock is held while this value is used, and only one is made at once.
        unsafe { self.io.0.submission_shared() }
    }

    /// The completion queue, for whoever holds the lock.
    #[allow(unsafe_code)]
    fn completions(&self, _books: &MutexGuard<'_, Books>) -> CompletionQueue<'_> {
        // SAFETY: as for the submission queue.
        unsafe { self.io.0.completion_shared() }
    }
}

impl Drop for Ring {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if !self.home.is_current() {
            // The queues are not mapped in a forked child, and other things may be in their place.
            return;
        }
        if self.in_flight() > 0 {
            // Closing a ring does not wait for the kernel: what it may still use must stay.
            LEAKED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // SAFETY: dropped only here, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.io) };
        // SAFETY: as above; no request is in flight, so the kernel uses nothing of it.
        unsafe { ManuallyDrop::drop(&mut self.books) };
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Io(fd {}, {:?})", self.0.as_raw_fd(), self.0.params())
    }
}

/// Whether this error of `io_uring_enter` passes by itself, so that trying again at once helps.
fn passes(error: &io::Error) -> bool {
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
