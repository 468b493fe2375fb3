//! Reading regular files: the bytes that std reads, and no others.

use std::os::unix::fs::FileExt;

use caio_testkit::Random;

use crate::harness::{Case, cases, skipped};
use crate::support::{Env, disk, pattern, places};

pub(crate) const CASES: &[Case] = cases![
    each buffered_reads_equal_std,
    each direct_reads_equal_std,
    each a_short_read_shows_only_what_was_read,
    each an_empty_read_is_no_operation,
    each offsets_beyond_32_bits,
    each lengths_beyond_32_bits,
    each a_file_that_changes_its_length_while_it_is_read,
];

const LENGTH: usize = 300_007;

/// An offset and a length that now and then touch or pass the end.
fn somewhere(random: &mut Random) -> (usize, usize) {
    let length = [0, 1, 100, 4096, 70_000, 400_000][random.below(6)];
    (random.below(LENGTH + 5000), length)
}

fn buffered_reads_equal_std(env: &Env) {
    for place in places() {
        let path = place.file("data", &pattern(LENGTH));
        let reference = std::fs::File::open(&path).unwrap();
        env.run(async {
            let file = env.file(&path, "r").await;
            let mut random = Random::new(1);
            for _ in 0..60 {
                let (offset, length) = somewhere(&mut random);
                let mut expected = vec![0; length];
                let bytes = reference.read_at(&mut expected, offset as u64).unwrap();
                let found = file.read_at(length, offset as u64).await.unwrap();
                assert_eq!(found, expected[..bytes], "{length} at {offset} on {}", place.name);
            }
            assert_eq!(file.read_to_end(0).await.unwrap(), pattern(LENGTH));
        });
    }
}

fn direct_reads_equal_std(env: &Env) {
    let place = disk();
    let data = pattern(LENGTH);
    let path = place.file("data", &data);
    env.run(async {
        let Some(file) = env.direct(&path).await else { return };
        let mut random = Random::new(2);
        for _ in 0..40 {
            let (offset, length) = somewhere(&mut random);
            let start = offset.min(LENGTH);
            let expected = &data[start..(start + length).min(LENGTH)];
            let found = file.read_at(length, offset as u64).await.unwrap();
            assert_eq!(found, expected, "{length} at {offset}");
        }
        assert_eq!(file.read_to_end(0).await.unwrap(), data);
    });
}

/// Trap A11: the rest of a reused buffer is somebody's old data.
fn a_short_read_shows_only_what_was_read(env: &Env) {
    for place in places() {
        let path = place.file("ten", b"0123456789");
        env.run(async {
            let file = env.file(&path, "r").await;
            let mut secret = vec![0xee; 4096];
            secret.clear();
            let (result, buffer) = file.read_into(secret, 0).await;
            assert_eq!((result.unwrap(), &buffer[..]), (10, &b"0123456789"[..]));
            let (result, buffer) = file.read_into(buffer, 10).await;
            assert_eq!((result.unwrap(), buffer.len()), (0, 0));
            let shared = file.read_at(1 << 20, 4).await.unwrap();
            assert_eq!(shared, &b"456789"[..]);
        });
    }
}

fn an_empty_read_is_no_operation(env: &Env) {
    let place = disk();
    let path = place.file("data", b"data");
    env.run(async {
        let file = env.file(&path, "r").await;
        let before = env.context.metrics();
        assert!(file.read_at(0, 0).await.unwrap().is_empty());
        assert!(file.read_at(0, 1 << 40).await.unwrap().is_empty());
        let after = env.context.metrics();
        assert_eq!((after.submitted, after.in_place), (before.submitted, before.in_place));
    });
}

/// Trap C13: an offset that was cut to 32 bits reads somewhere else.
fn offsets_beyond_32_bits(env: &Env) {
    for place in places() {
        let path = place.path("sparse");
        env.run(async {
            let file = env.file(&path, "w+").await;
            let offsets = [(1 << 31) - 3, (1 << 32) - 3, (1 << 32) + 50, 1 << 40];
            for (index, offset) in offsets.into_iter().enumerate() {
                file.write_all_at(vec![index as u8 + 1; 9], offset).await.unwrap();
            }
            for (index, offset) in offsets.into_iter().enumerate() {
                let found = file.read_exact_at(9, offset).await.unwrap();
                assert_eq!(found, vec![index as u8 + 1; 9], "at {offset} on {}", place.name);
            }
            assert_eq!(file.read_exact_at(9, 5).await.unwrap(), vec![0; 9]);
            assert_eq!(file.len().await.unwrap(), (1 << 40) + 9);
        });
    }
}

/// Trap C13: a length that was cut to 32 bits is none at all, and looks like the end of the file.
fn lengths_beyond_32_bits(env: &Env) {
    for place in places() {
        let path = place.file("ten", b"0123456789");
        env.run(async {
            let file = env.file(&path, "r").await;
            let null = env.file("/dev/null", "w").await;
            for length in [1 << 31, 1 << 32, (1 << 32) + 3] {
                // The memory is never touched, so that the system has to have none.
                let mut memory = Vec::new();
                if memory.try_reserve_exact(length).is_err() {
                    skipped("lengths beyond 32 bits: the system does not grant that much memory");
                    return;
                }
                let (read, memory) = file.read_into(memory, 2).await;
                assert_eq!((read.unwrap(), &memory[..]), (8, &b"23456789"[..]), "{length}");
                drop(memory);
                let before = env.context.metrics().bytes_written;
                null.write_all_at(vec![0; length], 0).await.unwrap();
                assert_eq!(env.context.metrics().bytes_written - before, length as u64);
            }
        });
    }
}

fn a_file_that_changes_its_length_while_it_is_read(env: &Env) {
    let place = disk();
    let path = place.file("log", &pattern(100_000));
    env.run(async {
        let file = env.file(&path, "r+").await;
        let writer = env.file(&path, "a").await;
        let (all, ()) = tokio::join!(file.read_to_end(0), async {
            for _ in 0..50 {
                writer.append(vec![b'x'; 1000]).await.unwrap();
            }
        });
        let all = all.unwrap();
        assert_eq!(all[..100_000], pattern(100_000));
        assert!(all[100_000..].iter().all(|byte| *byte == b'x'));
        let (all, cut) = tokio::join!(file.read_to_end(0), file.set_len(10));
        cut.unwrap();
        assert!(all.unwrap().starts_with(&pattern(100_000)[..10]));
        assert_eq!(file.read_to_end(0).await.unwrap(), pattern(100_000)[..10]);
    });
}
