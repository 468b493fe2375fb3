//! Futures are small, since there may be a hundred thousand of them at once.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::mem::size_of_val;

use aiofile::{AioFile, File};
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn operations_that_wait_take_few_bytes() {
    let file = AioFile::open("/proc/self/exe", "r").await.unwrap();
    let reads = [
        ("read_at", size_of_val(&file.read_at(4, 0))),
        ("read_exact_at", size_of_val(&file.read_exact_at(4, 0))),
        ("read_into", size_of_val(&file.read_into(vec![0; 4], 0))),
        ("File::read", size_of_val(&File::from(file.clone()).read(&mut [0; 4]))),
    ];
    let others = [
        ("write_at", size_of_val(&file.write_at(vec![0; 4], 0))),
        ("write_all_at", size_of_val(&file.write_all_at(vec![0; 4], 0))),
        ("write_from", size_of_val(&file.write_from(vec![0; 4], 0))),
        ("append", size_of_val(&file.append(vec![0; 4]))),
        ("fsync", size_of_val(&file.fsync())),
        ("metadata", size_of_val(&file.metadata())),
        ("set_len", size_of_val(&file.set_len(1))),
    ];
    for (name, size) in reads {
        assert!(size <= 400, "{name}: {size} bytes");
    }
    for (name, size) in others {
        assert!(size <= 600, "{name}: {size} bytes");
    }
}
