//! Ends that come early: of a request, of a thread, of the backend.

use super::*;

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
