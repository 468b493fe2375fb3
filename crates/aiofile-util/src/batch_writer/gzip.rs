//! Compression of files that were put aside, in short jobs.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use caio::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::output::sync_directory;
use super::rotated::{list, rename_noreplace};
use super::shared::Shared;
use crate::steps::{Doing, JOB_BYTES, READ_BYTES, Step, Watch, in_steps};

/// Compresses all that are not.
pub(super) async fn compress_all(shared: &Shared, path: &Path, level: u32) -> Result<()> {
    let (named, temporary) = (path.to_owned(), temporary_beside(path));
    let left_over = temporary.clone();
    let find = move || {
        // A killed process may have left one. There is no other writer of this path.
        let _ = fs::remove_file(left_over);
        list(&named)
    };
    let files = shared.context.run("compress", find).await?;
    for file in files.iter().filter(|file| !file.is_compressed) {
        let mut target = OsString::from(&file.path);
        target.push(".gz");
        let target = PathBuf::from(target);
        if !files.iter().any(|other| other.is_compressed && other.number == file.number) {
            compress(shared, &file.path, &temporary, &target, level).await?;
        }
        // It has its name, so it is complete.
        sync_directory(&shared.context, &target).await?;
        let source = file.path.clone();
        let remove = move || fs::remove_file(&source).doing("remove", &source);
        shared.context.run("compress", remove).await?;
        shared.with(|state| state.report.compressed += 1);
    }
    Ok(())
}

async fn compress(
    shared: &Shared,
    source: &Path,
    temporary: &Path,
    target: &Path,
    level: u32,
) -> Result<()> {
    let (from, to) = (source.to_owned(), temporary.to_owned());
    let open = move || {
        let source = File::open(&from).doing("open", &from)?;
        let output = File::create(&to).doing("create", &to)?;
        let permissions = source.metadata().doing("stat", &from)?.permissions();
        output.set_permissions(permissions).doing("chmod", &to)?;
        let encoder = GzEncoder::new(output, Compression::new(level));
        Ok(Compressing { source, from, encoder: Some(encoder), to, buffer: vec![0; READ_BYTES] })
    };
    let state = shared.context.run("compress", open).await?;
    in_steps(&shared.context, "compress", state, &Watch::default(), step).await?;
    let (temporary, target) = (temporary.to_owned(), target.to_owned());
    let rename = move || rename_noreplace(&temporary, &target).doing("rename", &target);
    shared.context.run("compress", rename).await
}

struct Compressing {
    source: File,
    from: PathBuf,
    /// `None` once it is complete.
    encoder: Option<GzEncoder<File>>,
    to: PathBuf,
    buffer: Vec<u8>,
}

/// Compresses some MiB, and makes the file durable at its end.
fn step(state: &mut Compressing) -> Result<Step<()>> {
    let Compressing { source, from, encoder, to, buffer } = state;
    let mut done = 0;
    while done < JOB_BYTES
        && let Some(open) = encoder
    {
        match source.read(buffer) {
            Ok(0) => break,
            Ok(read) => {
                open.write_all(&buffer[..read]).doing("compress", to)?;
                done += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).doing("read", from),
        }
    }
    if done >= JOB_BYTES {
        return Ok(Step::More(done));
    }
    if let Some(encoder) = encoder.take() {
        let output = encoder.finish().doing("compress", to)?;
        // Its age is that of the records.
        let changed = source.metadata().and_then(|metadata| metadata.modified());
        let times = FileTimes::new().set_modified(changed.doing("stat", from)?);
        output.set_times(times).and_then(|()| output.sync_all()).doing("fsync", to)?;
    }
    Ok(Step::Done(done, ()))
}

/// Where a compressed file is made. It has one name, so that what is left there is found again.
fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".gz.part");
    path.with_file_name(name)
}
