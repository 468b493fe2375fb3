//! The rings against real files.

use super::*;
use crate::buffer::Buffer;
use crate::op::{Op, Output};
use crate::testing::{file_with, request, run, wait};

fn open(rings: usize, entries: u32) -> Option<Uring> {
    match Uring::open(&Options { rings, entries, ..Options::default() }) {
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

#[test]
fn more_requests_than_entries_are_all_done() {
    let Some(uring) = open(1, 2) else { return };
    let file = file_with(&[7; 4096]);
    let all: Vec<_> = (0..100).map(|at| request(read(8, at * 8), Some(&file))).collect();
    let mut receivers = Vec::new();
    for (request, receiver) in all {
        uring.queue(request);
        receivers.push(receiver);
    }
    for receiver in receivers {
        let outcome = wait(receiver, || {
            uring.commit(QueueId(0));
            uring.reap(QueueId(0));
        });
        assert!(matches!(outcome.result, Ok(Output::Bytes(8))));
    }
    assert_eq!(uring.first.1.in_flight(), 0);
    assert_eq!(uring.first.1.stale(), 0);
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
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert!(run(&uring, read(4, 0), Some(&file)).result.is_ok());
                }
            });
        }
    });
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
