//! Reading one configuration file: short, regular, trusted, and without waiting for anything else.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use super::trust::{Distrust, distrust, distrust_directory};

/// No configuration is longer.
const LENGTH_MAX: u64 = 1 << 20;

/// The usual name for no configuration at all.
const NULL: &str = "/dev/null";

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The system's answer, or that it is no regular file, has more than 1 MiB, or is not UTF-8.
    Failed(io::Error),
    /// Another user may have written it.
    Distrusted(Distrust),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The text of a configuration file that one of `users` wrote; none for `/dev/null`.
pub(super) fn read(path: &Path, users: &[u32]) -> Result<String, Unread> {
    if path == Path::new(NULL) {
        return Ok(String::new());
    }
    // Before it is opened, since opening alone does something to some devices.
    let metadata = std::fs::metadata(path)?;
    if let Some(distrust) = distrust_directory(path)? {
        return Err(Unread::Distrusted(distrust));
    }
    check(&metadata)?;
    // Should a FIFO have taken the file's name meanwhile, this does not wait for a writer.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    check(&file.metadata()?)?;
    if let Some(distrust) = distrust(&file, path, users)? {
        return Err(Unread::Distrusted(distrust));
    }
    let mut text = String::new();
    // The length says nothing about files of /proc, and a file may grow.
    file.take(LENGTH_MAX + 1).read_to_string(&mut text)?;
    within_limit(text.len() as u64)?;
    Ok(text)
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        let kind = name(metadata.file_type());
        let message = format!("it is {kind}, not a regular file");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    within_limit(metadata.len())
}

fn within_limit(length: u64) -> io::Result<()> {
    if length <= LENGTH_MAX {
        return Ok(());
    }
    let message = format!("it is longer than {LENGTH_MAX} bytes, which no configuration is");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}

fn name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "something else"
    }
}
