//! Futures of reads are small, since there may be a hundred thousand of them at once.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::mem::size_of_val;

use aiofile::{AioFile, File};
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn reads_that_wait_take_400_bytes_at_most() {
    let file = AioFile::open("/proc/self/exe", "r").await.unwrap();
    let sizes = [
        ("read_at", size_of_val(&file.read_at(4, 0))),
        ("read_exact_at", size_of_val(&file.read_exact_at(4, 0))),
        ("read_into", size_of_val(&file.read_into(vec![0; 4], 0))),
        ("File::read", size_of_val(&File::from(file.clone()).read(&mut [0; 4]))),
    ];
    for (name, size) in sizes {
        assert!(size <= 400, "{name}: {size} bytes");
    }
}
