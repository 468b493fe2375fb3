//! What must hold before anything is done.

use std::fs::{self, File, Metadata};
use std::io::ErrorKind as IoErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use caio::{Error, ErrorKind, Result};

use super::Settings;
use super::side::Side;
use crate::steps::Doing;

/// What was found of both directories.
pub(super) struct Prepared {
    pub(super) from: Side,
    /// `None` where there is none, and none is to be made.
    pub(super) to: Option<Side>,
    pub(super) is_new: bool,
}

/// Examines both directories and opens them. Makes the target where there is none, unless that is
/// only to be told; durably where that is wanted.
pub(super) fn prepare(from: &Path, to: &Path, settings: &Settings) -> Result<Prepared> {
    let dry_run = settings.dry_run;
    let source = fs::metadata(from).doing("stat", from)?;
    if !source.is_dir() {
        return Err(refuse("it is no directory", from));
    }
    let target = match fs::metadata(to) {
        Ok(target) if !target.is_dir() => return Err(refuse("it is no directory", to)),
        Ok(target) => Some(target),
        Err(error) if error.kind() == IoErrorKind::NotFound => None,
        Err(error) => return Err(error).doing("stat", to),
    };
    let id = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    let nearest = match &target {
        Some(_) => to,
        None => parent(to),
    };
    if is_within(nearest, to, id(&source))? {
        let message = "it lies in the directory that is copied, and would be copied into itself";
        return Err(refuse(message, to));
    }
    if let Some(target) = &target
        && is_within(from, from, id(target))?
    {
        return Err(refuse("it lies in the directory that would be made like it", from));
    }
    let is_new = target.is_none();
    if is_new && !dry_run {
        fs::create_dir(to).doing("mkdir", to)?;
        if settings.durable {
            let synced = File::open(to.join("..")).and_then(|directory| directory.sync_all());
            synced.doing("sync the directory of", to)?;
        }
    }
    let opened = if is_new && dry_run { None } else { Some(Side::open(to)?) };
    Ok(Prepared { from: Side::open(from)?, to: opened, is_new })
}

/// Whether the directory is the one with this device and number, or lies in it. Errors name what
/// the user did.
fn is_within(path: &Path, named: &Path, directory: (u64, u64)) -> Result<bool> {
    let whole = fs::canonicalize(path).doing("sync", named)?;
    for ancestor in whole.ancestors() {
        let metadata = fs::metadata(ancestor).doing("sync", named)?;
        if (metadata.dev(), metadata.ino()) == directory {
            return Ok(true);
        }
    }
    Ok(false)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn refuse(message: &'static str, path: &Path) -> Error {
    Error::new(ErrorKind::InvalidInput, message).doing("sync").on(path)
}
