//! From the path of a URL to an open file.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aiofile::fs::Fs;
use aiofile::{AioFile, OpenOptions};
use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::encoding::{Encoding, accepts};
use crate::serve_dir::Settings;

/// A regular file below the directory.
pub(crate) struct File {
    pub(crate) file: AioFile,
    pub(crate) metadata: Metadata,
    /// As it is without an encoding.
    pub(crate) path: PathBuf,
    pub(crate) encoding: Option<Encoding>,
}

/// Opens what the path of a URL means; `None` for a directory, whose path has to end with a slash.
/// What is no regular file or lies elsewhere is not there.
pub(crate) async fn find(
    settings: &Settings,
    url: &str,
    headers: &HeaderMap,
) -> io::Result<Option<File>> {
    let below = relative(url)?;
    let fs = match &settings.context {
        Some(context) => Fs::new(context),
        None => Fs::current().await?,
    };
    let root = root(settings, &fs).await?;
    let mut path = root.join(below);
    let mut metadata = fs.metadata(&path).await?;
    if let (true, Some(index)) = (metadata.is_dir(), &settings.index) {
        if !url.ends_with('/') {
            return Ok(None);
        }
        path.push(index);
        metadata = fs.metadata(&path).await?;
    }
    // A FIFO or a device is not even opened.
    if !metadata.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    for encoding in settings.encodings.iter().copied() {
        if !accepts(headers, encoding) {
            continue;
        }
        let mut name = OsString::from(&path);
        name.push(encoding.suffix());
        let encoded = PathBuf::from(name);
        match fs.metadata(&encoded).await {
            Ok(found) if found.is_file() => {
                let (file, metadata) = open(&fs, root, &encoded).await?;
                return Ok(Some(File { file, metadata, path, encoding: Some(encoding) }));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let (file, metadata) = open(&fs, root, &path).await?;
    Ok(Some(File { file, metadata, path, encoding: None }))
}

/// Opens a file, and sees where it is once symbolic links were followed.
async fn open(fs: &Fs, root: &Path, path: &Path) -> io::Result<(AioFile, Metadata)> {
    let file = OpenOptions::new().read(true).context(fs.context()).open_aio(path).await?;
    // What /proc says of an open file is in memory, so that no thread waits for it.
    let place = match std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(place) => place,
        Err(_) => fs.canonicalize(path).await?,
    };
    let metadata = file.metadata().await?;
    if !place.starts_with(root) || !metadata.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    Ok((file, metadata))
}

async fn root<'a>(settings: &'a Settings, fs: &Fs) -> io::Result<&'a Path> {
    if let Some(root) = settings.root.get() {
        return Ok(root);
    }
    let found = fs.canonicalize(&settings.directory).await?;
    Ok(settings.root.get_or_init(|| found))
}

/// The path below the directory: nothing in it leads upwards.
fn relative(url: &str) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in url.split('/') {
        let name: Vec<u8> = percent_decode_str(part).collect();
        match name.as_slice() {
            b"" | b"." => {}
            b".." => return Err(ErrorKind::InvalidInput.into()),
            name if name.contains(&b'/') || name.contains(&0) => {
                return Err(ErrorKind::InvalidInput.into());
            }
            name => path.push(OsStr::from_bytes(name)),
        }
    }
    Ok(path)
}
