//! Temporary files and directories, which are removed by themselves.
//!
//! | for | see |
//! | --- | --- |
//! | scratch space that no other process has to find | [`tempfile()`] |
//! | a file that others open by its name, or that is to become a lasting one | [`NamedTempFile`] |
//! | a place for many files | [`TempDir`] |
//! | data that is small most of the time | [`SpooledTempFile`] |
//! | names, places and permissions | [`Builder`] |
//!
//! # Who removes them, and when
//!
//! What has no name is given back by the kernel, however the process ends. A name is removed on
//! drop: also where a future is cancelled, while a panic unwinds, and after the runtime has gone. A
//! future that creates something and is dropped leaves nothing behind.
//!
//! The drop of a [`NamedTempFile`] unlinks it on the calling thread, as std's and other crates'
//! types do: one system call that waits for no device. On a file system that another machine
//! serves, and for the tree of a [`TempDir`], a blocking thread of the runtime does it, and the end
//! of the runtime waits for that; without a runtime the calling thread does. `close` does it where
//! it can be awaited and reports what went wrong.
//!
//! Nothing removes names where the process is killed, exits in the middle, or aborts on a panic. A
//! child that was forked and drops what it inherited removes it, too.

mod builder;
mod directory;
mod name;
mod named;
mod persist_error;
mod spooled;
mod tokio_traits;
mod unnamed;

use std::path::PathBuf;

use crate::File;
pub use builder::Builder;
pub use directory::{TempDir, tempdir};
pub use named::NamedTempFile;
pub use persist_error::PersistError;
pub use spooled::{SpooledTempFile, spooled_tempfile};
pub use unnamed::tempfile;

/// Where temporary files are put unless a [`Builder`] says otherwise: `TMPDIR`, or `/tmp`. Costs
/// nothing.
///
/// ```
/// assert_eq!(aiofile::tempfile::temp_dir(), std::env::temp_dir());
/// ```
#[doc(alias("gettempdir", "gettempdirb"))]
#[must_use]
pub fn temp_dir() -> PathBuf {
    ::tempfile::env::temp_dir()
}
