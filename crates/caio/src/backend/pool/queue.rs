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
    /// What was queued first has the lowest.
    pub(super) number: u64,
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
        let transfers_max = threads_max - reserved;
        Self {
            transfers: VecDeque::new(),
            others: VecDeque::new(),
            files: FileQueues::new(threads_max, transfers_max),
            transfers_running: 0,
            transfers_max,
            last: 0,
        }
    }

    /// Puts a request at the end, or behind others of its file where that is at its bound.
    pub(super) fn push(&mut self, request: Request, delay: Duration) {
        let (place, number) = (Place::of(&request), self.number());
        let job = Job { request, delay, place, has_slot: false, number };
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
                job.number = self.number();
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

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn put(&mut self, job: Job) {
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
            | OpKind::ReadFile
            | OpKind::Path
            | OpKind::Run => true,
            OpKind::Fsync
            | OpKind::Fdatasync
            | OpKind::Metadata
            | OpKind::SetLength
            | OpKind::Close => false,
        };
        Self { key: Key::of(request), is_transfer, in_a_row: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use crate::file::SharedFile;
    use crate::op::Op;
    use crate::testing::{file_with, request};

    fn push(queue: &mut Queue, op: Op, file: Option<&SharedFile>) {
        queue.push(request(op, file).0, Duration::ZERO);
    }

    fn write(queue: &mut Queue, file: &SharedFile) {
        push(queue, Op::write(Buffer::from(vec![1]), 0..1, 0).unwrap(), Some(file));
    }

    fn read(queue: &mut Queue, file: &SharedFile) {
        push(queue, Op::read(Buffer::from(vec![1]), 0..1, 0).unwrap(), Some(file));
    }

    fn open(queue: &mut Queue) {
        push(queue, Op::Open { path: c"/".into(), flags: 0, mode: 0 }, None);
    }

    /// Gives threads what they may do, until that is nothing more.
    fn all(queue: &mut Queue) -> Vec<Job> {
        std::iter::from_fn(|| queue.next(None)).collect()
    }

    fn is_of(job: &Job, file: &SharedFile) -> bool {
        job.request.file().map(SharedFile::id) == Some(file.id())
    }

    #[test]
    fn one_thread_writes_a_file_and_goes_on_with_what_comes_for_it() {
        let (mut queue, file) = (Queue::new(8), file_with(b""));
        write(&mut queue, &file);
        write(&mut queue, &file);
        let first = all(&mut queue);
        assert_eq!(first.len(), 1, "a file is written by one thread");
        write(&mut queue, &file);
        assert!(!queue.is_ready(), "no other thread has to come for it");
        let mut done = first[0].place;
        for _ in 0..2 {
            done = queue.next(Some(done)).unwrap().place;
        }
        assert!(queue.next(Some(done)).is_none());
        write(&mut queue, &file);
        assert!(queue.is_ready() && all(&mut queue).len() == 1);
    }

    #[test]
    fn a_thread_that_writes_a_file_lets_others_have_their_turn() {
        let (mut queue, file, other) = (Queue::new(1), file_with(b""), file_with(b""));
        write(&mut queue, &file);
        let mut done = queue.next(None).map(|job| job.place);
        (0..200).for_each(|_| write(&mut queue, &file));
        write(&mut queue, &other);
        let mut order = Vec::new();
        while let Some(job) = queue.next(done) {
            order.push(is_of(&job, &other));
            done = Some(job.place);
        }
        assert_eq!(order.len(), 201);
        assert_eq!(order.iter().position(|other| *other), Some(63), "the 65th is another's");
    }

    #[test]
    fn what_is_found_to_wait_for_its_file_waits_before_what_came_later() {
        let (mut queue, file) = (Queue::new(8), file_with(b""));
        let write = |offset, queue: &mut Queue| {
            let op = Op::write(Buffer::from(vec![1]), 0..1, offset).unwrap();
            push(queue, op, Some(&file));
        };
        (0..3).for_each(|offset| write(offset, &mut queue));
        let mut done = queue.next(None);
        write(3, &mut queue);
        assert!(queue.next(None).is_none());
        let mut order = Vec::new();
        while let Some(job) = done {
            order.extend(job.request.op().offset());
            done = queue.next(Some(job.place));
        }
        assert_eq!(order, [0, 1, 2, 3]);
    }

    #[test]
    fn a_file_takes_three_quarters_of_the_threads_and_paths_do() {
        for (threads, expected) in [(32, 24), (8, 6), (4, 2), (3, 1), (2, 1), (1, 1)] {
            let (mut queue, file) = (Queue::new(threads), file_with(b""));
            (0..2 * threads).for_each(|_| read(&mut queue, &file));
            let mut running = all(&mut queue);
            assert_eq!(running.len(), expected, "{threads} threads");
            let mut queue = Queue::new(threads);
            (0..2 * threads).for_each(|_| open(&mut queue));
            assert_eq!(all(&mut queue).len(), expected, "{threads} threads");
            running.clear();
        }
    }

    #[test]
    fn transfers_leave_an_eighth_of_the_threads_to_others() {
        for (threads, expected) in [(32, 28), (8, 7), (3, 2), (2, 1), (1, 1)] {
            let mut queue = Queue::new(threads);
            let files: Vec<_> = (0..=threads).map(|_| file_with(b"")).collect();
            files.iter().for_each(|file| read(&mut queue, file));
            let running = all(&mut queue);
            assert_eq!(running.len(), expected, "{threads} threads");
            assert!(!queue.is_ready());
            push(&mut queue, Op::Metadata, Some(&files[threads]));
            assert!(queue.is_ready(), "{threads} threads");
            let metadata = queue.next(None).unwrap();
            assert!(queue.next(Some(metadata.place)).is_none(), "transfers wait on");
            assert!(queue.next(Some(running[0].place)).is_some(), "until one ends");
        }
    }

    #[test]
    fn reads_of_a_file_at_its_bound_wait_behind_those_of_others() {
        let (mut queue, file, other) = (Queue::new(3), file_with(b""), file_with(b""));
        (0..3).for_each(|_| read(&mut queue, &file));
        let running = queue.next(None).unwrap();
        assert!(queue.next(None).is_none());
        read(&mut queue, &other);
        let next = queue.next(Some(running.place)).unwrap();
        assert!(is_of(&next, &other));
        assert!(is_of(&queue.next(Some(next.place)).unwrap(), &file));
    }

    #[test]
    fn what_was_queued_first_goes_first_whatever_it_is() {
        let (mut queue, file) = (Queue::new(8), file_with(b""));
        read(&mut queue, &file);
        push(&mut queue, Op::Fsync, Some(&file));
        open(&mut queue);
        let kinds = all(&mut queue).into_iter().map(|job| job.request.op().kind());
        assert_eq!(kinds.collect::<Vec<_>>(), [OpKind::Read, OpKind::Fsync, OpKind::Open]);
    }

    #[test]
    fn everything_can_be_taken_out() {
        let (mut queue, file) = (Queue::new(1), file_with(b""));
        (0..3).for_each(|_| write(&mut queue, &file));
        push(&mut queue, Op::Fsync, Some(&file));
        assert_eq!(queue.drain().len(), 4);
        assert!(!queue.is_ready() && queue.next(None).is_none());
    }
}
