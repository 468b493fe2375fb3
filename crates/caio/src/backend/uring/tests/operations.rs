//! What one operation gives.

use super::*;

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
fn an_answer_for_nobody_is_counted_and_ignored() {
    let Some(backend) = open(&small(4, 1)) else { return };
    backend.first().answer_for_nobody();
    assert_eq!(backend.reap(backend.first().lane()), 0);
    assert_eq!(backend.first().stale(), 1);
    assert_eq!(contents(run(&backend, read(1, 0), Some(&file_with(b"y")))), b"y");
}
