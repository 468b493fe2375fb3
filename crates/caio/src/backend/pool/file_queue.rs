//! How many threads of a pool one file may take, and the requests that wait for one of them.
//!
//! Without a bound, a file that does not answer takes every thread that there is, and all other
//! files wait for it. The bounds of a file, of the writes to it and of its path leave threads to
//! others together. And buffered writes to one regular file run one at a time anyway, under the
//! inode's lock: in threads of their own they would only wait for each other. So what a file may
//! not have done yet waits here, and the thread that ends one of its operations goes on with the
//! next one, without another thread being woken for it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::os::fd::AsFd;

use super::queue::Job;
use crate::file::{FileClass, Inode};
use crate::op::Op;
use crate::request::Request;
use crate::sync::planted;
use crate::sys::local;

/// What shares a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Buffered writes to one regular file, by whichever descriptor.
    Writes(Inode),
    /// All other operations of one file.
    File(Inode),
    /// Operations on one path, by its hash.
    Path(u64),
    /// Closures of which no path is known, or which do a part of a larger job each.
    Closures,
    /// Closing one file; without a file where the system does not tell which one it is.
    Close(Option<Inode>),
}

/// The most threads for what shares a [`Key`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) file: usize,
    pub(super) path: usize,
    pub(super) closures: usize,
}

/// The operations of each file, while there are any.
#[derive(Debug)]
pub(super) struct FileQueues {
    bounds: Bounds,
    queues: HashMap<Key, FileQueue>,
    /// Memory of queues that ended, to be used again.
    spare: Vec<VecDeque<Job>>,
}

/// The slots that are taken, and the requests that wait for one, which then are all taken.
#[derive(Debug)]
struct FileQueue {
    slots: usize,
    waiting: VecDeque<Job>,
}

/// So many buffered writes to one file a thread does in a row while requests wait in the pool's
/// queue; the next one goes to the end of that.
const WRITES_IN_A_ROW: usize = 64;

/// So many queues keep their memory, each for at most so many requests.
const SPARE_MAX: usize = 16;

impl Key {
    pub(super) fn of(request: &Request) -> Self {
        let op = request.op();
        let Some(file) = request.file() else {
            return match (op, op.path()) {
                (Op::Close { file }, _) => Self::Close(local::inode(file.as_fd())),
                (Op::Run { job }, _) if job.is_part() => Self::Closures,
                (_, Some(path)) => {
                    Self::Path(BuildHasherDefault::<DefaultHasher>::new().hash_one(path))
                }
                (_, None) => Self::Closures,
            };
        };
        let is_buffered = file.class() == FileClass::Regular && !file.is_direct();
        match op.is_write() && is_buffered {
            true => Self::Writes(file.inode()),
            false => Self::File(file.inode()),
        }
    }

    /// How many of them a thread does without a break while other requests wait.
    pub(super) fn in_a_row_max(self) -> usize {
        if matches!(self, Self::Writes(_)) { WRITES_IN_A_ROW } else { 1 }
    }
}

impl FileQueues {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, queues: HashMap::new(), spare: Vec::new() }
    }

    /// Keeps a fresh request whose file is at its bound; gives any other back.
    pub(super) fn join(&mut self, job: Job) -> Option<Job> {
        let slots_max = self.slots_max(job.place.key);
        match self.queues.get_mut(&job.place.key) {
            Some(queue) if queue.slots == slots_max => {
                queue.waiting.push_back(job);
                None
            }
            _ => Some(job),
        }
    }

    /// Gives a request back that a thread may do now, and keeps one whose file is at its bound.
    pub(super) fn begin(&mut self, job: Job) -> Option<Job> {
        if job.has_slot {
            return Some(job);
        }
        let slots_max = self.slots_max(job.place.key);
        let spare = &mut self.spare;
        let fresh = || FileQueue { slots: 0, waiting: spare.pop().unwrap_or_default() };
        let queue = self.queues.entry(job.place.key).or_insert_with(fresh);
        if queue.slots == slots_max {
            // Others may have joined that came later.
            let at = queue.waiting.partition_point(|other| other.number < job.number);
            queue.waiting.insert(at, job);
            return None;
        }
        queue.slots += 1;
        Some(job)
    }

    /// An operation has ended. Returns the next one, which has its slot.
    pub(super) fn end(&mut self, key: Key) -> Option<Job> {
        let queue = self.queues.get_mut(&key)?;
        if !planted("file_queue")
            && let Some(mut next) = queue.waiting.pop_front()
        {
            next.has_slot = true;
            return Some(next);
        }
        queue.slots -= 1;
        if queue.slots == 0
            && let Some(FileQueue { waiting, .. }) = self.queues.remove(&key)
            && self.spare.len() < SPARE_MAX
            && (1..=SPARE_MAX).contains(&waiting.capacity())
        {
            self.spare.push(waiting);
        }
        None
    }

    /// Takes everything out, where no thread is left.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Job> + use<> {
        std::mem::take(&mut self.queues).into_values().flat_map(|queue| queue.waiting)
    }

    /// How many keep their memory.
    #[cfg(test)]
    pub(super) fn spare(&self) -> usize {
        self.spare.len()
    }

    fn slots_max(&self, key: Key) -> usize {
        match key {
            Key::Writes(_) => 1,
            Key::File(_) => self.bounds.file,
            Key::Path(_) | Key::Close(Some(_)) => self.bounds.path,
            Key::Closures | Key::Close(None) => self.bounds.closures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;
    use crate::file::{FileSystem, SharedFile, Traits};
    use crate::op::Place;
    use crate::testing::{file_with, request};

    fn key(op: Op, file: Option<&SharedFile>) -> Key {
        Key::of(&request(op, file).0)
    }

    fn write() -> Op {
        Op::write(Buffer::from(vec![1]), 0..1, 0).unwrap()
    }

    #[test]
    fn only_buffered_writes_to_a_regular_file_are_kept_in_a_row() {
        let file = file_with(b"");
        let inode = file.inode();
        let read = Op::read(Buffer::from(vec![1]), 0..1, 0).unwrap();
        assert_eq!(key(write(), Some(&file)), Key::Writes(inode));
        assert_eq!(key(read, Some(&file)), Key::File(inode));
        let regular = Traits::of_regular(inode, FileSystem::Other);
        let others =
            [Traits { direct: true, ..regular }, Traits { class: FileClass::Block, ..regular }];
        for traits in others {
            let file = file.file().try_clone().unwrap();
            let file = SharedFile::examined(file, "other".into(), traits);
            assert_eq!(key(write(), Some(&file)), Key::File(inode), "{traits:?}");
        }
    }

    #[test]
    fn a_closure_counts_for_its_path_unless_it_does_a_part_alone() {
        let run = |place| Op::Run { job: crate::op::Job::named("", place, || None) };
        let open = Op::Open { path: c"whole".into(), flags: 0, mode: 0 };
        let of_path = key(open, None);
        assert_eq!(key(run(Place::Path("whole".into())), None), of_path);
        assert_eq!(key(run(Place::Part("whole".into())), None), Key::Closures);
        assert_eq!(key(run(Place::Unknown), None), Key::Closures);
    }
}
