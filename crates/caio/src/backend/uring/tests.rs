//! The rings against real files.

use std::collections::HashSet;
use std::future::Future;
use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::task::{Context, Waker};

use bytes::Bytes;
use nix::fcntl::{FcntlArg, fcntl};

use super::*;
use crate::buffer::Buffer;
use crate::file::SharedFile;
use crate::op::{Op, Output};
use crate::testing::{eventually, file_with, request, run, wait};

fn open(rings: usize, entries: u32) -> Option<Uring> {
    let uring = UringConfig { rings, entries, ..UringConfig::default() };
    match Uring::open(&Config { uring, ..Config::default() }) {
        Ok(uring) => Some(uring),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

fn read(length: usize, offset: u64) -> Op {
    Op::read(Buffer::from(Vec::with_capacity(length)), 0..length, offset).unwrap()
}

/// A pipe that a ring waits for, as no context would have it do.
fn pipe() -> (SharedFile, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (SharedFile::from_std(OwnedFd::from(reader).into()).unwrap(), writer)
}

fn full_pipe() -> (PipeReader, SharedFile) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let capacity = fcntl(&writer, FcntlArg::F_GETPIPE_SZ).unwrap();
    writer.write_all(&vec![0; usize::try_from(capacity).unwrap()]).unwrap();
    (reader, SharedFile::from_std(OwnedFd::from(writer).into()).unwrap())
}

#[test]
fn it_reads_and_writes_plain_and_vectored() {
    let Some(uring) = open(1, 8) else { return };
    let file = file_with(b"0123456789");
    let outcome = run(&uring, Op::write(Buffer::from(&b"ab"[..]), 0..2, 4).unwrap(), Some(&file));
    assert!(matches!(outcome.result, Ok(Output::Bytes(2))));
    let outcome = run(&uring, read(16, 3), Some(&file));
    assert!(matches!(outcome.result, Ok(Output::Bytes(7))));
    let Some(Op::Read { mut buffer, .. }) = outcome.op else { unreachable!() };
    buffer.set_len(7);
    assert_eq!(buffer.as_slice(), b"3ab6789");
    let buffers = vec![Buffer::from(Vec::with_capacity(3)), Buffer::from(Vec::with_capacity(3))];
    let outcome = run(&uring, Op::ReadVectored { buffers, skip: 1, offset: 0 }, Some(&file));
    assert!(matches!(outcome.result, Ok(Output::Bytes(5))));
}

/// Queues all of them before any is waited for.
fn a_hundred_reads(uring: &Uring, file: &SharedFile) {
    let mut receivers = Vec::new();
    for at in 0..100 {
        let (request, receiver) = request(read(8, at * 8), Some(file));
        uring.queue(request);
        receivers.push(receiver);
    }
    for receiver in receivers {
        let outcome = wait(receiver, || {
            uring.commit(QueueId(0));
            uring.reap(QueueId(0));
        });
        assert!(matches!(outcome.result, Ok(Output::Bytes(8))), "{:?}", outcome.result);
    }
}

#[test]
fn more_requests_than_entries_are_all_done() {
    let Some(uring) = open(1, 2) else { return };
    let file = file_with(&[7; 4096]);
    a_hundred_reads(&uring, &file);
    assert_eq!(uring.first.1.in_flight(), 0);
    assert_eq!(uring.first.1.stale(), 0);
}

/// Trap B7: a polling thread of the kernel takes entries when it likes, so that the queue is full
/// although nothing is left to submit.
#[test]
fn a_kernel_thread_that_polls_takes_all_of_many_requests() {
    let uring =
        UringConfig { rings: 1, entries: 2, sqpoll_idle_ms: Some(5), ..UringConfig::default() };
    let uring = match Uring::open(&Config { uring, ..Config::default() }) {
        Ok(uring) => uring,
        Err(error) => return println!("skipped: {error}"),
    };
    let file = file_with(&[7; 4096]);
    (0..40).for_each(|_| a_hundred_reads(&uring, &file));
    assert_eq!((uring.first.1.in_flight(), uring.first.1.stale()), (0, 0));
}

/// Trap A9: what is completed once more has its place taken by another request.
#[test]
fn a_completion_that_comes_twice_answers_no_other_request() {
    let uring = UringConfig { rings: 1, entries: 8, ..UringConfig::default() };
    let uring = match Uring::open(&Config { uring, max_requests: 1, ..Config::default() }) {
        Ok(uring) => uring,
        Err(error) => return println!("skipped: {error}"),
    };
    const FIRST: u64 = 1 << 32;
    let ring = &uring.first.1;
    assert!(run(&uring, read(4, 0), Some(&file_with(b"text"))).result.is_ok());
    assert_eq!(ring.stale(), 0);
    let (silent, mut writer) = pipe();
    let (second, answer) = request(read(4, 0), Some(&silent));
    let mut answer = Box::pin(answer);
    uring.queue(second);
    ring.complete_nothing(FIRST);
    uring.commit(QueueId(0));
    assert!(eventually(|| {
        uring.reap(QueueId(0));
        ring.stale() == 1
    }));
    let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "nothing was written to the pipe");
    assert_eq!(ring.in_flight(), 1);
    writer.write_all(b"late").unwrap();
    let outcome = wait(answer, || _ = uring.reap(QueueId(0)));
    assert!(matches!(outcome.result, Ok(Output::Bytes(4))), "{:?}", outcome.result);
    assert_eq!((ring.in_flight(), ring.stale()), (0, 1));
}

