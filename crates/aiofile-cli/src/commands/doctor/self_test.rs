//! The backend in use, tried on real files through the public API.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use aiofile::{AioFile, Context, Error, ErrorKind, OpenOptions, Result};
use tokio::task::JoinSet;

/// What came of one test.
pub(super) struct Test {
    pub(super) name: &'static str,
    pub(super) outcome: Result<String>,
}

/// Bytes of a block, and blocks that are written at once.
const BLOCK_BYTES: usize = 64 * 1024;
const BLOCKS: u8 = 16;

/// Runs all tests.
pub(super) async fn run(context: &Context, directory: Option<PathBuf>) -> Vec<Test> {
    let directory = directory.unwrap_or_else(std::env::temp_dir);
    vec![
        Test { name: "temporary file", outcome: temporary_file(context, &directory).await },
        Test { name: "/proc/cpuinfo", outcome: proc_file(context).await },
        Test { name: "pipe", outcome: pipe(context).await },
    ]
}

/// Writes blocks at offsets, all at once; syncs; reads them back in another order.
async fn temporary_file(context: &Context, directory: &Path) -> Result<String> {
    let place = directory.to_owned();
    let make = move || Ok(tempfile::tempfile_in(place)?);
    let file = context.run("create", make).await.map_err(|error| error.on(directory))?;
    let file = AioFile::from_std_in(context, file)?;
    let mut writes = JoinSet::new();
    for block in 0..BLOCKS {
        let file = file.clone();
        let offset = u64::from(block) * BLOCK_BYTES as u64;
        writes.spawn(async move { file.write_all_at(vec![block; BLOCK_BYTES], offset).await });
    }
    while let Some(write) = writes.join_next().await {
        write.map_err(|error| Error::system(error.into()))??;
    }
    file.fsync().await?;
    for block in (0..BLOCKS).rev() {
        let offset = u64::from(block) * BLOCK_BYTES as u64;
        if file.read_exact_at(BLOCK_BYTES, offset).await?.iter().any(|byte| *byte != block) {
            return Err(wrong("what was read is not what was written").at(offset).into());
        }
    }
    let written = usize::from(BLOCKS) * BLOCK_BYTES;
    Ok(format!("{written} bytes in {} written, synced and read back", directory.display()))
}

async fn proc_file(context: &Context) -> Result<String> {
    let file = OpenOptions::new().read(true).context(context).open_aio("/proc/cpuinfo").await?;
    match file.read_to_end(0).await?.len() {
        0 => Err(wrong("it reads as empty").into()),
        bytes => Ok(format!("{bytes} bytes read")),
    }
}

/// A read that has to wait for its bytes, and a write that brings them.
async fn pipe(context: &Context) -> Result<String> {
    let (reader, writer) = std::io::pipe()?;
    let adopt = |end: std::os::fd::BorrowedFd<'_>| -> Result<AioFile> {
        AioFile::from_std_in(context, File::from(end.try_clone_to_owned()?))
    };
    let (reader, writer) = (adopt(reader.as_fd())?, adopt(writer.as_fd())?);
    let (read, written) = tokio::join!(reader.read_exact_at(5, 0), writer.write_all_at("bytes", 0));
    written?;
    match &read?[..] {
        b"bytes" => Ok("5 bytes written and read".to_owned()),
        _ => Err(wrong("what was read is not what was written").into()),
    }
}

fn wrong(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, message)
}
