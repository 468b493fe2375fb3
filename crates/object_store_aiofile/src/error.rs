//! Why something could not be done, before it is said in the types of one version of object_store.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can tell apart, with the error of the system, which names the call and the file.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is no such object.
    NotFound { path: PathBuf, source: io::Error },
    /// There is one, where none was to be.
    AlreadyExists { path: PathBuf, source: io::Error },
    /// The process may not do this.
    PermissionDenied { path: PathBuf, source: io::Error },
    /// The caller asks for what cannot be, such as a range behind the end of the object.
    Refused(Cow<'static, str>),
    /// Everything else.
    Io(io::Error),
}

impl Error {
    /// What came of looking for an object, or of taking it away: what is no file is no object.
    pub(crate) fn looking(source: impl Into<io::Error>, path: &Path) -> Self {
        let source = source.into();
        match source.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory => Self::NotFound { path: path.to_owned(), source },
            _ => Self::changing(source, path),
        }
    }

    /// What came of making an object.
    pub(crate) fn changing(source: impl Into<io::Error>, path: &Path) -> Self {
        let source = source.into();
        match source.kind() {
            io::ErrorKind::PermissionDenied => {
                Self::PermissionDenied { path: path.to_owned(), source }
            }
            _ => Self::Io(source),
        }
    }

    /// The same where nothing was to be at the path.
    pub(crate) fn making_new(source: impl Into<io::Error>, path: &Path) -> Self {
        let source = source.into();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::AlreadyExists { path: path.to_owned(), source },
            _ => Self::changing(source, path),
        }
    }

    /// A directory, which is no object.
    pub(crate) fn directory(path: &Path) -> Self {
        let source = io::Error::new(io::ErrorKind::NotFound, "it is a directory, and no object");
        Self::NotFound { path: path.to_owned(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { source, .. }
            | Self::AlreadyExists { source, .. }
            | Self::PermissionDenied { source, .. }
            | Self::Io(source) => source.fmt(f),
            Self::Refused(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
