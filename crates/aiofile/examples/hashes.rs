//! Several hashes of one file at once: each task reads through a clone of the handle.
//!
//! `cargo run --release --example hashes -- FILE`; without a file, its own program.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fmt::Write;

use aiofile::{AioFile, Reader, Result};
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};
use tokio::try_join;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = match std::env::args_os().nth(1) {
        Some(path) => path.into(),
        None => std::env::current_exe()?,
    };
    let file = AioFile::open(&path, "r").await?;
    let (md5, sha256, sha512) = try_join!(
        tokio::spawn(hash::<Md5>(file.clone())),
        tokio::spawn(hash::<Sha256>(file.clone())),
        tokio::spawn(hash::<Sha512>(file)),
    )?;
    let (md5, sha256, sha512) = (md5?, sha256?, sha512?);
    println!("md5    {}\nsha256 {}\nsha512 {}", hex(&md5), hex(&sha256), hex(&sha512));

    let contents = std::fs::read(&path)?;
    let same = md5 == Md5::digest(&contents).to_vec()
        && sha256 == Sha256::digest(&contents).to_vec()
        && sha512 == Sha512::digest(&contents).to_vec();
    if same { Ok(()) } else { Err("a hash differs from that of the whole file".into()) }
}

async fn hash<D: Digest + Send>(file: AioFile) -> Result<Vec<u8>> {
    let mut reader = Reader::new(&file).chunk_size(128 << 10);
    let mut digest = D::new();
    loop {
        let chunk = reader.fill().await?;
        if chunk.is_empty() {
            return Ok(digest.finalize().to_vec());
        }
        digest.update(chunk);
        let length = chunk.len();
        reader.consume(length);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
