//! The requests that wait for a thread of a pool, and what is known of those that have one.

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};
use std::time::Duration;

use super::file_queue::{Bounds, FileQueues, Key};
use crate::op::OpKind;
use crate::request::Request;

/// The queue of a pool.
///
/// Of n threads, reads and writes together with operations on paths leave an eighth to the others.
/// One file and its path leave an eighth of those to other files, operations on all paths together
/// a quarter of all, and closures without a path of their own a half. So from five threads on, a
/// file that does not answer by any descriptor, nor by its path, holds up no operation of another.
#[derive(Debug)]
pub(super) struct Queue {
    classes: [Class; Kind::ALL.len()],
    /// The most threads for transfers and paths together, and of these for paths.
    may_hang_max: usize,
    paths_max: usize,
    files: FileQueues,
    /// The number that was given last.
    last: u64,
}

/// Requests of one kind.
#[derive(Debug, Default)]
struct Class {
    waiting: VecDeque<Job>,
    running: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reading and writing. It may hang for as long as a device or a server does, with many of its
    /// like.
    Transfer,
    /// What concerns paths, and closures. It may hang as well.
    Path,
    /// Syncs, lengths, metadata, closing.
    Other,
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
    kind: Kind,
    /// How many of the same file the thread has done before it, without a break.
    in_a_row: usize,
}

impl Queue {
    pub(super) fn new(threads_max: usize) -> Self {
        let eighth = (threads_max / 8).max(1);
        let may_hang_max = threads_max.saturating_sub(eighth).max(1);
        let paths_max = (threads_max * 3 / 4).min(may_hang_max - 1).max(1);
        let closures = (threads_max / 2).min(paths_max.saturating_sub(eighth + 1)).max(1);
        // Beside one write, those of its path, and those of others.
        let file = may_hang_max.saturating_sub(1 + 2 * eighth).max(1);
        Self {
            classes: Default::default(),
            may_hang_max,
            paths_max,
            files: FileQueues::new(Bounds { file, path: eighth, closures }),
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
        self.first().is_some()
    }

    /// The next request for a thread, which has done what had the place `done`.
    ///
    /// The thread goes on with the next of the same file if there is one, but leaves that to the
    /// queue after some in a row while others wait there.
    pub(super) fn next(&mut self, done: Option<Place>) -> Option<Job> {
        if let Some(done) = done {
            self[done.kind].running -= 1;
            if let Some(mut job) = self.files.end(done.key) {
                let in_a_row = done.in_a_row + 1;
                let goes_on = in_a_row < done.key.in_a_row_max() || !self.is_ready();
                if goes_on && self.has_room(job.place.kind) {
                    job.place.in_a_row = in_a_row;
                    return Some(self.begin(job));
                }
                job.number = self.number();
                self.put(job);
            }
        }
        while let Some(kind) = self.first()
            && let Some(job) = self[kind].waiting.pop_front()
        {
            if let Some(job) = self.files.begin(job) {
                return Some(self.begin(job));
            }
        }
        None
    }

    /// Takes everything out, where no thread is left.
    pub(super) fn drain(&mut self) -> Vec<Request> {
        let waiting = self.classes.iter_mut().flat_map(|class| std::mem::take(&mut class.waiting));
        waiting.chain(self.files.drain()).map(|job| job.request).collect()
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn put(&mut self, job: Job) {
        self[job.place.kind].waiting.push_back(job);
    }

    /// The kind of the one that has waited longest of those that a thread may do now.
    fn first(&self) -> Option<Kind> {
        let kinds = Kind::ALL.into_iter();
        let waiting = kinds
            .filter(|kind| self.has_room(*kind))
            .filter_map(|kind| self[kind].waiting.front().map(|job| (job.number, kind)));
        waiting.min_by_key(|(number, _)| *number).map(|(_, kind)| kind)
    }

    fn begin(&mut self, job: Job) -> Job {
        self[job.place.kind].running += 1;
        job
    }

    fn has_room(&self, kind: Kind) -> bool {
        let may_hang = self[Kind::Transfer].running + self[Kind::Path].running;
        match kind {
            Kind::Transfer => may_hang < self.may_hang_max,
            Kind::Path => may_hang < self.may_hang_max && self[Kind::Path].running < self.paths_max,
            Kind::Other => true,
        }
    }
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Transfer, Kind::Path, Kind::Other];
}

impl Index<Kind> for Queue {
    type Output = Class;

