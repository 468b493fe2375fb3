//! Where the copy goes: under the name that was typed, or into the directory of that name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aiofile::Context;

use crate::failure::Failure;

/// The path of the copy.
///
/// # Errors
/// Where it goes into a directory, and the source has no name of its own.
pub(super) async fn resolve(
    context: &Context,
    source: &Path,
    target: &Path,
) -> Result<PathBuf, Failure> {
    let path = target.to_owned();
    let is_directory = context.run("stat", move || Ok(path.is_dir())).await?;
    if !is_directory {
        return Ok(target.to_owned());
    }
    match source.file_name().map(OsString::from) {
        Some(name) => Ok(target.join(name)),
        None => Err(Failure::during(source.display(), "has no name to copy it under")),
    }
}
