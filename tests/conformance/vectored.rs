//! Several buffers at once, and several operations at once.

use caio::{Buffer, Op, Output};

use crate::harness::{Case, cases};
use crate::support::{Env, disk, pattern, places, room, shared};

pub(crate) const CASES: &[Case] = cases![
    each buffers_of_all_sizes_are_written_and_read_in_order,
    each more_buffers_than_the_kernel_takes_at_once,
    each a_short_vectored_read_ends_in_the_right_buffer,
    each a_batch_beyond_the_queue_with_errors_in_it_completes_whole,
];

const SIZES: [usize; 9] = [1, 0, 4095, 4096, 4097, 0, 3, 65_537, 17];

fn buffers_of_all_sizes_are_written_and_read_in_order(env: &Env) {
    for place in places() {
        let path = place.file("data", b"");
        let data = pattern(SIZES.iter().sum());
        let file = shared(&path);
        env.run(async {
            let mut rest = &data[..];
            let buffers = SIZES
                .map(|size| {
                    let (piece, others) = rest.split_at(size);
                    rest = others;
                    Buffer::from(piece.to_vec())
                })
                .into();
            let (result, _) = env.context.write_vectored(&file, buffers, 7).await;
            assert_eq!(result.unwrap(), data.len());
            assert_eq!(std::fs::read(&path).unwrap()[7..], data, "on {}", place.name);
            let buffers = SIZES.map(room).into();
            let (result, buffers) = env.context.read_vectored(&file, buffers, 7).await;
            assert_eq!(result.unwrap(), data.len());
            let joint: Vec<_> =
                buffers.iter().flat_map(|buffer| buffer.as_slice()).copied().collect();
            assert_eq!(joint, data);
        });
    }
}

fn more_buffers_than_the_kernel_takes_at_once(env: &Env) {
    let path_at = disk();
    let path = path_at.file("data", b"");
    let file = shared(&path);
    let data = pattern(2500 * 3);
    env.run(async {
        let buffers = data.chunks(3).map(|piece| Buffer::from(piece.to_vec())).collect();
        let (result, buffers) = env.context.write_vectored(&file, buffers, 0).await;
        assert_eq!((result.unwrap(), buffers.len()), (data.len(), 2500));
        let buffers = (0..2500).map(|_| room(3)).collect();
        let (result, buffers) = env.context.read_vectored(&file, buffers, 0).await;
        assert_eq!(result.unwrap(), data.len());
        let joint: Vec<_> = buffers.iter().flat_map(|buffer| buffer.as_slice()).copied().collect();
        assert_eq!(joint, data);
    });
}

fn a_short_vectored_read_ends_in_the_right_buffer(env: &Env) {
    for place in places() {
        let file = shared(&place.file("ten", b"0123456789"));
        env.run(async {
            let buffers = vec![room(4), room(4), room(4), room(4)];
            let (result, buffers) = env.context.read_vectored(&file, buffers, 0).await;
            assert_eq!(result.unwrap(), 10);
            let found: Vec<_> = buffers.iter().map(Buffer::as_slice).collect();
            assert_eq!(found, [&b"0123"[..], b"4567", b"89", b""]);
        });
    }
}

/// Trap B5: what came after an error or beyond the queue's end was never submitted.
fn a_batch_beyond_the_queue_with_errors_in_it_completes_whole(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(100 * 512));
    let read_only = caio::SharedFile::new(std::fs::File::open(&path).unwrap(), &path).unwrap();
    env.run(async {
        let ops = (0..100u64).map(|number| match number % 7 {
            3 => Op::write(Buffer::from(&b"refused"[..]), 0..7, number * 512).unwrap(),
            _ => Op::read(room(512), 0..512, number * 512).unwrap(),
        });
        let operations = env.context.submit_all(&read_only, ops);
        assert_eq!(operations.len(), 100);
        for (number, operation) in operations.into_iter().enumerate() {
            let outcome = operation.await;
            if number % 7 == 3 {
                let error = outcome.result.unwrap_err();
                assert_eq!(error.raw_os_error(), Some(nix::libc::EBADF), "{error}");
                continue;
            }
            assert!(matches!(outcome.result, Ok(Output::Bytes(512))), "{:?}", outcome.result);
            let Some(Op::Read { mut buffer, .. }) = outcome.op else { panic!("it comes back") };
            buffer.set_len(512);
            assert_eq!(buffer.as_slice(), &pattern(100 * 512)[number * 512..][..512]);
        }
    });
}
