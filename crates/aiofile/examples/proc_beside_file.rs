//! Two contexts in one program: `/proc` is read by a pool of threads, since its files are made up
//! when they are read, and a regular file by whatever is best on this machine.
//!
//! `cargo run --example proc_beside_file -- [FILE]`
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::{Path, PathBuf};

use aiofile::{BackendKind, Context, LineReader, OpenOptions, Reader, Result};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path: PathBuf = match std::env::args_os().nth(1) {
        Some(path) => path.into(),
        None => std::env::current_exe()?,
    };
    let threads = aiofile::context().backend(BackendKind::Thread).threads(1, 2).build()?;
    let usual = aiofile::context().build()?;

    let (memory, bytes) = tokio::try_join!(memory(&threads), length(&usual, &path))?;
    println!("{}: {memory} of memory", threads.info().backend);
    println!("{}: {bytes} bytes in {}", usual.info().backend, path.display());
    if memory.is_empty() || bytes != std::fs::metadata(&path)?.len() {
        return Err("a file was not read whole".into());
    }
    Ok(())
}

/// What `/proc/meminfo` says first.
async fn memory(context: &Context) -> Result<String> {
    let file = OpenOptions::new().read(true).context(context).open_aio("/proc/meminfo").await?;
    let mut lines = LineReader::new(&file);
    while let Some(line) = lines.next_str().await? {
        if let Some(rest) = line.strip_prefix("MemTotal:") {
            return Ok(rest.trim().to_owned());
        }
    }
    Ok(String::new())
}

/// Reads the file to its end, and says where that is.
async fn length(context: &Context, path: &Path) -> Result<u64> {
    let file = OpenOptions::new().read(true).context(context).open_aio(path).await?;
    let mut reader = Reader::new(&file);
    while reader.next_chunk().await?.is_some() {}
    Ok(reader.position())
}
