//! The ring against real files and pipes, and against a kernel that refuses for a while.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::ring::LEAKED;
use super::{Options, Uring};
use crate::backend::Backend;
use crate::buffer::{Buffer, BufferPool, OwnedBuffer};
use crate::error::ErrorKind;
use crate::file::SharedFile;
use crate::op::{Op, OpKind, Output};
use crate::request::{Request, Token};
use crate::slot::{Completion, Outcome};
use crate::testing::{file_with, request, run, wait};

/// A backend with these options, or `None` and a line that says why.
#[allow(clippy::print_stderr)]
fn open(options: &Options) -> Option<Uring> {
    Uring::open(options).inspect_err(|error| eprintln!("skipped: {error}")).ok()
}

fn small(requests_max: usize, rings: usize) -> Options {
    Options { requests_max, rings, entries: 2, ..Options::default() }
}

fn read(length: usize, offset: u64) -> Op {
    Op::read(Buffer::from(Vec::with_capacity(length)), 0..length, offset).unwrap()
}

fn write(bytes: &'static [u8], offset: u64) -> Op {
    Op::write(Buffer::from(bytes), 0..bytes.len(), offset).unwrap()
}

fn bytes(outcome: &Outcome) -> usize {
    match outcome.result {
        Ok(Output::Bytes(bytes)) => bytes,
        ref other => panic!("{other:?}"),
    }
}

/// What was read, with a length as the layer above would set it.
fn contents(outcome: Outcome) -> Vec<u8> {
    let length = bytes(&outcome);
    let Some(Op::Read { mut buffer, .. }) = outcome.op else { panic!("no read: {outcome:?}") };
    buffer.set_len(length);
    Vec::from_buffer(buffer)
}

fn reap_all(backend: &Uring) {
    for ring in backend.existing() {
        backend.reap(ring.lane());
    }
}

/// Submits one operation and leaves it in flight.
fn begin(backend: &Uring, op: Op, file: &SharedFile) -> Completion {
    let (request, completion) = request(op, Some(file));
    let mut batch = [Some(request)];
    backend.submit(&mut batch).unwrap();
    assert!(batch[0].is_none());
    completion
}

/// A pipe's two ends; reading from it waits until something is written or the writer is closed.
fn pipe() -> (SharedFile, OwnedFd) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    (SharedFile::from_std(File::from(reader)).unwrap(), writer)
}

#[test]
fn each_operation_does_what_its_system_call_does() {
    let Some(backend) = open(&Options::default()) else { return };
    let file = file_with(b"0123456789");
    assert_eq!(bytes(&run(&backend, write(b"abc", 2), Some(&file))), 3);
    assert_eq!(contents(run(&backend, read(64, 1), Some(&file))), b"1abc56789");

    let buffers =
        vec![Buffer::from(&b"XY"[..]), Buffer::from(Vec::new()), Buffer::from(&b"Z!"[..])];
    let op = Op::WriteVectored { buffers, skip: 1, offset: 4 };
    assert_eq!(bytes(&run(&backend, op, Some(&file))), 3);

    let buffers = vec![Buffer::from(Vec::with_capacity(4)), Buffer::from(Vec::with_capacity(64))];
    let outcome = run(&backend, Op::ReadVectored { buffers, skip: 0, offset: 0 }, Some(&file));
    assert_eq!(bytes(&outcome), 10);
    let Some(Op::ReadVectored { mut buffers, .. }) = outcome.op else { panic!() };
    buffers.iter_mut().for_each(|buffer| buffer.set_len(64));
    assert_eq!((buffers[0].as_slice(), buffers[1].as_slice()), (&b"01ab"[..], &b"YZ!789"[..]));

    for op in [Op::Fsync, Op::Fdatasync] {
        assert!(matches!(run(&backend, op, Some(&file)).result, Ok(Output::Done)));
    }
    assert!(backend.capability().operations.contains(OpKind::ReadVectored));
    assert_eq!(backend.shutdown(Instant::now()), 0);
}

#[test]
fn the_memory_behind_a_short_read_does_not_become_visible() {
    let Some(backend) = open(&Options::default()) else { return };
    let mut vec = vec![0xee; 64];
    vec.clear();
    let op = Op::read(Buffer::from(vec), 4..64, 0).unwrap();
    let outcome = run(&backend, op, Some(&file_with(b"short")));
    let Some(Op::Read { mut buffer, .. }) = outcome.op else { panic!() };
    buffer.set_len(64);
    assert_eq!(buffer.as_slice(), b"\0\0\0\0short");
}

