//! Whether only the administrator and this program's user can have written a configuration file.
//!
//! Checked are the file, and the directory that holds it, in which a file can be replaced by
//! another one.

use std::fs::{File, Metadata, canonicalize, metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{io, iter};

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, Statvfs, fstatvfs, statvfs};

use super::info::FileState;

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
pub(super) fn distrust(file: &File, path: &Path, users: &[u32]) -> io::Result<Option<Distrust>> {
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
pub(super) fn distrust_directory(path: &Path) -> io::Result<Option<Distrust>> {
    // A file that has lost its name, and is open as /dev/fd/N, lies in no directory.
    for place in iter::once(path.to_owned()).chain(canonicalize(path).ok()) {
        let directory = match place.parent() {
            Some(parent) if parent == Path::new("") => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => continue,
        };
        let metadata = metadata(&directory)?;
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
