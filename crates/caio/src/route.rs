//! Which way an operation goes: to the context's backend, or to the context's pool of threads.
//!
//! (The third way, in place on the caller's thread, is tried before: see `in_place`.)

use std::fmt;

use crate::capability::Capability;
use crate::config::BufferedWrites;
use crate::file::{FileClass, FileSystem, SharedFile};
use crate::op::Op;

/// Where an operation is done, once it was not done in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Backend,
    Pool(Reason),
}

/// Why an operation does not go to the context's backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The backend does not know the operation.
    Operation,
    /// The backend does not serve this class of file.
    Class,
    /// The file system makes the backend slower than a thread.
    FileSystem,
    /// The backend tried, and the system said that it does not support this.
    Refused,
}

/// Decides from plain facts, so that it can be tested and told.
pub(crate) fn route(
    capability: &Capability,
    writes: BufferedWrites,
    file: Option<&SharedFile>,
    op: &Op,
) -> Route {
    if !capability.operations.contains(op.kind()) {
        return Route::Pool(Reason::Operation);
    }
    let Some(file) = file else { return Route::Backend };
    if !capability.classes.contains(file.class()) {
        return Route::Pool(Reason::Class);
    }
    let buffered_write =
        op.is_write() && !file.is_direct() && matches!(file.class(), FileClass::Regular);
    let slow = capability.writes_buffered_slowly && file.file_system() == FileSystem::Ext4;
    match writes {
        BufferedWrites::Auto if buffered_write && slow => Route::Pool(Reason::FileSystem),
        BufferedWrites::Pool if buffered_write => Route::Pool(Reason::FileSystem),
        _ => Route::Backend,
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operation => "the backend has no such operation",
            Self::Class => "the backend does not serve this class of file",
            Self::FileSystem => "a thread is faster on this file system",
            Self::Refused => "the system does not support it on this file",
        })
    }
}
