//! The memory of large reads is used again. One test, since no other may have it meanwhile.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod common;

use aiofile::AioFile;
use common::{noise, scratch};

#[tokio::test]
async fn the_memory_of_a_large_range_is_used_again_when_its_last_share_is_dropped() {
    const BYTES: u64 = 5 << 20;
    let contents = noise(BYTES as usize);
    let (_directory, path) = scratch(&contents);
    let file = AioFile::open(&path, "r").await.unwrap();
    let whole = 0..BYTES;
    let read = async || file.read_ranges(std::slice::from_ref(&whole)).await.unwrap().remove(0);
    let first = read().await;
    let (address, share) = (first.as_ptr(), first.slice(1_000..));
    drop(first);
    let second = read().await;
    assert_ne!(second.as_ptr(), address, "a share of the first is there");
    assert!(share == contents[1_000..] && second == contents);
    drop(share);
    // An allocator would give this the memory that has just become free.
    let others: Vec<_> = (0..4).map(|_| vec![1_u8; BYTES as usize]).collect();
    assert_eq!(read().await.as_ptr(), address);
    assert_eq!(file.read_exact_at(BYTES as usize, 0).await.unwrap().as_ptr(), address);
    drop(others);
}
