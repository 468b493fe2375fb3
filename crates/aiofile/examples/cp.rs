//! Copies a file: several tasks, each reading and writing blocks at offsets of their own.
//!
//! `cargo run --example cp -- SOURCE TARGET`; without arguments it copies a file that it makes, and
//! compares. (The command `aiofile cp` also keeps holes, modes and times.)
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aiofile::{AioFile, BufferPool, Error, ErrorKind, Result};

const BLOCK_BYTES: usize = 256 * 1024;
const TASKS: usize = 4;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [source, target] = &arguments[..] {
        let bytes = copy(source.as_ref(), target.as_ref()).await?;
        println!("{bytes} bytes copied");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    let contents: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&source, &contents)?;
    let bytes = copy(&source, &target).await?;
    if std::fs::read(&target)? != contents {
        return Err(Error::new(ErrorKind::InvalidData, "the copy differs from its source").into());
    }
    println!("{bytes} bytes copied, and the copy is the same");
    Ok(())
}

async fn copy(source: &std::path::Path, target: &std::path::Path) -> Result<u64> {
    let source = AioFile::open(source, "r").await?;
    let mut target = AioFile::open(target, "w").await?;
    let length = source.len().await?;
    let next = Arc::new(AtomicU64::new(0));
    let pool = BufferPool::new(BLOCK_BYTES, 4096, TASKS);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (source, target) = (source.clone(), target.clone());
        let (next, pool) = (Arc::clone(&next), pool.clone());
        tasks.spawn(async move {
            loop {
                let offset = next.fetch_add(BLOCK_BYTES as u64, Ordering::Relaxed);
                if offset >= length {
                    return Ok::<(), Error>(());
                }
                let (read, block) = source.read_into(pool.take(), offset).await;
                if read? > 0 {
                    target.write_all_at(block, offset).await?;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(std::io::Error::other)??;
    }
    target.close().await?;
    Ok(length)
}
