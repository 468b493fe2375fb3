//! The one queue: requests that wait to be submitted, and those that the kernel has.
//!
//! One lock guards both. It is never held across a system call, and never while a request
//! completes.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::probe;
use crate::backend::in_flight::{Held, InFlight};
use crate::error::Error;
use crate::op::{OpKind, TRANSFER_BYTES_MAX, Vectors};
use crate::pending_count::shut_down;
use crate::request::{Request, Token};
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock, now, planted};
use crate::sys::aio::{self, Command, ControlBlock, Event, NOWAIT, SUBMIT_MAX};

/// How often a full queue is emptied and tried again before the rest is left to the next commit.
const FULL_MAX: u32 = 3;

/// Events that are fetched in one system call.
const EVENTS_MAX: usize = 64;

/// So many failures of io_getevents in a row, and it will not work any more.
const FAILURES_MAX: u32 = 16;

/// One AIO context. Dropping it may wait for the kernel. A seam, so that tests can make a kernel
/// that takes less than it was given, is full, is interrupted or refuses.
pub(super) trait Kernel: fmt::Debug + Send + Sync {
    /// io_submit(2): takes blocks from the front and says how many.
    ///
    /// # Safety
    /// The memory that the blocks name stays valid and untouched until their events arrive.
    #[allow(unsafe_code)]
    unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize>;

    /// io_getevents(2): fills `events` from the front and says how many, waiting at most `wait`
    /// for the first.
    fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize>;
}

impl Kernel for aio::Queue {
    #[allow(unsafe_code)]
    unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize> {
        // SAFETY: the caller keeps to the same contract.
        unsafe { self.submit(blocks) }
    }

    fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize> {
        self.events(events, wait)
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    kernel: Box<dyn Kernel>,
    eventfd: EventFd,
    state: Mutex<State>,
    /// io_getevents is refused: nothing goes to the kernel any more.
    refused: AtomicBool,
    failures: AtomicU32,
    /// Requests that are out of the state and not completed yet. It grows under the lock.
    completing: AtomicUsize,
}

#[derive(Debug)]
struct State {
    in_flight: InFlight<Held>,
    unsubmitted: VecDeque<ControlBlock>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(kernel: Box<dyn Kernel>, requests_max: usize) -> Result<Self, Error> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let eventfd = EventFd::from_value_and_flags(0, flags)
            .map_err(|errno| probe::refusal("eventfd2", errno.into()))?;
        let state = State {
            in_flight: InFlight::with_capacity(requests_max),
            unsubmitted: VecDeque::with_capacity(requests_max),
            closed: false,
        };
        Ok(Self {
            kernel,
            eventfd,
            state: Mutex::new(state),
            refused: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            completing: AtomicUsize::new(0),
        })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }

    /// Takes a request for the next commit. What is wrong with it completes it at once.
    pub(super) fn add(&self, request: Request) {
        if let Err(refused) = self.try_add(request) {
            let (request, error) = *refused;
            request.complete(Err(error));
        }
    }

    fn try_add(&self, mut request: Request) -> Result<(), Box<(Request, io::Error)>> {
        let refuse = |request, error| Err(Box::new((request, error)));
        // Where the file refuses to be asked without waiting, a thread has to wait.
        let waits = request.file().is_some_and(|file| {
            !file.is_direct()
                || file.refuses_in_place(request.op().is_write()).load(Ordering::Relaxed)
        });
        if waits || self.refused.load(Ordering::Acquire) {
            return refuse(request, Errno::EOPNOTSUPP.into());
        }
        let mut vectors = Vectors::default();
        let block = match control_block(&mut request, &mut vectors) {
            Ok(block) => block.counted_on(self.eventfd.as_raw_fd()),
            Err(error) => return refuse(request, error),
        };
        let mut state = lock(&self.state);
        if state.closed {
            return refuse(request, shut_down().into());
        }
        match state.in_flight.insert(Held { request, vectors }) {
            Ok(Token(token)) => state.unsubmitted.push_back(block.with_data(token)),
            Err(held) => return refuse(held.request, Errno::EAGAIN.into()),
        }
        Ok(())
    }

