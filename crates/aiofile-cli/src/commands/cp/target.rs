//! Where the copy goes, and what speaks against it.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::failure::Failure;

/// The place of the copy.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    /// Whether a new file takes the place; else what is there, such as a device or a FIFO, is
    /// written to.
    pub(super) is_replaced: bool,
}

impl Target {
    /// The directory that the copy lies in.
    pub(super) fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

/// Finds the place, and what the source is. Blocks.
///
/// # Errors
/// A source that is missing or a directory; a target that is the source, a directory's directory,
/// a link to nothing, or not writable.
pub(super) fn resolve(source: &Path, target: &Path) -> Result<(Metadata, Target), Failure> {
    let kind = fs::metadata(source).map_err(|error| Failure::during(named(source), error))?;
    if kind.is_dir() {
        let message = "is a directory; cp copies one file";
        return Err(Failure::during(named(source), message));
    }
    let place = match fs::metadata(target) {
        Ok(there) if there.is_dir() => match source.file_name() {
            Some(name) => target.join(name),
            None => return Err(Failure::during(named(source), "has no name to copy it under")),
        },
        _ => target.to_owned(),
    };
    let found = examine(&kind, source, &place)?;
    Ok((kind, found))
}

fn examine(source: &Metadata, source_path: &Path, place: &Path) -> Result<Target, Failure> {
    let there = match fs::metadata(place) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return absent(place).map(|path| Target { path, is_replaced: true });
        }
        Err(error) => return Err(Failure::during(named(place), error)),
    };
    if (there.dev(), there.ino()) == (source.dev(), source.ino()) {
        let message = format!("is the same file as {}", source_path.display());
        return Err(Failure::during(named(place), message));
    }
    if there.is_dir() {
        return Err(Failure::during(named(place), "is a directory"));
    }
    if !there.is_file() {
        return Ok(Target { path: place.to_owned(), is_replaced: false });
    }
    // Replacing it would need no permission for the file itself; overwriting it would.
    access(place, Access::WRITE_OK).map_err(|error| Failure::during(named(place), error))?;
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(place).map_err(|error| Failure::during(named(place), error))?;
    Ok(Target { path, is_replaced: true })
}

fn absent(place: &Path) -> Result<PathBuf, Failure> {
    if fs::symlink_metadata(place).is_ok() {
        return Err(Failure::during(named(place), "is a symbolic link that leads nowhere"));
    }
    if place.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Failure::during(named(place), "there is no such directory"));
    }
    Ok(place.to_owned())
}

fn named(path: &Path) -> String {
    format!("cp: {}", path.display())
}
