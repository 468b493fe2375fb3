//! Names of files, changed and looked for by calls of the context's, so that a backend with files
//! of its own has them, too. One hop each.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use aiofile::Context;
use caio::{Error, ErrorKind, Output, PathCall, Result};

/// Gives a file another name, which there must not be.
pub(crate) async fn rename_new(context: &Context, from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.to_owned(), to.to_owned());
    context.on_path(PathCall::RenameNew { from, to }).await.map(drop)
}

pub(crate) async fn remove_file(context: &Context, path: &Path) -> Result<()> {
    context.on_path(PathCall::RemoveFile { path: path.to_owned() }).await.map(drop)
}

/// The names in a directory that begin like this, in no order.
pub(crate) async fn entries(
    context: &Context,
    directory: &Path,
    prefix: &OsStr,
) -> Result<Vec<(OsString, Metadata)>> {
    let (path, prefix) = (directory.to_owned(), prefix.to_owned());
    match context.on_path(PathCall::Entries { path, prefix }).await? {
        Output::Entries(entries) => Ok(entries),
        _ => Err(misfit()),
    }
}

/// The path without symbolic links.
pub(crate) async fn canonicalize(context: &Context, path: &Path) -> Result<PathBuf> {
    match context.on_path(PathCall::Canonicalize { path: path.to_owned() }).await? {
        Output::Path(path) => Ok(path),
        _ => Err(misfit()),
    }
}

/// Makes the names in the directory of this path durable.
pub(crate) async fn sync_directory(context: &Context, path: &Path) -> Result<()> {
    let path = directory_of(path).to_owned();
    context.on_path(PathCall::SyncDirectory { path }).await.map(drop)
}

/// The directory that a file is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn misfit() -> Error {
    Error::new(ErrorKind::Backend, "the backend answered another question")
}
