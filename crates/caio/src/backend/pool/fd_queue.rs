//! The requests that wait for streams, in queues for each descriptor: what was queued first is
//! answered first.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

use super::execute::retry_on_eintr;
use crate::op::{Op, Output};
use crate::request::{Request, Token};
use crate::sync::{now, poll, thread};
use crate::sys::notifier::Notifier;
use crate::sys::transfer::{Way, transfer};

/// What a blocking descriptor surely takes once poll(2) said that it takes something; used where
/// the kernel cannot be told not to wait.
const SURE_BYTES: usize = 256;

/// Requests of one queue that are answered before the other queues have their turn.
const TURN: usize = 16;

/// How long to wait before polling again where poll(2) itself failed, for want of memory.
const PAUSE: Duration = Duration::from_millis(10);

/// The queues of all descriptors that something waits for.
#[derive(Debug, Default)]
pub(super) struct FdQueues {
    queues: Vec<FdQueue>,
}

/// What waits for one descriptor. Both directions are one entry of poll(2), which takes as many as
/// a process may have descriptors.
#[derive(Debug)]
struct FdQueue {
    fd: RawFd,
    reads: VecDeque<(Token, Request)>,
    writes: VecDeque<(Token, Request)>,
}

impl FdQueues {
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Puts the request behind those before it.
    pub(super) fn push(&mut self, token: Token, request: Request) {
        let fd = request.file().map_or(-1, AsRawFd::as_raw_fd);
        // A number is one file's for as long as a request in its queue holds that file open.
        let found = self.queues.iter().position(|queue| queue.fd == fd);
        let at = found.unwrap_or_else(|| {
            let (reads, writes) = Default::default();
            self.queues.push(FdQueue { fd, reads, writes });
            self.queues.len() - 1
        });
        let queue = &mut self.queues[at];
        let requests = if request.op().is_write() { &mut queue.writes } else { &mut queue.reads };
        requests.push_back((token, request));
    }

    /// Takes the request of that token out, if it is cancelled.
    pub(super) fn remove_cancelled(&mut self, token: Token) -> Option<Request> {
        let found = self.queues.iter_mut().find_map(|queue| {
            [&mut queue.reads, &mut queue.writes].into_iter().find_map(|requests| {
                let at = requests.iter().position(|(own, _)| *own == token)?;
                if requests[at].1.is_cancelled() { requests.remove(at) } else { None }
            })
        });
        self.forget_empty();
        found.map(|(_, request)| request)
    }

    /// Takes out all reads, and with `all` the writes, too.
    pub(super) fn drain(&mut self, all: bool) -> Vec<Request> {
        let mut drained = Vec::new();
        for queue in &mut self.queues {
            drained.extend(queue.reads.drain(..));
            if all {
                drained.extend(queue.writes.drain(..));
            }
        }
        self.forget_empty();
        drained.into_iter().map(|(_, request)| request).collect()
    }

    /// Waits until the notifier is notified, a stream is ready or the time is over. Returns whether
    /// anything happened, and what each queue's descriptor is ready for.
    pub(super) fn poll(
        &self,
        notifier: Option<&Notifier>,
        timeout: Option<Duration>,
    ) -> (bool, Vec<PollFlags>) {
        let mut files: Vec<_> = self.queues.iter().filter_map(FdQueue::poll_fd).collect();
        files.extend(notifier.map(|notifier| PollFd::new(notifier.as_fd(), PollFlags::POLLIN)));
        let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
        let happened = loop {
            match poll(&mut files, poll_timeout(deadline)) {
                Ok(0) if deadline.is_none_or(|deadline| now() < deadline) => {}
                Ok(count) => break count > 0,
                Err(Errno::EINTR) => {}
                Err(_) => thread::sleep(PAUSE),
            }
        };
        let ready = files.iter().take(self.queues.len());
        // What nix does not know counts as an error, which both directions are told.
        (happened, ready.map(|file| file.revents().unwrap_or(PollFlags::POLLERR)).collect())
    }

    /// Does what can be done in the queues that are ready. Returns whether anything was answered.
    pub(super) fn advance(
        &mut self,
        ready: &[PollFlags],
        mut answer: impl FnMut(Request, io::Result<Output>),
    ) -> bool {
        // The other end is gone: both directions have an answer now.
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        let mut answered = false;
        for (queue, ready) in self.queues.iter_mut().zip(ready) {
            if ready.intersects(PollFlags::POLLIN | gone) {
                answered |= advance(&mut queue.reads, &mut answer);
            }
            if ready.intersects(PollFlags::POLLOUT | gone) {
                answered |= advance(&mut queue.writes, &mut answer);
            }
        }
        self.forget_empty();
        answered
    }

    fn forget_empty(&mut self) {
        self.queues.retain(|queue| !queue.reads.is_empty() || !queue.writes.is_empty());
    }
}

impl FdQueue {
    fn poll_fd(&self) -> Option<PollFd<'_>> {
        let (read, write) = (self.reads.front(), self.writes.front());
        let (_, request) = read.or(write)?;
        let mut events = PollFlags::empty();
        events.set(PollFlags::POLLIN, read.is_some());
        events.set(PollFlags::POLLOUT, write.is_some());
        Some(PollFd::new(request.file()?.as_fd(), events))
    }
}

/// The time until the deadline, rounded up so that the last millisecond is not spent polling.
fn poll_timeout(deadline: Option<Instant>) -> PollTimeout {
    deadline.map_or(PollTimeout::NONE, |deadline| {
        let left = deadline.saturating_duration_since(now());
        let left = left.as_millis() + u128::from(left.subsec_nanos() % 1_000_000 > 0);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    })
}

fn advance(
    requests: &mut VecDeque<(Token, Request)>,
    answer: &mut impl FnMut(Request, io::Result<Output>),
) -> bool {
    let mut answered = false;
    for _ in 0..TURN {
        let Some((_, request)) = requests.front_mut() else { break };
        let (result, again) = attempt(request);
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            break;
        }
        let Some((_, request)) = requests.pop_front() else { break };
        answer(request, result.map(Output::Bytes));
        answered = true;
        if !again {
            break;
        }
    }
    answered
}

/// Tries once, without waiting, and says whether the next in the queue may be tried without asking
/// poll(2) again.
fn attempt(request: &mut Request) -> (io::Result<usize>, bool) {
    if request.is_cancelled() {
        return (Err(Errno::ECANCELED.into()), true);
    }
    let (op, file) = request.parts_mut();
    let Some(file) = file else { return (Err(Errno::EBADF.into()), true) };
    let result = once(op, file.as_fd(), Way::InSequenceNow, usize::MAX);
    match &result {
        Err(error) if cannot_be_told_not_to_wait(error) => {}
        _ => return (result, true),
    }
    let bytes_max = if op.is_write() { SURE_BYTES } else { usize::MAX };
    (once(op, file.as_fd(), Way::InSequence, bytes_max), false)
}

fn once(op: &mut Op, file: BorrowedFd<'_>, way: Way, bytes_max: usize) -> io::Result<usize> {
    retry_on_eintr(|| transfer(op, file, way, bytes_max))
}

/// Whether the system, a driver or a sandbox refuses `RWF_NOWAIT` rather than the transfer.
fn cannot_be_told_not_to_wait(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL | Errno::EPERM | Errno::ESPIPE)
    )
}