#[test]
fn a_batch_larger_than_the_ring_with_errors_in_it_completes_whole() {
    const DEPTH: usize = 8;
    let Some(backend) = open(&small(DEPTH, 1)) else { return };
    let file = file_with(b"x");
    let write_only = File::options().write(true).open("/dev/null").unwrap();
    let write_only = SharedFile::from_std(write_only).unwrap();
    let mut batch = Vec::new();
    let mut completions = Vec::new();
    for index in 0..DEPTH + 5 {
        let (file, op) = match index % 3 {
            0 => (&file, read(1, 0)),
            1 => (&write_only, read(1, 0)),
            _ => (&file, Op::Metadata),
        };
        let (request, completion) = request(op, Some(file));
        batch.push(Some(request));
        completions.push(completion);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while batch.iter().any(Option::is_some) {
        assert!(Instant::now() < deadline);
        let taken = batch.iter().take_while(|request| request.is_none()).count();
        assert!(batch[taken..].iter().all(Option::is_some), "taken from the front only");
        backend.submit(&mut batch[taken..]).unwrap();
        reap_all(&backend);
    }
    for (index, completion) in completions.into_iter().enumerate() {
        let result = wait(completion, || reap_all(&backend)).result;
        match index % 3 {
            0 => assert!(matches!(result, Ok(Output::Bytes(1)))),
            1 => assert_eq!(result.unwrap_err().raw_os_error(), Some(Errno::EBADF as i32)),
            _ => assert_eq!(result.unwrap_err().raw_os_error(), Some(Errno::EOPNOTSUPP as i32)),
        }
    }
}

/// Keeps `depth` reads going until `count` are done.
fn churn(backend: &Uring, file: &SharedFile, depth: usize, count: usize) {
    let mut completions = Vec::new();
    let mut begun = 0;
    let mut waiting: Vec<Option<Request>> = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while begun < count || !completions.is_empty() {
        assert!(Instant::now() < deadline, "{begun} begun, {} open", completions.len());
        while waiting.len() + completions.len() < 2 * depth && begun < count {
            let (request, completion) = request(read(8, 8 * (begun as u64 % 512)), Some(file));
            waiting.push(Some(request));
            completions.push((begun, completion));
            begun += 1;
        }
        backend.submit(&mut waiting).unwrap();
        waiting.retain(Option::is_some);
        reap_all(backend);
        if waiting.is_empty() {
            for (index, completion) in completions.drain(..) {
                let read = contents(wait(completion, || reap_all(backend)));
                assert_eq!(read, (index as u64 % 512).to_ne_bytes());
            }
        }
    }
}

fn numbered() -> SharedFile {
    let bytes: Vec<u8> = (0..512_u64).flat_map(u64::to_ne_bytes).collect();
    file_with(&bytes)
}

#[test]
fn the_smallest_ring_does_five_thousand_operations() {
    let Some(backend) = open(&small(2, 1)) else { return };
    churn(&backend, &numbered(), 2, 5000);
    assert_eq!(backend.first().stale(), 0);
}

#[test]
fn eight_threads_share_two_rings() {
    let Some(backend) = open(&small(16, 2)) else { return };
    let file = numbered();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| churn(&backend, &file, 4, 500));
        }
    });
    assert_eq!(backend.existing().map(|ring| ring.in_flight()).sum::<usize>(), 0);
}

#[test]
fn a_polling_kernel_thread_loses_nothing() {
    let options = Options { sqpoll_idle_ms: Some(2), ..small(2, 1) };
    let Some(backend) = open(&options) else { return };
    let file = numbered();
    churn(&backend, &file, 2, 1000);
    thread::sleep(Duration::from_millis(20));
    churn(&backend, &file, 2, 100);
}

#[test]
fn a_cancelled_read_of_a_pipe_gives_its_buffer_back() {
    let Some(backend) = open(&small(4, 1)) else { return };
    let (reader, _writer) = pipe();
    let completion = begin(&backend, read(16, 0), &reader);
    assert_eq!(backend.first().in_flight(), 1);
    backend.cancel(Token(0));
    backend.cancel(backend.first().some_token());
    let outcome = wait(completion, || reap_all(&backend));
    assert_eq!(outcome.result.unwrap_err().raw_os_error(), Some(Errno::ECANCELED as i32));
    let Some(Op::Read { buffer, .. }) = outcome.op else { panic!() };
    assert_eq!(buffer.capacity(), 16);
    assert_eq!(backend.first().stale(), 0);
}

