//! Pipes, sockets and all else that may never be ready.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::task::{Context, Waker};

use super::*;
use crate::error::ErrorKind;
use crate::request::Token;

for_both! {
    pending_pipe_reads_delay_no_regular_read,
    a_pending_pipe_read_can_be_cancelled_and_the_order_stays,
    a_request_that_is_cancelled_already_moves_no_byte,
    the_token_of_another_backend_cancels_nothing,
    a_pipe_takes_more_than_it_holds_and_reports_its_end,
    both_directions_of_a_socket_wait_at_once,
    vectors_and_nothing_at_all_go_through_a_pipe,
    shutdown_ends_reads_that_wait_and_drop_ends_all,
    a_write_that_waits_gets_until_the_deadline_of_the_shutdown,
}

fn pending_pipe_reads_delay_no_regular_read(open: Open) {
    let options = named("pend").with(|config| config.threads_max = 2);
    let pool = open(&options);
    let pipes: Vec<_> = (0..128).map(|_| pipe()).collect();
    let pending: Vec<_> =
        (0..512).map(|index| submit(&*pool, read(1, 0), Some(&pipes[index % 128].0))).collect();
    let file = file_with(b"regular");
    assert_eq!(contents(run(&*pool, read(7, 0), Some(&file))), b"regular");
    assert!(threads_of(&options) <= 3, "they occupy one thread together");
    for (_, writer) in &pipes {
        (&mut &*writer).write_all(b"abcd").unwrap();
    }
    for (index, one) in pending.into_iter().enumerate() {
        assert_eq!(contents(answer(one)), [b"abcd"[index / 128]]);
    }
}

fn a_pending_pipe_read_can_be_cancelled_and_the_order_stays(open: Open) {
    let pool = open(&named("cancel"));
    let (file, mut writer) = pipe();
    let [first, second, third] = [(); 3].map(|()| submit(&*pool, read(1, 0), Some(&file)));
    pool.cancel(second.cancel().expect("it waits"));
    writer.write_all(b"xy").unwrap();
    assert_eq!(contents(answer(first)), b"x");
    assert_eq!(contents(answer(third)), b"y");
    // Alone it ends as well, although nothing ever comes: nothing is held any more.
    let alone = submit(&*pool, read(1, 0), Some(&file));
    std::thread::sleep(Duration::from_millis(20));
    pool.cancel(alone.cancel().expect("it waits"));
    let mut released = Box::pin(file.released());
    until("the request lets go of the pipe", || {
        released.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    });
}

fn a_request_that_is_cancelled_already_moves_no_byte(open: Open) {
    let pool = open(&named("given"));
    let (file, mut writer) = pipe();
    writer.write_all(b"x").unwrap();
    let (reading, answer) = request(read(1, 0), Some(&file));
    assert_eq!(answer.cancel(), Some(Token(0)), "no backend has it");
    pool.commit(pool.queue(reading));
    assert_eq!(contents(run(&*pool, read(1, 0), Some(&file))), b"x");
    assert_eq!(shutdown(&*pool), 0);
}

fn the_token_of_another_backend_cancels_nothing(open: Open) {
    let pool = open(&named("token"));
    let (file, mut writer) = pipe();
    let reading = submit(&*pool, read(1, 0), Some(&file));
    (0..9).for_each(|number| pool.cancel(Token(number)));
    let (other, mut bytes) = pipe();
    bytes.write_all(b"y").unwrap();
    assert_eq!(contents(run(&*pool, read(1, 0), Some(&other))), b"y");
    writer.write_all(b"x").unwrap();
    assert_eq!(contents(answer(reading)), b"x");
}

fn a_pipe_takes_more_than_it_holds_and_reports_its_end(open: Open) {
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
    assert_eq!(broken.raw_os_error(), Some(libc::EPIPE));
    let (file, writer) = pipe();
    let reading = submit(&*pool, read(1, 0), Some(&file));
    drop(writer);
    assert_eq!(contents(answer(reading)), b"");
}

