//! Reading one configuration file: short, regular, trusted, and without waiting for anything else.
//!
//! Trusted is what only the administrator and this program's user can have written. Checked are the
//! file, and the directory that holds it, in which a file can be replaced by another one.

use std::fs::{File, FileType, Metadata, canonicalize};
use std::io::{self, Read};
use std::iter;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, Statvfs, fstatvfs, statvfs};

use super::info::FileState;

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

/// The bit of a mode that makes a file world-writable.
const OTHERS_WRITE: u32 = 0o002;

/// The bit of a directory's mode with which only its owner replaces a file.
const STICKY: u32 = 0o1000;

/// Why a file is not trusted, and what helps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Distrust {
    pub(super) state: FileState,
    pub(super) message: String,
    pub(super) cure: String,
}

/// Looks at an open file, which has this path. `users` may write configurations.
///
/// # Errors
/// What the system answers.
fn distrust(file: &File, path: &Path, users: &[u32]) -> io::Result<Option<Distrust>> {
    let metadata = file.metadata()?;
    if others_write(&metadata) && is_writable(fstatvfs(file)) {
        return Ok(Some(Distrust {
            state: FileState::WorldWritable,
            message: "it is world-writable".into(),
            cure: format!("chmod o-w {}", path.display()),
        }));
    }
    let owner = metadata.uid();
    if !users.contains(&owner) {
        return Ok(Some(Distrust {
            state: FileState::OtherOwner,
            message: format!(
                "it belongs to the user {owner}, which is neither root nor the one that this \
                 program runs as"
            ),
            cure: "chown it to one of them, or name a copy that belongs to one of them".into(),
        }));
    }
    Ok(None)
}

/// Looks at the directory in which this path lies, and at that of the file that it leads to.
///
/// # Errors
/// What the system answers.
fn distrust_directory(path: &Path) -> io::Result<Option<Distrust>> {
    // A file that has lost its name, and is open as /dev/fd/N, lies in no directory.
    for place in iter::once(path.to_owned()).chain(canonicalize(path).ok()) {
        let directory = match place.parent() {
            Some(parent) if parent == Path::new("") => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => continue,
        };
        let metadata = std::fs::metadata(&directory)?;
        let is_open = others_write(&metadata) && metadata.mode() & STICKY == 0;
        if is_open && is_writable(statvfs(&directory)) {
            return Ok(Some(Distrust {
                state: FileState::WorldWritable,
                message: format!(
                    "its directory {} is world-writable without the sticky bit",
                    directory.display()
                ),
                cure: format!("chmod o-w {}", directory.display()),
            }));
        }
    }
    Ok(None)
}

fn others_write(metadata: &Metadata) -> bool {
    metadata.mode() & OTHERS_WRITE != 0
}

/// Whether the file system can be written to at all. Containers have their configuration on
/// read-only mounts, where a mode of 0777 is usual and does no harm.
fn is_writable(answer: Result<Statvfs, Errno>) -> bool {
    !answer.is_ok_and(|answer| answer.flags().contains(FsFlags::ST_RDONLY))
}
