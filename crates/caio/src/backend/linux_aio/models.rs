//! The queue over a kernel that takes one request at a time and tells of each of them twice.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::queue::{Kernel, Queue};
use crate::buffer::AlignedBuffer;
use crate::detached::{Answer, request};
use crate::file::SharedFile;
use crate::models::exhaustive::check;
use crate::models::task::{block_on, poll_once};
use crate::op::Op;
use crate::sync::{Mutex, lock, now, thread};
use crate::sys::aio::{ControlBlock, Event};

#[derive(Debug, Default)]
struct Stutters(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    taken: Vec<u64>,
    told: Option<u64>,
}

#[allow(unsafe_code)]
impl Kernel for Stutters {
    unsafe fn submit(&self, blocks: &mut [ControlBlock]) -> io::Result<usize> {
        let first = blocks.first().map(ControlBlock::data);
        lock(&self.0).taken.extend(first);
        Ok(usize::from(first.is_some()))
    }

    fn events(&self, events: &mut [Event], wait: Duration) -> io::Result<usize> {
        let mut state = lock(&self.0);
        let next = state.taken.pop();
        // What was told before comes again, when its place may be another's.
        let told = [state.told, next];
        state.told = next.or(state.told);
        drop(state);
        if next.is_none() && !wait.is_zero() {
            thread::yield_now();
        }
        let told = told.into_iter().flatten();
        Ok(events.iter_mut().zip(told).map(|(event, data)| event.data = data).count())
    }
}

/// A file with O_DIRECT, which alone goes to the kernel.
fn direct_file() -> SharedFile {
    static FILE: OnceLock<File> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = directory.path().join("direct");
        std::fs::write(&path, [0; 4096]).unwrap();
        File::options().read(true).custom_flags(libc::O_DIRECT).open(&path).unwrap()
    });
    SharedFile::new(file.try_clone().unwrap(), "direct").unwrap()
}

fn add(queue: &Queue, file: &SharedFile) -> Answer {
    let op = Op::read(AlignedBuffer::new(512, 512).into(), 0..512, 0).unwrap();
    let (request, answer) = request(op, Some(file));
    queue.add(request);
    queue.commit();
    answer
}

fn queue() -> Arc<Queue> {
    Arc::new(Queue::new(Box::new(Stutters::default()), 2).unwrap())
}

#[test]
fn linux_aio_reuse() {
    check("linux_aio_reuse", Some(2), || {
        let (queue, file) = (queue(), direct_file());
        let (theirs, shared) = (Arc::clone(&queue), file.clone());
        let other = thread::spawn(move || {
            let answer = add(&theirs, &shared);
            theirs.reap();
            theirs.reap();
            block_on(answer).result.unwrap();
        });
        for _ in 0..2 {
            let answer = add(&queue, &file);
            queue.reap();
            queue.reap();
            block_on(answer).result.unwrap();
        }
        other.join().unwrap();
        assert_eq!(queue.shutdown(now()), 0);
    });
}

#[test]
fn linux_aio_shutdown() {
    check("linux_aio_shutdown", None, || {
        let (queue, file) = (queue(), direct_file());
        let mut answer = add(&queue, &file);
        let theirs = Arc::clone(&queue);
        let other = thread::spawn(move || theirs.reap());
        assert_eq!(queue.shutdown(now() + Duration::from_secs(60)), 0);
        assert!(poll_once(&mut answer).is_ready(), "nothing is left");
        other.join().unwrap();
    });
}