    fn index(&self, kind: Kind) -> &Class {
        &self.classes[kind as usize]
    }
}

impl IndexMut<Kind> for Queue {
    fn index_mut(&mut self, kind: Kind) -> &mut Class {
        &mut self.classes[kind as usize]
    }
}

impl Place {
    fn of(request: &Request) -> Self {
        let kind = match request.op().kind() {
            OpKind::Read | OpKind::Write | OpKind::ReadVectored | OpKind::WriteVectored => {
                Kind::Transfer
            }
            OpKind::Open | OpKind::ReadFile | OpKind::Path | OpKind::Run => Kind::Path,
            OpKind::Fsync
            | OpKind::Fdatasync
            | OpKind::Metadata
            | OpKind::SetLength
            | OpKind::Close => Kind::Other,
        };
        Self { key: Key::of(request), kind, in_a_row: 0 }
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

    fn open(queue: &mut Queue, path: usize) {
        let path = std::ffi::CString::new(path.to_string()).unwrap();
        push(queue, Op::Open { path, flags: 0, mode: 0 }, None);
    }

    fn run(queue: &mut Queue) {
        push(queue, Op::Run { job: crate::op::Job::new(|| ()) }, None);
    }

    fn closing(file: &SharedFile) -> Op {
        Op::Close { file: file.file().try_clone().unwrap().into() }
    }

    fn close(queue: &mut Queue, file: &SharedFile) {
        push(queue, closing(file), None);
    }

    /// Not on every system: there the files that are closed have one bound together.
    fn knows_what_it_closes() -> bool {
        matches!(Key::of(&request(closing(&file_with(b"")), None).0), Key::Close(Some(_)))
    }

    /// Gives threads what they may do, until that is nothing more.
    fn all(queue: &mut Queue) -> Vec<Job> {
        std::iter::from_fn(|| queue.next(None)).collect()
    }

    fn is_of(job: &Job, file: &SharedFile) -> bool {
        job.request.file().map(SharedFile::inode) == Some(file.inode())
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
    fn what_a_file_and_its_path_and_all_paths_may_take_is_bounded() {
        let few = [(4, 1, 1, 2, 1), (3, 1, 1, 1, 1), (2, 1, 1, 1, 1), (1, 1, 1, 1, 1)];
        let bounds = [(32, 19, 4, 24, 16), (8, 4, 1, 6, 4)].into_iter().chain(few);
        for (threads, file, path, paths, closures) in bounds {
            let shared = file_with(b"");
            let taken = |push: &dyn Fn(&mut Queue, usize)| {
                let mut queue = Queue::new(threads);
                (0..2 * threads).for_each(|number| push(&mut queue, number));
                all(&mut queue).len()
            };
            assert_eq!(taken(&|queue, _| read(queue, &shared)), file, "{threads} threads");
            assert_eq!(taken(&|queue, _| open(queue, 0)), path, "{threads} threads");
            let closes = if knows_what_it_closes() { path } else { closures };
            assert_eq!(taken(&|queue, _| close(queue, &shared)), closes, "{threads} threads");
            assert_eq!(taken(&|queue, number| open(queue, number)), paths, "{threads} threads");
            assert_eq!(taken(&|queue, _| run(queue)), closures, "{threads} threads");
        }
    }

    #[test]
    fn a_file_that_hangs_whatever_is_done_with_it_leaves_a_thread_to_all_others() {
        for threads in (5..=64).chain([100, 1_000]) {
            let (mut queue, file, other) = (Queue::new(threads), file_with(b""), file_with(b""));
            let duplicate = file.duplicate().unwrap();
            for _ in 0..threads {
                [&file, &duplicate].into_iter().for_each(|file| read(&mut queue, file));
                [&file, &duplicate].into_iter().for_each(|file| write(&mut queue, file));
                push(&mut queue, Op::Fsync, Some(&duplicate));
                open(&mut queue, 0);
                if knows_what_it_closes() {
                    close(&mut queue, &file);
                }
            }
            let hung = all(&mut queue);
            assert!(hung.len() < threads, "{} of {threads} threads", hung.len());
            let others: [&dyn Fn(&mut Queue); 6] = [
                &|queue| read(queue, &other),
                &|queue| write(queue, &other),
                &|queue| push(queue, Op::Fsync, Some(&other)),
                &|queue| open(queue, 1),
                &|queue| run(queue),
                &|queue| close(queue, &other),
            ];
            let mut done = None;
            for (number, push) in others.iter().enumerate() {
                push(&mut queue);
                done = queue.next(done).map(|job| job.place);
                assert!(done.is_some(), "operation {number}, {threads} threads");
            }
        }
    }

    #[test]
    fn closures_and_a_path_that_hang_leave_threads_to_other_paths() {
        for threads in 5..=64 {
            let (mut queue, file) = (Queue::new(threads), file_with(b""));
            for _ in 0..threads {
                open(&mut queue, 0);
                run(&mut queue);
            }
            let hung = all(&mut queue);
            open(&mut queue, 1);
            assert!(queue.next(None).is_some(), "beside {} of {threads} threads", hung.len());
            read(&mut queue, &file);
            assert!(queue.next(None).is_some(), "beside {} of {threads} threads", hung.len());
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
            open(&mut queue, 0);
            assert!(!queue.is_ready(), "an operation on a path waits as well");
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
    fn a_file_of_which_some_have_ended_has_room_for_as_many() {
        let (mut queue, file) = (Queue::new(8), file_with(b""));
        let reads = |queue: &mut Queue| {
            (0..8).for_each(|_| read(queue, &file));
            all(queue)
        };
        let running = reads(&mut queue);
        assert_eq!(running.len(), 4);
        for _ in 0..4 {
            // The four that wait are done by those threads.
            assert!(queue.next(Some(running[0].place)).is_some());
        }
        for _ in 0..2 {
            assert!(queue.next(Some(running[0].place)).is_none());
        }
        assert_eq!(reads(&mut queue).len(), 2);
    }

    #[test]
    fn the_memory_of_some_files_is_used_again() {
        let mut queue = Queue::new(64);
        let files: Vec<_> = (0..20).map(|_| file_with(b"")).collect();
        let two_each = |queue: &mut Queue| {
            files.iter().for_each(|file| (0..2).for_each(|_| write(queue, file)));
            all(queue)
        };
        let running = two_each(&mut queue);
        assert_eq!((running.len(), queue.files.spare()), (20, 0));
        for job in &running {
            let next = queue.next(Some(job.place)).unwrap();
            assert!(queue.next(Some(next.place)).is_none());
        }
        assert_eq!(queue.files.spare(), 16);
        assert_eq!((two_each(&mut queue).len(), queue.files.spare()), (20, 0));
    }

    #[test]
    fn what_was_queued_first_goes_first_whatever_it_is() {
        let (mut queue, file) = (Queue::new(8), file_with(b""));
        read(&mut queue, &file);
        push(&mut queue, Op::Fsync, Some(&file));
        open(&mut queue, 0);
        let kinds = all(&mut queue).into_iter().map(|job| job.request.op().kind());
        assert_eq!(kinds.collect::<Vec<_>>(), [OpKind::Read, OpKind::Fsync, OpKind::Open]);
    }

    #[test]
    fn everything_can_be_taken_out() {
        let (mut queue, file) = (Queue::new(8), file_with(b""));
        (0..3).for_each(|_| write(&mut queue, &file));
        assert_eq!(all(&mut queue).len(), 1, "the others wait for it");
        push(&mut queue, Op::Fsync, Some(&file));
        assert_eq!(queue.drain().len(), 3);
        assert!(!queue.is_ready() && queue.next(None).is_none());
    }
}
