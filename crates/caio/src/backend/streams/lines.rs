//! The requests that wait for streams, in one line for each descriptor and direction: what was
//! asked first is answered first.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::op::{Op, Output};
use crate::request::{Request, Token};
use crate::sys::bell::Bell;
use crate::sys::transfer::{Way, transfer};

/// What a blocking descriptor surely takes once poll(2) said that it takes something; used where
/// the kernel cannot be told not to wait.
const SURE_BYTES: usize = 256;

/// Requests of one line that are answered before the other lines have their turn.
const TURN: usize = 16;

/// How long to wait before polling again where poll(2) itself failed, for want of memory.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    file: RawFd,
    event: PollFlags,
    requests: VecDeque<(Token, Request)>,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Puts the request at the end of its line.
    pub(super) fn push(&mut self, token: Token, request: Request) {
        let file = request.file().map_or(-1, AsRawFd::as_raw_fd);
        let event = if request.op().is_write() { PollFlags::POLLOUT } else { PollFlags::POLLIN };
        // A number is one file's for as long as a request in the line holds that file open.
        match self.lines.iter_mut().find(|line| line.file == file && line.event == event) {
            Some(line) => line.requests.push_back((token, request)),
            None => {
                let requests = VecDeque::from([(token, request)]);
                self.lines.push(Line { file, event, requests });
            }
        }
    }

    /// Takes the request of that token out.
    pub(super) fn remove(&mut self, token: Token) -> Option<Request> {
        let found = self.lines.iter_mut().find_map(|line| {
            let at = line.requests.iter().position(|(own, _)| *own == token)?;
            line.requests.remove(at)
        });
        self.lines.retain(|line| !line.requests.is_empty());
        found.map(|(_, request)| request)
    }

    /// Takes out all reads, and with `writes` these, too.
    pub(super) fn drain(&mut self, writes: bool) -> Vec<Request> {
        let over = self.lines.extract_if(.., |line| writes || line.event == PollFlags::POLLIN);
        over.flat_map(|line| line.requests).map(|(_, request)| request).collect()
    }

    /// Waits until the bell rings, a stream is ready or the time is over. Returns whether anything
    /// happened, and which lines are ready: also those whose other end is gone, since their
    /// requests have an answer now.
    pub(super) fn poll(&self, bell: Option<&Bell>, limit: Option<Duration>) -> (bool, Vec<bool>) {
        let mut files: Vec<_> = self.lines.iter().filter_map(Line::poll).collect();
        files.extend(bell.map(|bell| PollFd::new(bell.as_fd(), PollFlags::POLLIN)));
        let deadline = limit.map(|limit| Instant::now() + limit);
        let happened = loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let left = left.map_or(PollTimeout::NONE, |left| {
                // Rounded up, so that it does not spin through the last millisecond.
                let left = left.as_millis() + u128::from(left.subsec_nanos() % 1_000_000 > 0);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            });
            match poll(&mut files, left) {
                Ok(count) => break count > 0,
                Err(Errno::EINTR) => {}
                Err(_) => thread::sleep(PAUSE),
            }
        };
        let ready = files.iter().take(self.lines.len());
        (happened, ready.map(|file| file.any().unwrap_or(true)).collect())
    }

    /// Does what can be done in the lines that are ready. Returns whether anything was answered.
    pub(super) fn advance(
        &mut self,
        ready: &[bool],
        mut answer: impl FnMut(Request, io::Result<Output>),
    ) -> bool {
        let mut answered = false;
        for (line, _) in self.lines.iter_mut().zip(ready).filter(|(_, ready)| **ready) {
            answered |= line.advance(&mut answer);
        }
        self.lines.retain(|line| !line.requests.is_empty());
        answered
    }
}

impl Line {
    fn poll(&self) -> Option<PollFd<'_>> {
        let (_, request) = self.requests.front()?;
        Some(PollFd::new(request.file()?.as_fd(), self.event))
    }

    fn advance(&mut self, answer: &mut impl FnMut(Request, io::Result<Output>)) -> bool {
        let mut answered = false;
        for _ in 0..TURN {
            let Some((_, request)) = self.requests.front_mut() else { break };
            let (result, again) = attempt(request);
            if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                break;
            }
            let (_, request) = self.requests.pop_front().expect("it is the one in front");
            answer(request, result.map(Output::Bytes));
            answered = true;
            if !again {
                break;
            }
        }
        answered
    }
}

/// Tries once, without waiting, and says whether the next in line may be tried without asking
/// poll(2) again.
fn attempt(request: &mut Request) -> (io::Result<usize>, bool) {
    if request.is_cancelled() {
        return (Err(Errno::ECANCELED.into()), true);
    }
    let (op, file) = request.parts_mut();
    let Some(file) = file else { return (Err(Errno::EBADF.into()), true) };
    let result = once(op, file.as_fd(), Way::InSequenceNow, usize::MAX);
    match result.as_ref().map_err(|error| error.raw_os_error()) {
        Err(Some(nix::libc::EOPNOTSUPP | nix::libc::ENOSYS | nix::libc::EINVAL)) => {}
        _ => return (result, true),
    }
    let bytes_max = if op.is_write() { SURE_BYTES } else { usize::MAX };
    (once(op, file.as_fd(), Way::InSequence, bytes_max), false)
}

fn once(op: &mut Op, file: BorrowedFd<'_>, way: Way, bytes_max: usize) -> io::Result<usize> {
    loop {
        match transfer(op, file, way, bytes_max) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
