//! Calls on paths as plain values, so that a backend with files of its own makes them there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Output;
use crate::sys::local;
use crate::sys::rename::rename_new;

/// What an [`Op::Path`](crate::Op::Path) does.
///
/// A closure of [`Context::run`](crate::Context::run) calls the system, whichever backend there is.
/// These calls go to the backend where it has files of its own, and to a pool elsewhere.
///
/// ```
/// use std::path::Path;
/// use caio::PathCall;
///
/// let call = PathCall::RenameNew { from: "log".into(), to: "log.1".into() };
/// assert_eq!((call.name(), call.path()), ("rename", Path::new("log")));
/// assert_eq!(call.target(), Some(Path::new("log.1")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathCall {
    /// rename(2): what is at `to` is replaced.
    Rename {
        /// The present name.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// renameat2(2) with `RENAME_NOREPLACE`: EEXIST where there is something at `to`. On a file
    /// system that has no such renaming, it is looked for before.
    RenameNew {
        /// The present name.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// unlink(2).
    RemoveFile {
        /// The name.
        path: PathBuf,
    },
    /// rmdir(2).
    RemoveDirectory {
        /// The directory, which is empty.
        path: PathBuf,
    },
    /// mkdir(2).
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// Whether those above it are made as well, and one that is there is fine.
        recursive: bool,
        /// Its mode, before the umask.
        mode: u32,
    },
    /// stat(2), lstat(2). Completes with [`Output::Metadata`].
    Metadata {
        /// The path.
        path: PathBuf,
        /// Whether a symbolic link at its end is followed.
        follow: bool,
    },
    /// Names in a directory. Completes with [`Output::Entries`]; what goes meanwhile is not in it.
    Entries {
        /// The directory.
        path: PathBuf,
        /// How the names begin.
        prefix: OsString,
    },
    /// realpath(3). Completes with [`Output::Path`].
    Canonicalize {
        /// The path.
        path: PathBuf,
    },
    /// fsync(2) of a directory: the names in it reach the device.
    SyncDirectory {
        /// The directory.
        path: PathBuf,
    },
}

impl PathCall {
    /// The name of the call, for errors and layers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rename { .. } | Self::RenameNew { .. } => "rename",
            Self::RemoveFile { .. } => "remove_file",
            Self::RemoveDirectory { .. } => "remove_dir",
            Self::CreateDirectory { recursive: false, .. } => "create_dir",
            Self::CreateDirectory { recursive: true, .. } => "create_dir_all",
            Self::Metadata { follow: true, .. } => "metadata",
            Self::Metadata { follow: false, .. } => "symlink_metadata",
            Self::Entries { .. } => "read_dir",
            Self::Canonicalize { .. } => "canonicalize",
            Self::SyncDirectory { .. } => "fsync",
        }
    }

    /// The path that it is about; of two, the first.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Rename { from: path, .. }
            | Self::RenameNew { from: path, .. }
            | Self::RemoveFile { path }
            | Self::RemoveDirectory { path }
            | Self::CreateDirectory { path, .. }
            | Self::Metadata { path, .. }
            | Self::Entries { path, .. }
            | Self::Canonicalize { path }
            | Self::SyncDirectory { path } => path,
        }
    }

    /// The second path of a call that has two.
    #[must_use]
    pub fn target(&self) -> Option<&Path> {
        match self {
            Self::Rename { to, .. } | Self::RenameNew { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Whether it can be made again after it failed. A sync that failed never is.
    pub(crate) fn changes_nothing(&self) -> bool {
        matches!(self, Self::Metadata { .. } | Self::Entries { .. } | Self::Canonicalize { .. })
    }

    /// Makes the call on the system. Blocks.
    pub(crate) fn make(&self) -> io::Result<Output> {
        match self {
            Self::Rename { from, to } => fs::rename(from, to).map(|()| Output::Done),
            Self::RenameNew { from, to } => rename_new(from, to).map(|()| Output::Done),
            Self::RemoveFile { path } => fs::remove_file(path).map(|()| Output::Done),
            Self::RemoveDirectory { path } => fs::remove_dir(path).map(|()| Output::Done),
            Self::CreateDirectory { path, recursive, mode } => {
                let mut builder = fs::DirBuilder::new();
                builder.recursive(*recursive).mode(*mode).create(path).map(|()| Output::Done)
            }
            Self::Metadata { path, follow } => metadata(path, *follow),
            Self::Entries { path, prefix } => entries(path, prefix),
            Self::Canonicalize { path } => fs::canonicalize(path).map(Output::Path),
            Self::SyncDirectory { path } => fs::File::open(path)?.sync_all().map(|()| Output::Done),
        }
    }
}

/// The call has just waited for the file system, so that a look at its mount waits for nothing
/// more: from then on, what is cached of it is had in place.
fn metadata(path: &Path, follow: bool) -> io::Result<Output> {
    let found = if follow { fs::metadata(path)? } else { fs::symlink_metadata(path)? };
    local::look_at(path);
    Ok(Output::Metadata(Box::new(found)))
}

fn entries(directory: &Path, prefix: &OsStr) -> io::Result<Output> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_bytes().starts_with(prefix.as_bytes()) {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) => found.push((entry.file_name(), metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Output::Entries(found))
}
