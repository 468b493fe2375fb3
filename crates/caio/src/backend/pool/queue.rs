//! The requests that wait for a thread of a pool, and what is known of those that have one.

use std::collections::VecDeque;
use std::time::Duration;

use super::file_queue::{FileQueues, Key};
use crate::op::OpKind;
use crate::request::Request;

/// The queue of a pool.
#[derive(Debug)]
pub(super) struct Queue {
    transfers: VecDeque<Job>,
    others: VecDeque<Job>,
    files: FileQueues,
    transfers_running: usize,
    transfers_max: usize,
    /// The number that was given last.
    last: u64,
}

/// A request on its way to a thread.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request: Request,
    /// How long it has waited for the reader of a FIFO before this try.
    pub(super) delay: Duration,
    pub(super) place: Place,
    /// Whether it has one of its file's slots already.
    pub(super) has_slot: bool,
    /// Orders those of the two queues.
    number: u64,
}

/// What a request takes while a thread has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) key: Key,
    /// Whether it may hang for as long as a device or a server does, with many of its like: a
    /// transfer, or an operation on a path.
    is_transfer: bool,
    /// How many of the same file the thread has done before it, without a break.
    in_a_row: usize,
}

impl Queue {
    /// Of more than one thread, transfers and operations on paths leave an eighth to the others, at
    /// least one.
    pub(super) fn new(threads_max: usize) -> Self {
        let reserved = if threads_max > 1 { (threads_max / 8).max(1) } else { 0 };
        Self {
            transfers: VecDeque::new(),
            others: VecDeque::new(),
            files: FileQueues::new(threads_max),
            transfers_running: 0,
            transfers_max: threads_max - reserved,
            last: 0,
        }
    }

    /// Puts a request at the end, or behind others of its file where that is at its bound.
    pub(super) fn push(&mut self, request: Request, delay: Duration) {
        let place = Place::of(&request);
        let job = Job { request, delay, place, has_slot: false, number: 0 };
        if let Some(job) = self.files.join(job) {
            self.put(job);
        }
    }

    /// Whether a thread that comes may find a request.
    pub(super) fn is_ready(&self) -> bool {
        !self.others.is_empty() || !self.transfers.is_empty() && self.has_room_for_transfers()
    }

    /// The next request for a thread, which has done what had the place `done`.
    ///
    /// The thread goes on with the next of the same file if there is one, but leaves that to the
    /// queue after some in a row while others wait there.
    pub(super) fn next(&mut self, done: Option<Place>) -> Option<Job> {
        if let Some(done) = done {
            self.transfers_running -= usize::from(done.is_transfer);
            if let Some(mut job) = self.files.end(done.key) {
                let in_a_row = done.in_a_row + 1;
                let goes_on = in_a_row < done.key.in_a_row_max() || !self.is_ready();
                if goes_on && (!job.place.is_transfer || self.has_room_for_transfers()) {
                    job.place.in_a_row = in_a_row;
                    return Some(self.begin(job));
                }
                self.put(job);
            }
        }
        while let Some(job) = self.pop() {
            if let Some(job) = self.files.begin(job) {
                return Some(self.begin(job));
            }
        }
        None
    }

    /// Takes everything out, where no thread is left.
    pub(super) fn drain(&mut self) -> Vec<Request> {
        let transfers = std::mem::take(&mut self.transfers);
        let others = std::mem::take(&mut self.others);
        let jobs = transfers.into_iter().chain(others).chain(self.files.drain());
        jobs.map(|job| job.request).collect()
    }

    fn put(&mut self, mut job: Job) {
        self.last += 1;
        job.number = self.last;
        match job.place.is_transfer {
            true => self.transfers.push_back(job),
            false => self.others.push_back(job),
        }
    }

    /// Takes out the one that has waited longest of those that a thread may do now.
    fn pop(&mut self) -> Option<Job> {
        let transfer = self.transfers.front().filter(|_| self.has_room_for_transfers());
        let is_transfer = match (transfer, self.others.front()) {
            (Some(transfer), Some(other)) => transfer.number < other.number,
            (transfer, _) => transfer.is_some(),
        };
        match is_transfer {
            true => self.transfers.pop_front(),
            false => self.others.pop_front(),
        }
    }

    fn begin(&mut self, job: Job) -> Job {
        self.transfers_running += usize::from(job.place.is_transfer);
        job
    }

    fn has_room_for_transfers(&self) -> bool {
        self.transfers_running < self.transfers_max
    }
}

impl Place {
    fn of(request: &Request) -> Self {
        let is_transfer = match request.op().kind() {
            OpKind::Read
            | OpKind::Write
            | OpKind::ReadVectored
            | OpKind::WriteVectored
            | OpKind::Open
            | OpKind::ReadFile => true,
            OpKind::Fsync
            | OpKind::Fdatasync
            | OpKind::Metadata
            | OpKind::SetLength
            | OpKind::Close => false,
        };
        Self { key: Key::of(request), is_transfer, in_a_row: 0 }
    }
}
