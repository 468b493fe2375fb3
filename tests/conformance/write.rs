//! Writing regular files: what was accepted is there, where it was meant to be.

use std::path::Path;

use aiofile::{AioFile, Error, ErrorKind};
use caio::AlignedBuffer;
use caio_testkit::{Model, Random};

use crate::harness::{Case, cases};
use crate::support::{Env, disk, pattern, places};

pub(crate) const CASES: &[Case] = cases![
    each random_writes_agree_with_the_model,
    each direct_writes_are_aligned_or_refused,
    each appending_ignores_no_offset_and_loses_no_record,
    each what_was_accepted_is_in_the_file_whatever_is_dropped_next,
    each after_close_no_descriptor_is_left,
];

fn random_writes_agree_with_the_model(env: &Env) {
    for place in places() {
        let path = place.path("data");
        env.run(async {
            let file = env.file(&path, "w+").await;
            let mut random = Random::new(3);
            let mut model = Model::default();
            for _ in 0..60 {
                let length = [0, 1, 500, 5000, 90_000][random.below(5)];
                let offset = random.below(200_000);
                if random.chance(0.1) {
                    file.set_len(offset as u64).await.unwrap();
                    model.set_len(offset);
                }
                let bytes = random.bytes(length);
                model.write(offset, &bytes);
                assert_eq!(file.write_at(bytes, offset as u64).await.unwrap(), length);
            }
            assert_eq!(file.read_to_end(0).await.unwrap(), model.contents(), "{}", place.name);
            assert_eq!(std::fs::read(&path).unwrap(), model.contents());
        });
    }
}

fn direct_writes_are_aligned_or_refused(env: &Env) {
    let place = disk();
    let path = place.path("data");
    env.run(async {
        let Some(file) = env.direct(&path).await else { return };
        let data = pattern(64 * 1024);
        for (index, block) in data.chunks(8192).enumerate().rev() {
            let buffer = AlignedBuffer::copy_of(block, 4096);
            file.write_all_at(buffer, index as u64 * 8192).await.unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), data);
        let odd = AlignedBuffer::copy_of(&data[..100], 4096);
        let error = Error::from(file.write_at(odd, 0).await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), data);
    });
}

/// Trap C5: Linux appends to a file opened with `O_APPEND`, whatever offset it is given.
fn appending_ignores_no_offset_and_loses_no_record(env: &Env) {
    for place in places() {
        let path = place.file("log", b"");
        env.run(async {
            let handles = [env.file(&path, "a").await, env.file(&path, "a").await];
            let error = Error::from(handles[0].write_at("x", 0).await.unwrap_err());
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            let append = |handle: AioFile, name: u8| async move {
                for number in 0..50u8 {
                    handle.append(vec![name, number, b'\n']).await.unwrap();
                }
            };
            let [one, other] = handles;
            tokio::join!(append(one, b'A'), append(other, b'B'));
        });
        let records = std::fs::read(&path).unwrap();
        for name in [b'A', b'B'] {
            let numbers: Vec<_> = records
                .chunks(3)
                .filter(|record| record[0] == name)
                .map(|record| record[1])
                .collect();
            assert_eq!(numbers, (0..50).collect::<Vec<_>>(), "on {}", place.name);
        }
    }
}

/// `Ok` from a write means that the kernel has the bytes: nothing is kept back in this process.
fn what_was_accepted_is_in_the_file_whatever_is_dropped_next(env: &Env) {
    for place in places() {
        for number in 0..30u32 {
            let path = place.path("note");
            env.run(async {
                let file = env.file(&path, "w").await;
                file.write_all_at(number.to_le_bytes().to_vec(), 0).await.unwrap();
            });
            assert_eq!(std::fs::read(&path).unwrap(), number.to_le_bytes());
        }
    }
}

/// A descriptor that lingers after `close` makes execve(2) fail with ETXTBSY.
fn after_close_no_descriptor_is_left(env: &Env) {
    let place = disk();
    let program = std::fs::read("/bin/true").unwrap();
    // A process forked elsewhere in this program may hold the descriptor until it executes, so
    // that the file is asked for, and not executed, here; `dropping` executes it, alone.
    env.run(async {
        for number in 0..10 {
            let path = place.path(&format!("true-{number}"));
            let mut file = env.file(&path, "w").await;
            file.write_all_at(program.clone(), 0).await.unwrap();
            file.close().await.unwrap();
            assert!(!is_open(&path), "{} is open after close", path.display());
        }
    });
}

fn is_open(path: &Path) -> bool {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|link| link == path)
}
