//! One ring: its two queues, the requests in flight on it, and the lock around both.
//!
//! The lock is held to write entries and to read completions, never for a system call and never
//! while a request completes. The kernel reads the submission queue only inside `io_uring_enter`
//! (or in its polling thread), under a lock of its own, so threads may enter at the same time.

use std::mem::ManuallyDrop;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use io_uring::{EnterFlags, opcode};

use super::books::{Books, Held, Wrong};
use super::entry;
use super::files::Files;
use super::io::{Io, passes};
use super::rescue;
use super::setup::Made;
use crate::file::{FileId, Follower};
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
    /// The files that the kernel knows by their places; none where that was not asked for.
    files: Option<Files>,
    /// Requests that are out of the books and not completed yet. It grows under the books' lock.
    completing: AtomicUsize,
    io: ManuallyDrop<Io>,
    books: ManuallyDrop<Mutex<Books>>,
}

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
    pub(super) fn new(lane: u8, made: Made) -> Self {
        let Made { io, requests_max, registered_files } = made;
        let io = Io::new(io);
        Self {
            lane,
            home: Process::current(),
            polled_by_kernel: io.is_polled_by_kernel(),
            in_rescue: AtomicBool::new(false),
            files: Files::new(registered_files),
            completing: AtomicUsize::new(0),
            io: ManuallyDrop::new(io),
            books: ManuallyDrop::new(Mutex::new(Books::new(lane, requests_max))),
        }
    }

    pub(super) fn lane(&self) -> usize {
        self.lane.into()
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.io.descriptor()
    }

    /// Requests that were taken and have not completed.
    pub(super) fn in_flight(&self) -> usize {
        let books = lock(&self.books);
        books.in_flight.len() + self.completing.load(Ordering::Acquire)
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

    /// Has so many calls of `io_uring_enter` fail.
    #[cfg(test)]
    pub(super) fn refuse(&self, calls: usize) {
        self.io.refusals.store(calls, Ordering::Release);
    }

    /// Has the kernel complete something that nobody has asked for.
    #[cfg(test)]
    pub(super) fn answer_for_nobody(&self) {
        let mut books = lock(&self.books);
        let mut queue = self.io.submissions(&books);
        assert!(books.push(&mut queue, &opcode::Nop::new().build().user_data(1 << 24)));
        drop(queue);
        drop(books);
        self.io.enter(EnterFlags::empty(), 0).expect("a nop is taken");
    }

    /// Takes requests from the front of the batch until nothing or no room is left, and has them
    /// begun. Returns how many it took.
    pub(super) fn submit(self: &Arc<Self>, batch: &mut [Option<Request>]) -> usize {
        self.take(batch, false)
    }

    /// Takes requests that this backend has accepted before, also when it accepts no more.
    pub(super) fn take_over(self: &Arc<Self>, batch: &mut [Option<Request>]) -> usize {
        self.take(batch, true)
    }

    fn take(self: &Arc<Self>, batch: &mut [Option<Request>], accepted: bool) -> usize {
        if let Some(files) = &self.files {
            let follower: Weak<Self> = Arc::downgrade(self);
            let requested = batch.iter().flatten().filter_map(Request::file);
            files.admit(requested, &self.io, &self.books, &follower);
        }
        let mut wrong = Vec::new();
        let mut taken = 0;
        loop {
            let written = self.write(&mut batch[taken..], accepted, &mut wrong);
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
            let mut queue = self.io.submissions(&books);
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

    /// Waits for a completion by asking for it, and completes what there is. False where the kernel
    /// refused.
    pub(super) fn poll(self: &Arc<Self>) -> bool {
        let result = self.io.enter(EnterFlags::GETEVENTS, 1);
        self.look();
        result.is_ok() || result.is_err_and(|error| passes(&error))
    }

    /// Tries once to hand over all that is written. Returns how many entries are left.
    pub(super) fn flush(self: &Arc<Self>) -> u64 {
        let books = lock(&self.books);
        let written = self.written(&books, 0, false);
        drop(books);
        if written.enter {
            // Whether it worked shows in what is left.
            let _ = self.io.enter(written.flags, 0);
        }
        self.look().left
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        lock(&self.books).closed = true;
    }

    /// Writes entries for requests from the batch. Those that were `accepted` before are taken also
    /// by a ring that is closed.
    fn write(
        &self,
        batch: &mut [Option<Request>],
        accepted: bool,
        wrong: &mut Vec<Wrong>,
    ) -> Written {
        let mut books = lock(&self.books);
        let mut queue = self.io.submissions(&books);
        let (mut queue_full, mut may_be_ready) = (false, false);
        let mut taken = 0;
        for place in batch {
            if place.is_some() {
                if books.closed && !accepted || books.in_flight.is_full() {
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
        let queue = self.io.submissions(books);
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
            let result = self.io.enter(written.flags, 0);
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

    /// Entries that the kernel has read so far.
    fn read_so_far(&self) -> u64 {
        let books = lock(&self.books);
        books.written - self.io.submissions(&books).len() as u64
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
                self.completing.fetch_sub(1, Ordering::Release);
            }
            let flags = EnterFlags::GETEVENTS | EnterFlags::SQ_WAKEUP;
            if collected.enter && self.io.enter(flags, 0).is_err() {
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
        let mut queue = self.io.completions(&books);
        let mut places = chunk.iter_mut();
        while !places.as_slice().is_empty() {
            let Some(completion) = queue.next() else { break };
            let (token, result) = (Token(completion.user_data()), completion.result());
            if token.0 != CANCELLATION
                && let Some(held) = books.finish(token, result)
                && let Some(place) = places.next()
            {
                *place = Some((held, result));
                self.completing.fetch_add(1, Ordering::Relaxed);
            }
        }
        let more = !queue.is_empty();
        drop(queue);
        let mut queue = self.io.submissions(&books);
        let begun_again = !books.again.is_empty() && books.begin_again(&mut queue);
        let overflow = queue.cq_overflow();
        looked.left = (queue.len() + books.again.len()) as u64;
        looked.read = books.written - queue.len() as u64;
        Collected { more: more || overflow, enter: overflow || begun_again }
    }
}

impl Follower for Ring {
    fn let_go(&self, file: FileId) {
        // In a forked child the ring is the parent's, and there the file is still open.
        if self.home.is_current()
            && let Some(files) = &self.files
        {
            files.dismiss(file, &self.io, &self.books);
        }
    }
}

impl Drop for Ring {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if !self.home.is_current() {
            // The queues are not mapped in a forked child, and other things may be in their place.
            return;
        }
        if !lock(&self.books).in_flight.is_empty() {
            // Closing a ring does not wait for the kernel: what it may still use must stay.
            LEAKED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // The kernel takes its time to close a ring, and the files should not wait for that.
        if self.files.is_some() {
            self.io.drop_files();
        }
        // SAFETY: dropped only here, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.io) };
        // SAFETY: as above; no request is in flight, so the kernel uses nothing of it.
        unsafe { ManuallyDrop::drop(&mut self.books) };
    }
}
