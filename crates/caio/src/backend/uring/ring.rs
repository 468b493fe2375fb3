//! One ring: its two queues, the requests in flight on it, and the lock around both.
//!
//! The lock is held to write entries and to read completions, never for a system call and never
//! while a request completes. The kernel reads the submission queue only inside `io_uring_enter`
//! (or in its polling thread), under a lock of its own, so threads may enter at the same time.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use io_uring::squeue::Entry;
use io_uring::{CompletionQueue, EnterFlags, IoUring, SubmissionQueue, opcode, types};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::setup::Made;
use crate::backend::in_flight::{Held, InFlight};
use crate::op::{OpKind, TRANSFER_BYTES_MAX, Vectors};
use crate::pending_count::shut_down;
use crate::request::{Request, Token};
use crate::sync::{Mutex, MutexGuard, lock};

/// Completions taken out at once, under one lock.
const CHUNK: usize = 16;

/// How often the kernel is asked at once to take what it did not take. The context asks again.
const ENTER_ATTEMPTS: usize = 4;

/// Spare allocations for the addresses of vectored operations.
const VECTORS_KEPT: usize = 8;

/// Rings that were dropped with requests in flight, and so leaked.
pub(super) static LEAKED: AtomicUsize = AtomicUsize::new(0);

pub(super) struct Ring {
    /// Whether a thread of the kernel takes submissions.
    polled_by_kernel: bool,
    /// The kernel has refused to be entered, and is not asked again.
    refused: AtomicBool,
    /// Requests that are out of the state and not completed yet. It grows under the lock.
    completing: AtomicUsize,
    io: ManuallyDrop<IoUring>,
    state: ManuallyDrop<Mutex<State>>,
}

/// What the lock protects, but for the queues themselves.
struct State {
    in_flight: InFlight<Held>,
    /// Entries that are not written yet, since the submission queue was full.
    unwritten: VecDeque<Entry>,
    /// The latest entries, as many as the submission queue has room for.
    written: VecDeque<Token>,
    spare: Vec<Vectors>,
    /// The memory of a chunk of completions, while no thread reaps.
    chunk: Vec<(Held, i32)>,
    closed: bool,
}

impl Ring {
    pub(super) fn new(made: Made) -> Self {
        let Made { io, requests_max } = made;
        let state = State {
            in_flight: InFlight::with_capacity(requests_max),
            unwritten: VecDeque::new(),
            written: VecDeque::with_capacity(io.params().sq_entries() as usize),
            spare: Vec::with_capacity(VECTORS_KEPT),
            chunk: Vec::with_capacity(CHUNK),
            closed: false,
        };
        Self {
            polled_by_kernel: io.params().is_setup_sqpoll(),
            refused: AtomicBool::new(false),
            completing: AtomicUsize::new(0),
            io: ManuallyDrop::new(io),
            state: ManuallyDrop::new(Mutex::new(state)),
        }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }

    /// Requests that were queued and have not completed.
    pub(super) fn in_flight(&self) -> usize {
        let state = lock(&self.state);
        state.in_flight.len() + self.completing.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(super) fn stale(&self) -> u64 {
        lock(&self.state).in_flight.stale()
    }

    /// Has the kernel complete nothing, under this number.
    #[cfg(test)]
    #[allow(unsafe_code)]
    pub(super) fn complete_nothing(&self, number: u64) {
        let state = lock(&self.state);
        let entry = io_uring::opcode::Nop::new().build().user_data(number);
        // SAFETY: this entry points to nothing.
        unsafe { self.submissions(&state).push(&entry) }.expect("there is room");
    }

    /// Takes a request and writes its entry. What is wrong with it completes it at once.
    pub(super) fn queue(&self, request: Request) {
        if self.refused.load(Ordering::Acquire) {
            // The context has another way to do it.
            return request.complete(Err(Errno::EOPNOTSUPP.into()));
        }
        let mut state = lock(&self.state);
        let refused = match state.closed {
            true => Err(Box::new((request, shut_down().into()))),
            false => state.insert(request),
        };
        match refused {
            Ok(entry) => {
                let mut queue = self.submissions(&state);
                state.write(entry, &mut queue);
            }
            Err(refused) => {
                drop(state);
                let (request, error) = *refused;
                request.complete(Err(error));
            }
        }
    }

    /// Tells the kernel of all that was written, and writes what had no room before.
    pub(super) fn commit(&self) {
        for _ in 0..ENTER_ATTEMPTS {
            let Some(flags) = self.write_all() else { return };
            match self.enter(flags) {
                Err(error) if !passes(&error) => return self.refuse(&error),
                _ => {}
            }
        }
    }

    /// Completes what is ready, and returns how many requests that was.
    pub(super) fn reap(&self) -> usize {
        let mut completed = 0;
        let mut chunk = std::mem::take(&mut lock(&self.state).chunk);
        loop {
            let more = self.collect(&mut chunk);
            for (held, result) in chunk.drain(..) {
                completed += 1;
                held.complete(result.into());
                self.completing.fetch_sub(1, Ordering::Release);
            }
            if !more {
                lock(&self.state).chunk = chunk;
                return completed;
            }
        }
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
    }

    /// Writes the entries that had no room before, and says with which flags the kernel is to be
    /// entered, if at all.
    fn write_all(&self) -> Option<EnterFlags> {
        if self.refused.load(Ordering::Acquire) {
            return None;
        }
        let mut state = lock(&self.state);
        let mut queue = self.submissions(&state);
        state.write_more(&mut queue);
        let is_full = !state.unwritten.is_empty();
        queue.sync();
        if !self.polled_by_kernel {
            return (!queue.is_empty()).then(EnterFlags::empty);
        }
        let mut flags = EnterFlags::empty();
        flags.set(EnterFlags::SQ_WAKEUP, queue.need_wakeup() && !queue.is_empty());
        // An entry's place is free when the kernel's thread has read it. This waits until some are.
        flags.set(EnterFlags::SQ_WAIT, is_full);
        (!flags.is_empty()).then_some(flags)
    }

    /// The kernel refuses to be entered: what it has not taken it will never take. Its callers get
    /// the error, and what it could use stays where it is for ever.
    pub(super) fn refuse(&self, error: &io::Error) {
        self.refused.store(true, Ordering::Release);
        let mut state = lock(&self.state);
        let unread = self.submissions(&state).len();
        let unwritten = std::mem::take(&mut state.unwritten);
        let unwritten = unwritten.iter().map(|entry| Token(entry.get_user_data()));
        let skipped = state.written.len().saturating_sub(unread);
        let tokens: Vec<_> = state.written.drain(..).skip(skipped).chain(unwritten).collect();
        let all: Vec<_> =
            tokens.into_iter().filter_map(|token| state.in_flight.take(token)).collect();
        drop(state);
        all.into_iter().for_each(|held| held.leak("uring: io_uring_enter", error));
    }

    /// Takes completed requests out of the state. Returns whether there are more.
    fn collect(&self, chunk: &mut Vec<(Held, i32)>) -> bool {
        let mut state = lock(&self.state);
        let mut queue = self.completions(&state);
        for completion in queue.by_ref().take(CHUNK) {
            if let Some(mut held) = state.in_flight.take(Token(completion.user_data())) {
                state.recycle(&mut held.vectors);
                self.completing.fetch_add(1, Ordering::Relaxed);
                chunk.push((held, completion.result()));
            }
        }
        !queue.is_empty()
    }

    #[allow(unsafe_code)]
    fn enter(&self, flags: EnterFlags) -> io::Result<usize> {
        // The kernel takes what is there, if that is less.
        let entries = self.io.params().sq_entries();
        let submitter = self.io.submitter();
        // SAFETY: no argument is passed. What the entries point to is kept by `State` until each
        // completes.
        unsafe { submitter.enter::<libc::sigset_t>(entries, 0, flags.bits(), None) }
    }

    #[allow(unsafe_code)]
    fn submissions(&self, _state: &MutexGuard<'_, State>) -> SubmissionQueue<'_> {
        // SAFETY: the lock is held while this value is used, and only one is made at once.
        unsafe { self.io.submission_shared() }
    }

    #[allow(unsafe_code)]
    fn completions(&self, _state: &MutexGuard<'_, State>) -> CompletionQueue<'_> {
        // SAFETY: as for the submission queue.
        unsafe { self.io.completion_shared() }
    }
}

impl State {
    /// Keeps a request and returns its entry; gives it back where it is wrong in itself.
    fn insert(&mut self, mut request: Request) -> Result<Entry, Box<(Request, io::Error)>> {
        let mut vectors = Vectors::default();
        if request.op().is_vectored() {
            vectors = self.spare.pop().unwrap_or_default();
        }
        let entry = match describe(&mut request, &mut vectors) {
            Ok(entry) => entry,
            Err(error) => return Err(Box::new((request, error))),
        };
        match self.in_flight.insert(Held { request, vectors }) {
            Ok(Token(token)) => Ok(entry.user_data(token)),
            Err(held) => Err(Box::new((held.request, Errno::EAGAIN.into()))),
        }
    }

    /// Writes the entry of a request that is kept, or notes that it is still to be written.
    fn write(&mut self, entry: Entry, queue: &mut SubmissionQueue<'_>) {
        if !self.unwritten.is_empty() || !self.push(&entry, queue) {
            self.unwritten.push_back(entry);
        }
    }

    fn write_more(&mut self, queue: &mut SubmissionQueue<'_>) {
        while let Some(entry) = self.unwritten.pop_front() {
            if !self.push(&entry, queue) {
                return self.unwritten.push_front(entry);
            }
        }
    }

    /// Returns whether there was room.
    #[allow(unsafe_code)]
    fn push(&mut self, entry: &Entry, queue: &mut SubmissionQueue<'_>) -> bool {
        // SAFETY: the entry names the memory of a request in `in_flight`, which stays there, with
        // its vectors, until the kernel has completed it.
        if unsafe { queue.push(entry) }.is_err() {
            return false;
        }
        if self.written.len() == self.written.capacity() {
            self.written.pop_front();
        }
        self.written.push_back(Token(entry.get_user_data()));
        true
    }

    fn recycle(&mut self, vectors: &mut Vectors) {
        if self.spare.len() < VECTORS_KEPT
            && let Some(vectors) = std::mem::take(vectors).recycled()
        {
            self.spare.push(vectors);
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("descriptor", &self.io.as_raw_fd())
            .field("state", &lock(&self.state))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("in_flight", &self.in_flight.len())
            .field("stale", &self.in_flight.stale())
            .field("unwritten", &self.unwritten.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Drop for Ring {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if !lock(&self.state).in_flight.is_empty() {
            // Closing a ring does not wait for the kernel: what it may still use must stay.
            LEAKED.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // SAFETY: dropped only here, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.io) };
        // SAFETY: as above; no request is in flight, so the kernel uses nothing of it.
        unsafe { ManuallyDrop::drop(&mut self.state) };
    }
}

/// The entry of a request, still without user data. It names the request's buffers and `vectors`:
/// both must be kept until the operation has completed.
///
/// # Errors
/// The operation is wrong in itself, or none that a ring does. (The kernel would hand a sync to one
/// of few workers that all rings share: a pool does better.)
fn describe(request: &mut Request, vectors: &mut Vectors) -> io::Result<Entry> {
    let (op, file) = request.parts_mut();
    let Some(file) = file else { return Err(Errno::EBADF.into()) };
    let fd = types::Fd(file.as_raw_fd());
    let (start, length) = op.memory(vectors, TRANSFER_BYTES_MAX)?;
    let length = u32::try_from(length).expect("TRANSFER_BYTES_MAX fits");
    let (offset, flags) = (op.offset().unwrap_or_default(), file.rw_flags(op.is_write()));
    Ok(match op.kind() {
        OpKind::Read => {
            opcode::Read::new(fd, start.cast(), length).offset(offset).rw_flags(flags).build()
        }
        OpKind::Write => {
            opcode::Write::new(fd, start.cast(), length).offset(offset).rw_flags(flags).build()
        }
        OpKind::ReadVectored => {
            opcode::Readv::new(fd, start.cast(), length).offset(offset).rw_flags(flags).build()
        }
        _ => opcode::Writev::new(fd, start.cast(), length).offset(offset).rw_flags(flags).build(),
    })
}

/// Whether this error of `io_uring_enter` passes by itself, so that trying again helps.
fn passes(error: &io::Error) -> bool {
    let passing = [Errno::EINTR, Errno::EAGAIN, Errno::EBUSY, Errno::ENOMEM];
    passing.into_iter().any(|errno| error.raw_os_error() == Some(errno as i32))
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