fn both_directions_of_a_socket_wait_at_once(open: Open) {
    let pool = open(&named("socket"));
    let (own, mut other) = UnixStream::pair().unwrap();
    own.set_nonblocking(true).unwrap();
    let filled = std::iter::repeat_with(|| (&own).write(&[7; 4096]));
    let filled: usize = filled.map_while(Result::ok).sum();
    own.set_nonblocking(false).unwrap();
    let file = SharedFile::from_std(OwnedFd::from(own).into()).unwrap();
    let reading = submit(&*pool, read(1, 0), Some(&file));
    let writing = submit(&*pool, write(b"w", 0), Some(&file));
    other.write_all(b"r").unwrap();
    assert_eq!(contents(answer(reading)), b"r");
    other.read_exact(&mut vec![0; filled]).unwrap();
    assert_eq!(bytes(&answer(writing)), 1);
    other.read_exact(&mut [0]).unwrap();
    let reading = submit(&*pool, read(1, 0), Some(&file));
    drop(other);
    assert_eq!(bytes(&answer(reading)), 0);
}

fn vectors_and_nothing_at_all_go_through_a_pipe(open: Open) {
    let pool = open(&named("vector"));
    let (file, writer) = pipe();
    assert_eq!(contents(run(&*pool, read(0, 0), Some(&file))), b"");
    let writer = SharedFile::from_std(OwnedFd::from(writer).into()).unwrap();
    assert_eq!(bytes(&run(&*pool, write(b"", 0), Some(&writer))), 0);
    let buffers = vec![Buffer::from(b"-ab".to_vec()), Buffer::from(b"cd".to_vec())];
    let op = Op::WriteVectored { buffers, skip: 1, offset: 0 };
    assert_eq!(bytes(&run(&*pool, op, Some(&writer))), 4);
    let buffers = vec![Buffer::from(Vec::with_capacity(1)), Buffer::from(Vec::with_capacity(9))];
    let outcome = run(&*pool, Op::ReadVectored { buffers, skip: 0, offset: 0 }, Some(&file));
    assert_eq!(bytes(&outcome), 4);
    let Some(Op::ReadVectored { mut buffers, .. }) = outcome.op else { panic!("it comes back") };
    buffers.iter_mut().for_each(|buffer| buffer.set_len(buffer.initialized()));
    assert_eq!((buffers[0].as_slice(), buffers[1].as_slice()), (&b"a"[..], &b"bcd"[..]));
}

fn shutdown_ends_reads_that_wait_and_drop_ends_all(open: Open) {
    let (empty, _writer) = pipe();
    let (full, mut writer) = pipe();
    writer.write_all(b"here").unwrap();
    let options = named("ends").with(|config| config.threads_idle_timeout_ms = 3_600_000);
    let pool = open(&options);
    let waiting = submit(&*pool, read(1, 0), Some(&empty));
    let ready = submit(&*pool, read(4, 0), Some(&full));
    let began = Instant::now();
    assert_eq!(pool.shutdown(began + 2 * HANGS), 0);
    assert!(began.elapsed() < HANGS, "nothing waits for what may never come");
    assert_eq!(answer(waiting).result.unwrap_err().kind(), ErrorKind::Shutdown);
    assert_eq!(contents(answer(ready)), b"here");

    let pool = open(&options);
    let waiting = submit(&*pool, read(1, 0), Some(&empty));
    drop(pool);
    assert_eq!(answer(waiting).result.unwrap_err().kind(), ErrorKind::Shutdown);
    until("the threads end with their pools", || threads_of(&options) == 0);
}

fn a_write_that_waits_gets_until_the_deadline_of_the_shutdown(open: Open) {
    let pool = open(&named("last"));
    let (mut reader, writer) = std::io::pipe().unwrap();
    nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
        .unwrap();
    while (&writer).write(&[0; 4096]).is_ok() {}
    let file = SharedFile::from_std(OwnedFd::from(writer).into()).unwrap();
    let writing = submit(&*pool, write(b"end", 0), Some(&file));
    let reading = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        reader.read_exact(&mut [0; 4096]).unwrap();
        reader
    });
    assert_eq!(shutdown(&*pool), 0);
    assert_eq!(bytes(&answer(writing)), 3);

    while (&mut file.file()).write(&[0; 4096]).is_ok() {}
    let pool = open(&named("last"));
    let writing = submit(&*pool, write(b"end", 0), Some(&file));
    pool.shutdown(Instant::now() + Duration::from_millis(20));
    assert_eq!(answer(writing).result.unwrap_err().kind(), ErrorKind::Shutdown);
    until("nothing is held", || pool.shutdown(Instant::now()) == 0);
    drop(reading.join().unwrap());
}