    /// Submits what waits for it. What the kernel refuses completes with its own error, and the
    /// others go on.
    pub(super) fn commit(&self) {
        let mut full = 0;
        loop {
            let mut blocks = lock(&self.state).take_blocks();
            if blocks.is_empty() {
                return;
            }
            match self.submit(&mut blocks) {
                Ok(0) => full += 1,
                Ok(count) => {
                    full = 0;
                    blocks.drain(..count.min(blocks.len()));
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN) => full += 1,
                    errno => {
                        let errno = errno.unwrap_or(libc::EIO);
                        let first = blocks.remove(0);
                        self.answer(first.data(), -i64::from(errno));
                    }
                },
            }
            lock(&self.state).put_back(&blocks);
            if full > FULL_MAX {
                return;
            }
            if full > 0 {
                // Some have ended whose events have not been fetched.
                self.fetch(Duration::ZERO);
            }
        }
    }

    /// Completes what the kernel has finished, and returns how many requests that was. The eventfd
    /// is reset before: what ends later makes it readable again.
    pub(super) fn reap(&self) -> usize {
        // EAGAIN: it was reset already. What has ended is fetched regardless.
        let _ = self.eventfd.read();
        self.fetch(Duration::ZERO)
    }

    /// Takes nothing more, and waits until nothing is in flight or the deadline. Returns how many
    /// requests are left.
    pub(super) fn shutdown(&self, deadline: Instant) -> usize {
        // Another thread may fetch the event that this waits for, so it looks again.
        const WAIT_MAX: Duration = Duration::from_millis(10);
        lock(&self.state).closed = true;
        loop {
            self.commit();
            self.fetch(Duration::ZERO);
            let left = {
                let state = lock(&self.state);
                let completing = self.completing.load(Ordering::Acquire);
                state.in_flight.len() + if planted("linux_aio") { 0 } else { completing }
            };
            let wait = deadline.saturating_duration_since(now()).min(WAIT_MAX);
            if left == 0 || wait.is_zero() {
                return left;
            }
            self.fetch(wait);
        }
    }

    #[allow(unsafe_code)]
    fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize> {
        // SAFETY: each block's memory belongs to what is held under its token, which stays in the
        // state until the event has come; and where it never comes, it is leaked.
        unsafe { self.kernel.submit(blocks) }
    }

    fn fetch(&self, mut wait: Duration) -> usize {
        let mut events = [Event::default(); EVENTS_MAX];
        let mut completed = 0;
        loop {
            let count = match self.kernel.events(&mut events, wait) {
                Ok(count) => {
                    self.failures.store(0, Ordering::Relaxed);
                    count
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return completed + self.failed(&error),
            };
            for event in &events[..count] {
                completed += usize::from(self.answer(event.data, event.result));
            }
            if count < EVENTS_MAX {
                return completed;
            }
            wait = Duration::ZERO;
        }
    }

    /// io_getevents has failed: it is tried again, since the eventfd stays readable, and in the end
    /// everything that is in flight gets the error. Its memory stays with the kernel.
    fn failed(&self, error: &io::Error) -> usize {
        if self.failures.fetch_add(1, Ordering::Relaxed) < FAILURES_MAX {
            let _ = self.eventfd.write(1);
            return 0;
        }
        self.refused.store(true, Ordering::Release);
        let all = {
            let mut state = lock(&self.state);
            state.unsubmitted.clear();
            state.in_flight.drain()
        };
        let count = all.len();
        all.into_iter().for_each(|held| held.leak("linux: io_getevents", error));
        count
    }

    /// Completes the request that an event is for. Returns whether there was one.
    fn answer(&self, data: u64, result: i64) -> bool {
        let held = {
            let mut state = lock(&self.state);
            let held = state.in_flight.take(Token(data));
            self.completing.fetch_add(usize::from(held.is_some()), Ordering::Relaxed);
            held
        };
        let Some(held) = held else { return false };
        if result == -i64::from(libc::EOPNOTSUPP)
            && let Some(file) = held.request.file()
        {
            file.refuses_in_place(held.request.op().is_write()).store(true, Ordering::Relaxed);
        }
        held.complete(result);
        self.completing.fetch_sub(1, Ordering::Release);
        true
    }
}

impl State {
    /// As many blocks as one submission carries.
    fn take_blocks(&mut self) -> Vec<ControlBlock> {
        let count = self.unsubmitted.len().min(SUBMIT_MAX);
        self.unsubmitted.drain(..count).collect()
    }

    fn put_back(&mut self, blocks: &[ControlBlock]) {
        blocks.iter().rev().for_each(|block| self.unsubmitted.push_front(*block));
    }
}

/// A request as the kernel sees it.
fn control_block(request: &mut Request, vectors: &mut Vectors) -> io::Result<ControlBlock> {
    let (op, file) = request.parts_mut();
    let Some(file) = file else { return Err(Errno::EBADF.into()) };
    let (start, length) = op.memory(vectors, TRANSFER_BYTES_MAX)?;
    let command = match op.kind() {
        OpKind::Read => Command::Read,
        OpKind::Write => Command::Write,
        OpKind::ReadVectored => Command::ReadVectored,
        _ => Command::WriteVectored,
    };
    let memory = (start.expose_provenance(), length);
    let (offset, flags) = (op.offset().unwrap_or_default(), file.rw_flags(op.is_write()));
    let block = ControlBlock::new(command, file.as_raw_fd(), memory, offset);
    Ok(block.with_flags(NOWAIT | flags.cast_unsigned()))
}
