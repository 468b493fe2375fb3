//! Compression of files that were put aside, a MiB at a time.

use std::ffi::OsString;
use std::fs::{FileTimes, Metadata};
use std::io::Write;
use std::path::{Path, PathBuf};

use aiofile::Context;
use caio::{OwnedBuffer, Result, SharedFile, flags};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::shared::Shared;
use super::upkeep::complete;
use crate::names::{remove_file, rename_new, sync_directory};
use crate::steps::Doing;
use crate::transfer;

/// How many bytes are compressed at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Compresses all that are not.
pub(super) async fn compress_all(shared: &Shared, path: &Path, level: u32) -> Result<()> {
    let (context, temporary) = (&shared.context, temporary_beside(path));
    // A killed process may have left one. There is no other writer of this path.
    let _ = remove_file(context, &temporary).await;
    let files = complete(shared, path).await?;
    for file in files.iter().filter(|file| !file.is_compressed) {
        let mut target = OsString::from(&file.path);
        target.push(".gz");
        let target = PathBuf::from(target);
        if !files.iter().any(|other| other.is_compressed && other.number == file.number) {
            compress(context, &file.path, &temporary, level).await?;
            rename_new(context, &temporary, &target).await?;
        }
        // It has its name, so it is complete.
        sync_directory(context, &target).await?;
        remove_file(context, &file.path).await?;
        shared.with(|state| state.report.compressed += 1);
    }
    Ok(())
}

/// Makes the compressed file, durable and with the age and the permissions of the other.
async fn compress(context: &Context, from: &Path, to: &Path, level: u32) -> Result<()> {
    let source = context.open(from, flags::O_RDONLY, 0).await?;
    let metadata = context.metadata(&source).await?;
    let how = flags::O_WRONLY | flags::O_CREAT | flags::O_TRUNC;
    // Nobody else's until it has the permissions of its source.
    let output = context.open(to, how, 0o600).await?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    let (mut read, mut written) = (0, 0);
    loop {
        let block = transfer::read(context, &source, read, BLOCK_BYTES).await?;
        let is_last = block.len() < BLOCK_BYTES;
        read += block.len() as u64;
        let encode = move || {
            encoder.write_all(&block)?;
            if is_last {
                encoder.try_finish()?;
            }
            let compressed = std::mem::take(encoder.get_mut());
            Ok((encoder, compressed))
        };
        let (same, compressed) = context.run_on("compress", from, encode).await?;
        encoder = same;
        let length = compressed.len() as u64;
        transfer::write(context, &output, written, &mut compressed.into_buffer()).await?;
        written += length;
        if is_last {
            break;
        }
    }
    adopt(context, &output, metadata).await?;
    context.sync(&output, false).await?;
    context.close(output, true).await
}

/// The age of a compressed file is that of the records.
async fn adopt(context: &Context, output: &SharedFile, source: Metadata) -> Result<()> {
    let (own, path) = (output.clone(), output.path().to_owned());
    let adopt = move || {
        let times = FileTimes::new().set_modified(source.modified()?);
        own.file().set_permissions(source.permissions()).doing("chmod", &path)?;
        own.file().set_times(times).doing("utimensat", &path)
    };
    context.run_on("compress", output.path(), adopt).await
}

/// Where a compressed file is made. It has one name, so that what is left there is found again.
fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".gz.part");
    path.with_file_name(name)
}
