//! Functions on paths, in the manner of `std::fs`: all that `tokio::fs` has, and more.
//!
//! `use aiofile::fs;` takes the place of `use tokio::fs;`. Each function does its whole work in one
//! hand-over to a thread that may block (a hop), and without any where the system has the answer in
//! memory. They use the task's default context; [`Fs`] has them as methods, in a context that you
//! name.
//!
//! An error says what was being done to which path and what the system answered. It is an
//! [`io::Error`](std::io::Error) with std's kind; [`Error::of`](crate::Error::of) shows the errno.

mod atomic;
mod canonicalize;
mod create_dir;
mod in_context;
mod link;
mod metadata;
mod permissions;
mod read;
mod read_dir;
mod remove;
mod rename;
mod times;
mod write;
#[cfg(feature = "text")]
mod text;

pub use crate::options::OpenOptions;
pub use atomic::{AtomicWriteOptions, Durability, write_atomic};
pub use canonicalize::canonicalize;
pub use create_dir::{DirBuilder, create_dir, create_dir_all};
pub use in_context::Fs;
pub use link::{hard_link, read_link, symlink};
pub use metadata::{metadata, symlink_metadata, try_exists};
pub use permissions::{Access, access, chown, lchown, set_permissions};
pub use read::{read, read_to_string};
pub use read_dir::{DirEntry, ReadDir, read_dir};
pub use remove::{remove_dir, remove_dir_all, remove_file};
pub use rename::rename;
pub use times::{FileTimes, set_modified, set_times};
pub use write::{append, write};
#[cfg(feature = "text")]
pub use text::{read_text, write_text};
