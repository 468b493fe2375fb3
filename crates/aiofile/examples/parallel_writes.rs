//! Blocks of one file written at their offsets by many tasks at once, and verified.
//!
//! `cargo run --release --example parallel_writes -- [FILE [BLOCKS]]`
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use aiofile::{AioFile, Reader, Result};
use tokio::task::JoinHandle;

const BLOCK_BYTES: usize = 256 << 10;
const TASKS: u64 = 8;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = tempfile::tempdir()?;
    let path = match arguments.next() {
        Some(path) => path.into(),
        None => directory.path().join("blocks"),
    };
    let blocks: u64 = arguments.next().as_deref().unwrap_or("128").parse()?;

    let file = AioFile::open(&path, "w+").await?;
    let mut tasks: Vec<JoinHandle<Result<()>>> = Vec::new();
    for task in 0..TASKS {
        let file = file.clone();
        tasks.push(tokio::spawn(async move {
            let mut buffer = vec![0; BLOCK_BYTES];
            for block in (task..blocks).step_by(TASKS as usize) {
                buffer.fill(pattern(block));
                let (written, back) = file.write_from(buffer, block * BLOCK_BYTES as u64).await;
                (buffer, _) = (back, written?);
            }
            Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    file.fdatasync().await?;

    let mut reader = Reader::new(&file).chunk_size(BLOCK_BYTES);
    for block in 0..blocks {
        let chunk = reader.next_chunk().await?.ok_or("the file is too short")?;
        if chunk.len() != BLOCK_BYTES || chunk.iter().any(|byte| *byte != pattern(block)) {
            return Err(format!("block {block} is not what was written").into());
        }
    }
    println!("{blocks} blocks of {BLOCK_BYTES} bytes by {TASKS} tasks");
    Ok(())
}

fn pattern(block: u64) -> u8 {
    (block % 251) as u8 + 1
}
