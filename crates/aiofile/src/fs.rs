//! Functions on paths, in the manner of `std::fs`: all that `tokio::fs` has, and more.
//!
//! `use aiofile::fs;` takes the place of `use tokio::fs;`. Each function does its whole work in one
//! hand-over to a thread that may block (a hop), and without any where the system has the answer in
//! memory. They use the task's default context; [`Fs`] has them as methods, in a context that you
//! name. Their futures are `Send` and `Sync`, as tokio's are.
//!
//! An error says what was being done to which path and what the system answered. It is an
//! [`io::Error`](std::io::Error) with std's kind; [`Error::of`](crate::Error::of) shows the errno.

#[cfg(target_os = "linux")]
mod acl;
mod advise;
#[cfg(target_os = "linux")]
mod allocate;
mod atomic;
mod canonicalize;
#[cfg(target_os = "linux")]
mod copy;
mod create_dir;
mod disk_usage;
#[cfg(target_os = "linux")]
mod extent;
mod glob;
mod hop;
mod in_context;
mod link;
#[cfg(target_os = "linux")]
mod lock;
mod metadata;
mod permissions;
mod read;
mod read_dir;
mod read_many;
#[cfg(target_os = "linux")]
mod receive_file;
mod remove;
mod remove_dir_all;
mod rename;
#[cfg(target_os = "linux")]
mod rename_with;
mod same_file;
mod scratch;
#[cfg(target_os = "linux")]
mod sendfile;
#[cfg(target_os = "linux")]
mod space;
#[cfg(target_os = "linux")]
mod sparse;
#[cfg(feature = "text")]
mod text;
mod times;
mod walk;
mod write;
#[cfg(target_os = "linux")]
mod xattr;

pub use crate::file::File;
pub use crate::options::OpenOptions;
#[cfg(target_os = "linux")]
pub use acl::acl_group_rights;
#[cfg(target_os = "linux")]
pub use advise::{Advice, advise, readahead};
#[cfg(target_os = "linux")]
pub use allocate::{allocate, punch_hole, zero_range};
pub use atomic::{AtomicFile, AtomicWriteOptions, Durability, write_atomic};
pub use canonicalize::canonicalize;
#[cfg(target_os = "linux")]
pub use copy::{
    Copied, CopiedDir, CopyDirProgress, CopyMethod, CopyOptions, CopyPhase, CopyProgress, Reflink,
    Replace, copy, copy_dir, rename_or_copy,
};
pub use create_dir::{DirBuilder, create_dir, create_dir_all};
pub use disk_usage::{DiskUsage, disk_usage, disk_usage_one_file_system};
pub use glob::glob;
pub use in_context::Fs;
pub use link::{hard_link, read_link, symlink};
#[cfg(target_os = "linux")]
pub use lock::{FileLock, LockOptions, lock, lock_shared, try_lock, try_lock_shared};
pub use metadata::{metadata, symlink_metadata, try_exists};
pub use permissions::{Access, access, chown, lchown, set_permissions};
pub use read::{read, read_to_string};
pub use read_dir::{DirEntry, ReadDir, read_dir};
pub use read_many::{ReadMany, read_many};
#[cfg(target_os = "linux")]
pub use receive_file::receive_file;
pub use remove::{remove_dir, remove_file};
pub use remove_dir_all::{remove_dir_all, remove_dir_all_at};
pub use rename::rename;
#[cfg(target_os = "linux")]
pub use rename_with::{rename_exchange, rename_noreplace};
pub use same_file::same_file;
pub use scratch::{is_temporary_name, temporary_name};
#[cfg(target_os = "linux")]
pub use sendfile::send_file;
#[cfg(target_os = "linux")]
pub use space::{StatVfs, available_space, statvfs};
#[cfg(target_os = "linux")]
pub use sparse::{data_ranges, is_sparse};
#[cfg(feature = "text")]
pub use text::{read_text, write_text};
pub use times::{FileTimes, set_modified, set_times};
pub use walk::{Walk, WalkEntries, WalkEntry, WalkError, walk};
pub use write::{append, write};
#[cfg(target_os = "linux")]
pub use xattr::{
    getxattr, lgetxattr, listxattr, llistxattr, lremovexattr, lsetxattr, removexattr, setxattr,
};
