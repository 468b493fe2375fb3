//! Prints files, as cat(1) does: `cargo run --example cat -- FILE…`. Without a file it prints
//! `/proc/version`, whose length is not known before it is read.

use std::error::Error;

use aiofile::{AioFile, Reader};
use tokio::io::{AsyncWriteExt, stdout};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<_> = std::env::args_os().skip(1).collect();
    if paths.is_empty() {
        paths.push("/proc/version".into());
    }
    let mut output = stdout();
    for path in paths {
        let file = AioFile::open(&path, "r").await?;
        let mut reader = Reader::new(&file);
        while let Some(chunk) = reader.next_chunk().await? {
            output.write_all(&chunk).await?;
        }
    }
    output.flush().await?;
    Ok(())
}
