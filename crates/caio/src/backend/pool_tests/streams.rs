//! What both pools promise for pipes, and so for everything that may never be ready.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::{
    Open, answer, bytes, contents, named, pipe, read, submit, threads_named, until, write,
};
use crate::backend::PoolOptions;
use crate::buffer::Buffer;
use crate::error::ErrorKind;
use crate::file::SharedFile;
use crate::op::Op;
use crate::testing::{file_with, request, run};

pub(crate) fn pending_pipe_reads_delay_no_regular_read(open: Open) {
    let pool = open(&PoolOptions { threads_max: 2, ..named("pend") });
    let pipes: Vec<_> = (0..128).map(|_| pipe()).collect();
    let pending: Vec<_> =
        (0..512).map(|index| submit(&*pool, read(1, 0), Some(&pipes[index % 128].0))).collect();
    let mut batch = [Some(request(read(1, 0), Some(&pipes[0].0)).0)];
    pool.submit(&mut batch).unwrap();
    assert!(batch[0].is_some(), "what waits for streams is bounded, too");
    let began = Instant::now();
    let file = file_with(b"regular");
    assert_eq!(contents(run(&*pool, read(7, 0), Some(&file))), b"regular");
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(threads_named("pend") <= 3, "they occupy one thread together");
    for (_, writer) in &pipes {
        std::io::Write::write_all(&mut &*writer, b"abcd").unwrap();
    }
    for (index, completion) in pending.into_iter().enumerate() {
        assert_eq!(contents(answer(completion)), [b"abcd"[index / 128]]);
    }
}

pub(crate) fn a_pending_pipe_read_can_be_cancelled_and_the_order_stays(open: Open) {
    let pool = open(&named("cancel"));
    let (file, mut writer) = pipe();
    let (first, second) = (request(read(1, 0), Some(&file)), request(read(1, 0), Some(&file)));
    let third = request(read(1, 0), Some(&file));
    pool.submit(&mut [Some(first.0), Some(second.0), Some(third.0)]).unwrap();
    pool.cancel(second.1.abandon().expect("it waits"));
    std::io::Write::write_all(&mut writer, b"xy").unwrap();
    assert_eq!(contents(answer(first.1)), b"x");
    assert_eq!(contents(answer(third.1)), b"y");
    // Alone it ends as well, although nothing ever comes: nothing is held any more.
    let (request, completion) = request(read(1, 0), Some(&file));
    pool.submit(&mut [Some(request)]).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    pool.cancel(completion.abandon().expect("it waits"));
    drop(file.clone());
    let released = file.released();
    let waker = Waker::noop();
    let mut released = Box::pin(released);
    until("the request lets go of the pipe", || {
        released.as_mut().poll(&mut Context::from_waker(waker)).is_ready()
    });
}

pub(crate) fn a_pipe_takes_more_than_it_holds_and_reports_its_end(open: Open) {
    const LENGTH: usize = 300_000;
    let pool = open(&named("large"));
    let (mut reader, writer) = std::io::pipe().unwrap();
    let file = SharedFile::from_std(OwnedFd::from(writer).into()).unwrap();
    let expected: Vec<u8> = (0..LENGTH).map(|index| (index % 251) as u8).collect();
    let received = std::thread::spawn(move || {
        let mut received = Vec::new();
        reader.by_ref().take(LENGTH as u64).read_to_end(&mut received).unwrap();
        received
    });
    let mut written = 0;
    while written < LENGTH {
        written += bytes(&run(&*pool, write(&expected[written..], 0), Some(&file)));
    }
    assert!(received.join().unwrap() == expected);
    let broken = run(&*pool, write(b"x", 0), Some(&file)).result.unwrap_err();
    assert_eq!(broken.raw_os_error(), Some(nix::libc::EPIPE));
    let (file, writer) = pipe();
    let reading = submit(&*pool, read(1, 0), Some(&file));
    drop(writer);
    assert_eq!(contents(answer(reading)), b"");
}

pub(crate) fn vectors_and_nothing_at_all_go_through_a_pipe(open: Open) {
    let pool = open(&named("vector"));
    let (file, writer) = pipe();
    assert_eq!(contents(run(&*pool, read(0, 0), Some(&file))), b"");
    let writer = SharedFile::from_std(OwnedFd::from(writer).into()).unwrap();
    let buffers = vec![Buffer::from(b"-ab".to_vec()), Buffer::from(b"cd".to_vec())];
    let op = Op::WriteVectored { buffers, skip: 1, offset: 0 };
    assert_eq!(bytes(&run(&*pool, op, Some(&writer))), 4);
    let buffers = vec![Buffer::from(Vec::with_capacity(1)), Buffer::from(Vec::with_capacity(9))];
    let outcome = run(&*pool, Op::ReadVectored { buffers, skip: 0, offset: 0 }, Some(&file));
    assert_eq!(bytes(&outcome), 4);
    let Some(Op::ReadVectored { mut buffers, .. }) = outcome.op else { panic!("it comes back") };
    buffers.iter_mut().for_each(|buffer| buffer.set_len(9));
    assert_eq!((buffers[0].as_slice(), buffers[1].as_slice()), (&b"a"[..], &b"bcd"[..]));
}

pub(crate) fn shutdown_ends_reads_that_wait_and_drop_ends_all(open: Open) {
    let (empty, _writer) = pipe();
    let (full, mut writer) = pipe();
    std::io::Write::write_all(&mut writer, b"here").unwrap();
    let pool = open(&named("ends"));
    let waiting = submit(&*pool, read(1, 0), Some(&empty));
    let ready = submit(&*pool, read(4, 0), Some(&full));
    let began = Instant::now();
    assert_eq!(pool.shutdown(began + Duration::from_secs(5)), 0);
    assert!(began.elapsed() < Duration::from_secs(2), "nobody waits for what may never come");
    assert_eq!(answer(waiting).result.unwrap_err().kind(), ErrorKind::Shutdown);
    assert_eq!(contents(answer(ready)), b"here");

    let pool = open(&named("ends"));
    let waiting = submit(&*pool, read(1, 0), Some(&empty));
    drop(pool);
    assert_eq!(answer(waiting).result.unwrap_err().kind(), ErrorKind::Shutdown);
    until("the threads end with their pools", || threads_named("ends") == 0);
}
