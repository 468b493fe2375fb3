//! Errors and metadata in the types of this version.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path;
use std::time::SystemTime;

use super::super::{e_tag, object_store};
use crate::error::Error;
use crate::list::Listed;
use object_store::path::Path;
use object_store::{ObjectMeta, Result};

/// What errors call this store.
pub(super) const STORE: &str = "AioFileSystem";

impl From<Error> for object_store::Error {
    fn from(error: Error) -> Self {
        let shown = |path: path::PathBuf| path.to_string_lossy().into_owned();
        match error {
            Error::NotFound { path, source } => {
                Self::NotFound { path: shown(path), source: source.into() }
            }
            Error::AlreadyExists { path, source } => {
                Self::AlreadyExists { path: shown(path), source: source.into() }
            }
            Error::PermissionDenied { path, source } => {
                Self::PermissionDenied { path: shown(path), source: source.into() }
            }
            Error::Refused(message) => Self::Generic { store: STORE, source: message.into() },
            Error::Io(source) => Self::Generic { store: STORE, source: source.into() },
        }
    }
}

/// What the system knows of an object.
pub(super) fn object_meta(location: Path, metadata: &Metadata) -> ObjectMeta {
    let last_modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH).into();
    let e_tag = Some(tag(metadata));
    ObjectMeta { location, last_modified, size: metadata.len(), e_tag, version: None }
}

/// The inode, the time of the last change and the length, as `LocalFileSystem` has them.
pub(super) fn tag(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let micros = since.unwrap_or_default().as_micros();
    e_tag(format!("{:x}-{micros:x}-{:x}", metadata.ino(), metadata.len()))
}

/// The location of what was listed.
pub(super) fn location(listed: &Listed) -> Result<Path> {
    let path = &listed.path;
    let text = std::str::from_utf8(path.as_os_str().as_encoded_bytes());
    let location = text
        .map_err(|source| {
            let path = path.to_string_lossy().into_owned();
            object_store::path::Error::NonUnicode { path, source }
        })
        .and_then(Path::parse);
    Ok(location?)
}