#[test]
fn what_the_end_of_a_thread_cancelled_is_begun_again() {
    let Some(backend) = open(&small(4, 1)) else { return };
    let (reader, writer) = pipe();
    let completion = thread::scope(|scope| {
        scope.spawn(|| begin(&backend, read(16, 0), &reader)).join().unwrap()
    });
    thread::sleep(Duration::from_millis(20));
    File::from(writer).write_all(b"late").unwrap();
    assert_eq!(contents(wait(completion, || reap_all(&backend))), b"late");
}

#[test]
fn writes_of_a_thread_that_ends_at_once_all_arrive() {
    let Some(backend) = open(&Options { rings: 1, ..Options::default() }) else { return };
    let file = file_with(b"");
    for round in 0..8 {
        let write_all = || {
            let writes = (0..64).map(|index| begin(&backend, write(b"abcd", 4 * index), &file));
            writes.collect::<Vec<_>>()
        };
        let completions = thread::scope(|scope| scope.spawn(write_all).join().unwrap());
        for completion in completions {
            assert_eq!(bytes(&wait(completion, || reap_all(&backend))), 4, "round {round}");
        }
    }
    assert_eq!(contents(run(&backend, read(512, 0), Some(&file))), b"abcd".repeat(64));
}

#[test]
fn a_refusing_kernel_is_asked_again_though_nothing_else_happens() {
    let Some(backend) = open(&small(4, 1)) else { return };
    backend.first().refusals.store(10, Ordering::Release);
    let completion = begin(&backend, read(5, 0), &file_with(b"later"));
    assert_eq!(contents(wait(completion, || ())), b"later");
}

#[test]
fn shutdown_waits_for_what_is_in_flight_and_takes_nothing_more() {
    let Some(backend) = open(&small(4, 1)) else { return };
    let (reader, writer) = pipe();
    let completion = begin(&backend, read(16, 0), &reader);
    let start = Instant::now();
    assert_eq!(backend.shutdown(start + Duration::from_millis(20)), 1);
    assert!(start.elapsed() >= Duration::from_millis(20));

    let (late, _completion) = request(Op::Fsync, Some(&reader));
    let mut batch = [Some(late)];
    assert_eq!(backend.submit(&mut batch).unwrap_err().kind(), ErrorKind::Shutdown);
    assert!(batch[0].is_some());

    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            File::from(writer).write_all(b"end").unwrap();
        });
        assert_eq!(backend.shutdown(Instant::now() + Duration::from_secs(10)), 0);
    });
    assert_eq!(contents(wait(completion, || ())), b"end");
}

#[test]
fn a_ring_dropped_with_a_read_in_flight_keeps_the_buffer_for_the_kernel() {
    let Some(backend) = open(&small(4, 1)) else { return };
    let (reader, writer) = pipe();
    let pool = BufferPool::new(64, 64, 1);
    let op = Op::read(Buffer::from(pool.take()), 0..64, 0).unwrap();
    let _completion = begin(&backend, op, &reader);
    let leaked = LEAKED.load(Ordering::Relaxed);
    drop(backend);
    assert_eq!(LEAKED.load(Ordering::Relaxed), leaked + 1);
    File::from(writer).write_all(b"late").unwrap();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(pool.idle(), 0, "the buffer did not return to its pool");
}

#[test]
fn an_answer_for_nobody_is_counted_and_ignored() {
    let Some(backend) = open(&small(4, 1)) else { return };
    backend.first().answer_for_nobody();
    assert_eq!(backend.reap(backend.first().lane()), 0);
    assert_eq!(backend.first().stale(), 1);
    assert_eq!(contents(run(&backend, read(1, 0), Some(&file_with(b"y")))), b"y");
}

#[test]
fn a_full_ring_leaves_requests_in_the_batch() {
    let Some(backend) = open(&small(2, 1)) else { return };
    let (reader, writer) = pipe();
    let (mut batch, completions): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| request(read(1, 0), Some(&reader)))
        .map(|(request, completion)| (Some(request), completion))
        .unzip();
    backend.submit(&mut batch).unwrap();
    assert_eq!(batch.iter().filter(|request| request.is_some()).count(), 1);
    assert!(batch[2].is_some());
    drop(writer);
    let mut completions = completions.into_iter();
    for completion in completions.by_ref().take(2) {
        assert_eq!(contents(wait(completion, || reap_all(&backend))), b"");
    }
}