/// Trap A2: to close a ring does not end what the kernel does with its buffers.
#[test]
fn a_ring_that_goes_while_the_kernel_has_a_buffer_leaves_it_alone() {
    struct Memory(Vec<u8>, Arc<AtomicBool>);
    impl AsRef<[u8]> for Memory {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Memory {
        fn drop(&mut self) {
            self.1.store(true, Ordering::SeqCst);
        }
    }
    let Some(uring) = open(1, 8) else { return };
    let before = leaked();
    let freed = Arc::new(AtomicBool::new(false));
    let (_reader, writer) = full_pipe();
    let memory = Bytes::from_owner(Memory(b"text".to_vec(), Arc::clone(&freed)));
    let op = Op::write(Buffer::from(memory), 0..4, 0).unwrap();
    let (request, answer) = request(op, Some(&writer));
    uring.queue(request);
    uring.commit(QueueId(0));
    assert_eq!(uring.shutdown(Instant::now()), 1, "it is under way");
    drop((uring, answer, writer));
    assert!(!freed.load(Ordering::SeqCst), "the kernel still reads this memory");
    // Another test may leak one meanwhile.
    assert!(leaked() > before);
}

#[test]
fn what_is_wrong_completes_at_once_and_after_the_shutdown_all() {
    let Some(uring) = open(1, 8) else { return };
    let file = file_with(b"text");
    let outside = Op::Read { buffer: Buffer::from(vec![0; 4]), range: 0..5, offset: 0 };
    assert!(run(&uring, outside, Some(&file)).result.is_err());
    assert!(run(&uring, read(4, 0), None).result.is_err());
    assert_eq!(uring.shutdown(Instant::now()), 0);
    let error = run(&uring, read(4, 0), Some(&file)).result.unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Shutdown);
}

#[test]
fn each_thread_has_its_own_ring_up_to_the_limit() {
    let Some(uring) = open(2, 8) else { return };
    let file = file_with(b"text");
    let reads = || {
        for _ in 0..200 {
            assert!(run(&uring, read(4, 0), Some(&file)).result.is_ok());
        }
        thread_index() % 2
    };
    // Threads are counted as they come, and those of other tests come in between: there are more
    // until both rings have had one.
    let mut met = HashSet::new();
    while met.len() < 2 {
        std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(reads));
            met.extend(threads.map(|thread| thread.join().unwrap()));
        });
    }
    assert_eq!(uring.existing().count(), 2);
    assert_eq!(uring.shutdown(Instant::now()), 0);
}

#[test]
fn a_kernel_that_refuses_to_be_entered_is_told_to_each_caller() {
    let Some(uring) = open(1, 8) else { return };
    let file = file_with(b"text");
    let (queued, receiver) = request(read(4, 0), Some(&file));
    uring.queue(queued);
    let refusal = std::io::Error::from_raw_os_error(libc::EPERM);
    uring.first.1.refuse(&refusal);
    let outcome = wait(receiver, || {});
    assert_eq!(outcome.result.unwrap_err().raw_os_error(), Some(libc::EPERM));
    assert!(outcome.op.is_none(), "the kernel may still read the entry, so that its memory stays");
    let error = run(&uring, read(4, 0), Some(&file)).result.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP), "others go another way");
    assert_eq!(uring.first.1.in_flight(), 0);
    assert_eq!(uring.shutdown(Instant::now()), 0);
}
