//! The books of the backend: which requests are in flight, and which of them wait in line for the
//! submitter thread.
//!
//! A request is in the store from the moment it is taken until it is answered. The line holds
//! tokens of the store, so it needs no bound of its own.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;

use super::entry::Entry;
use crate::backend::in_flight::InFlight;
use crate::error::{Error, ErrorKind};
use crate::request::{Request, Token};
use crate::sys::aio::{ControlBlock, SUBMIT_MAX};

#[derive(Debug)]
pub(super) struct Books {
    in_flight: InFlight<Entry>,
    /// What the submitter thread is to submit.
    line: VecDeque<Token>,
    eventfd: i32,
    /// Whether the kernel knows `RWF_NOWAIT`. Without it no caller may submit a transfer.
    knows_nowait: bool,
    /// Nothing is taken any more.
    closed: bool,
    /// The backend is gone: the submitter finishes what is in flight, and ends.
    retired: bool,
    submitter_runs: bool,
}

/// Control blocks on their way, without a heap allocation.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: [ControlBlock; SUBMIT_MAX],
    count: usize,
}

/// What one round of taking gave.
#[derive(Default)]
pub(super) struct Intake {
    /// To be submitted by the caller: these never wait.
    pub(super) at_once: Blocks,
    pub(super) refused: Vec<(Request, io::Error)>,
    /// Places of the batch that are dealt with.
    pub(super) looked_at: usize,
    pub(super) lined_up: bool,
    /// There is room for more, and more to take.
    pub(super) unfinished: bool,
}

/// What became of a request whose event has come.
pub(super) enum Settled {
    Finished(Request),
    /// It would have made its caller wait: it goes to the thread.
    LinedUp,
    Unknown,
}

/// What the submitter thread is to do next.
pub(super) enum Task {
    Submit,
    Cancelled(Request),
    WaitForEvents,
    End,
}

impl Blocks {
    pub(super) fn as_mut(&mut self) -> &mut [ControlBlock] {
        &mut self.blocks[..self.count]
    }

    fn is_full(&self) -> bool {
        self.count == SUBMIT_MAX
    }

    fn push(&mut self, block: ControlBlock) {
        self.blocks[self.count] = block;
        self.count += 1;
    }
}

impl Books {
    pub(super) fn new(requests_max: usize, eventfd: i32, knows_nowait: bool) -> Self {
        Self {
            in_flight: InFlight::with_capacity(requests_max),
            line: VecDeque::with_capacity(requests_max),
            eventfd,
            knows_nowait,
            closed: false,
            retired: false,
            submitter_runs: false,
        }
    }

    /// Takes requests from the front of the batch, as many as there is room for and as one
    /// submission carries.
    pub(super) fn take(&mut self, batch: &mut [Option<Request>]) -> Result<Intake, Error> {
        if self.closed {
            return Err(Error::new(ErrorKind::Shutdown, "the kernel AIO backend was shut down"));
        }
        let mut intake = Intake::default();
        for place in batch {
            if self.in_flight.is_full() {
                return Ok(intake);
            }
            if intake.at_once.is_full() {
                intake.unfinished = true;
                return Ok(intake);
            }
            intake.looked_at += 1;
            if let Some(request) = place.take() {
                self.admit(request, &mut intake);
            }
        }
        Ok(intake)
    }

    fn admit(&mut self, mut request: Request, intake: &mut Intake) {
        let (block, extents) = match Entry::describe(&mut request) {
            Ok(description) => description,
            Err(error) => return intake.refused.push((request, error)),
        };
        let at_once = self.never_waits(&request, &block);
        let block = block.counted_on(self.eventfd).nowait(at_once && block.is_transfer());
        let token = self
            .in_flight
            .insert(Entry::new(request, block, extents))
            .expect("there is room, as the caller has seen");
        if let Some(entry) = self.in_flight.get(token) {
            entry.request().set_token(token);
        }
        if at_once {
            intake.at_once.push(block.with_data(token.0));
        } else {
            self.line.push_back(token);
            intake.lined_up = true;
        }
    }

    /// Whether io_submit only starts this operation. A sync is done by a worker of the kernel; a
    /// transfer on an O_DIRECT file is started, or refused with `EAGAIN` or `EOPNOTSUPP` where it
    /// would wait; a buffered one is done within io_submit.
    fn never_waits(&self, request: &Request, block: &ControlBlock) -> bool {
        if !block.is_transfer() {
            return true;
        }
        let write = request.op().is_write();
        self.knows_nowait
            && request.file().is_some_and(|file| {
                file.is_direct() && !file.refuses_in_place(write).load(Ordering::Relaxed)
            })
    }

    /// Finds the request that an event is for, and whether it is the answer.
    pub(super) fn settle(&mut self, token: Token, result: i64) -> Settled {
        let would_wait = result == -i64::from(libc::EAGAIN);
        let unsupported = result == -i64::from(libc::EOPNOTSUPP);
        if let Some(entry) = self.in_flight.get_mut(token)
            && entry.block.is_nowait()
            && (would_wait || unsupported)
        {
            entry.block = entry.block.nowait(false);
            let request = entry.request();
            if unsupported && let Some(file) = request.file() {
                file.refuses_in_place(request.op().is_write()).store(true, Ordering::Relaxed);
            }
            self.line.push_back(token);
            return Settled::LinedUp;
        }
        let entry = self.in_flight.take(token);
        entry.map(Entry::into_request).map_or(Settled::Unknown, Settled::Finished)
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<Entry> {
        self.in_flight.take(token)
    }

    pub(super) fn line_up(&mut self, blocks: &[ControlBlock]) {
        self.line.extend(blocks.iter().map(|block| Token(block.data())));
    }

    /// Empties the line, with the requests that wait in it.
    pub(super) fn clear_line(&mut self) -> Vec<Entry> {
        let Self { line, in_flight, .. } = self;
        line.drain(..).filter_map(|token| in_flight.take(token)).collect()
    }

    /// Requests that are not answered yet.
    pub(super) fn held(&self) -> usize {
        self.in_flight.len()
    }

    /// Takes nothing any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Lets the submitter thread end when nothing is in flight. Returns whether that is so now.
    pub(super) fn retire(&mut self) -> bool {
        self.closed = true;
        self.retired = true;
        self.in_flight.is_empty()
    }

    /// Notes whether the submitter thread runs, and says whether it did.
    pub(super) fn submitter_runs(&mut self, runs: bool) -> bool {
        std::mem::replace(&mut self.submitter_runs, runs)
    }

    /// The submitter's next task; `None` while there is none. What waits in line comes first: one
    /// request whose future has gone, or into `blocks` as many others as one submission carries.
    pub(super) fn next_task(&mut self, blocks: &mut Blocks) -> Option<Task> {
        blocks.count = 0;
        while !blocks.is_full()
            && let Some(token) = self.line.front().copied()
        {
            let cancelled =
                self.in_flight.get(token).is_some_and(|entry| entry.request().is_cancelled());
            if cancelled && blocks.count > 0 {
                break;
            }
            self.line.pop_front();
            if cancelled {
                return self.in_flight.take(token).map(Entry::into_request).map(Task::Cancelled);
            }
            if let Some(entry) = self.in_flight.get(token) {
                blocks.push(entry.block.with_data(token.0));
            }
        }
        match (blocks.count, self.retired) {
            (1.., _) => Some(Task::Submit),
            (0, false) => None,
            (0, true) if self.in_flight.is_empty() => Some(Task::End),
            (0, true) => Some(Task::WaitForEvents),
        }
    }
}
