//! Buffered writes to one file, one after the other.
//!
//! Linux lets one buffered write into a file at a time (the inode's lock), so threads that write
//! the same file at once only wait for each other, and each of them pays for the sleep and the
//! wake-up. Here the thread that writes a file is handed what comes for it meanwhile, without
//! another thread being woken for that, and what others had taken from the queue already: they go
//! on to other requests, and it writes without a break.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::file::{FileClass, FileId, SharedFile};
use crate::request::Request;
use crate::sync::lock;

/// Which files are being written by the threads of a pool, and what is to be written next.
#[derive(Debug, Default)]
pub(super) struct Writers {
    lines: Mutex<Vec<Line>>,
}

/// One file that is being written. Kept for its memory when that is over.
#[derive(Debug)]
struct Line {
    file: Option<FileId>,
    waiting: VecDeque<Request>,
    /// How many requests have come past others that wait in the pool's queue.
    overtaken: usize,
}

/// So many requests may join past others that wait in the pool's queue. The next ones line up
/// behind these, so that they get their turn, were there but one thread.
const OVERTAKING_MAX: usize = 64;

impl Writers {
    /// Hands a fresh request to the thread that writes its file; gives it back where there is none,
    /// and where others have waited for long in the pool's queue.
    pub(super) fn join(&self, request: Request, others_wait: bool) -> Option<Request> {
        let Some(file) = file_to_take_turns_on(&request) else { return Some(request) };
        let mut lines = lock(&self.lines);
        let Some(line) = lines.iter_mut().find(|line| line.file == Some(file)) else {
            return Some(request);
        };
        if !others_wait {
            line.overtaken = 0;
        } else if line.overtaken == OVERTAKING_MAX {
            return Some(request);
        } else {
            line.overtaken += 1;
        }
        line.waiting.push_back(request);
        None
    }

    /// Gives the request back where the calling thread may do it now, with the file that it then
    /// has to ask [`next`](Self::next) for. `None` where the thread that writes the file has it.
    pub(super) fn begin(&self, request: Request) -> Option<(Request, Option<FileId>)> {
        let Some(file) = file_to_take_turns_on(&request) else { return Some((request, None)) };
        let mut lines = lock(&self.lines);
        if let Some(line) = lines.iter_mut().find(|line| line.file == Some(file)) {
            line.waiting.push_back(request);
            return None;
        }
        match lines.iter_mut().find(|line| line.file.is_none()) {
            Some(line) => (line.file, line.overtaken) = (Some(file), 0),
            None => lines.push(Line { file: Some(file), waiting: VecDeque::new(), overtaken: 0 }),
        }
        Some((request, Some(file)))
    }

    /// What the thread that writes this file is to do next, and how much there is to do, this
    /// included; with `None` its turn is over.
    pub(super) fn next(&self, file: FileId) -> (Option<Request>, usize) {
        let mut lines = lock(&self.lines);
        let Some(line) = lines.iter_mut().find(|line| line.file == Some(file)) else {
            return (None, 0);
        };
        let ahead = line.waiting.len();
        let next = line.waiting.pop_front();
        if next.is_none() {
            line.file = None;
        }
        (next, ahead)
    }
}

fn file_to_take_turns_on(request: &Request) -> Option<FileId> {
    let shares = |file: &&SharedFile| {
        request.op().is_write() && file.class() == FileClass::Regular && !file.is_direct()
    };
    request.file().filter(shares).map(SharedFile::id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;
    use crate::testing::{file_with, request};

    fn write(file: &SharedFile) -> Request {
        request(Op::write(vec![1].into(), 0..1, 0).unwrap(), Some(file)).0
    }

    #[test]
    fn one_thread_writes_a_file_and_gets_what_others_take() {
        let (writers, file, other) = (Writers::default(), file_with(b""), file_with(b""));
        let (_, mine) = writers.begin(write(&file)).unwrap();
        assert!(writers.begin(write(&file)).is_none());
        let (_, theirs) = writers.begin(write(&other)).unwrap();
        assert!(matches!(writers.next(theirs.unwrap()), (None, 0)));
        assert!(matches!(writers.next(mine.unwrap()), (Some(_), 1)));
        assert!(matches!(writers.next(mine.unwrap()), (None, 0)));
        assert!(writers.begin(write(&file)).is_some());
    }

    #[test]
    fn who_joins_leaves_others_their_turn() {
        let (writers, file) = (Writers::default(), file_with(b""));
        let join = |others_wait| writers.join(write(&file), others_wait).is_none();
        assert!(!join(false));
        let (_, mine) = writers.begin(write(&file)).unwrap();
        for _ in 0..OVERTAKING_MAX {
            assert!(join(true));
        }
        assert!(!join(true));
        assert!(join(false) && join(true), "nobody waited in between");
        while writers.next(mine.unwrap()).0.is_some() {}
        let _mine = writers.begin(write(&file)).unwrap();
        assert!(join(true));
    }

    #[test]
    fn reads_and_syncs_wait_for_nobody() {
        let (writers, file) = (Writers::default(), file_with(b"a"));
        let (_, mine) = writers.begin(write(&file)).unwrap();
        assert!(mine.is_some());
        let (_, none) = writers.begin(request(Op::Fsync, Some(&file)).0).unwrap();
        assert_eq!(none, None);
    }
}
