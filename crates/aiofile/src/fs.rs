//! Functions on whole files, one a file, in the manner of `std::fs`.

#[cfg(target_os = "linux")]
mod advise;
#[cfg(target_os = "linux")]
mod allocate;
mod disk_usage;
#[cfg(target_os = "linux")]
mod extent;
mod glob;
mod hop;
#[cfg(target_os = "linux")]
mod lock;
mod read;
mod remove_dir_all;
#[cfg(target_os = "linux")]
mod rename_with;
mod same_file;
#[cfg(target_os = "linux")]
mod sendfile;
#[cfg(target_os = "linux")]
mod space;
#[cfg(target_os = "linux")]
mod sparse;
mod walk;
#[cfg(target_os = "linux")]
mod xattr;

#[cfg(target_os = "linux")]
pub use advise::{Advice, advise, readahead};
#[cfg(target_os = "linux")]
pub use allocate::{allocate, punch_hole, zero_range};
pub use disk_usage::{DiskUsage, disk_usage, disk_usage_one_file_system};
pub use glob::glob;
#[cfg(target_os = "linux")]
pub use lock::{FileLock, LockOptions, lock, lock_shared, try_lock, try_lock_shared};
pub use read::{read, read_to_string};
pub use remove_dir_all::remove_dir_all;
#[cfg(target_os = "linux")]
pub use rename_with::{rename_exchange, rename_noreplace};
pub use same_file::same_file;
#[cfg(target_os = "linux")]
pub use sendfile::send_file;
#[cfg(target_os = "linux")]
pub use space::{StatVfs, available_space, statvfs};
#[cfg(target_os = "linux")]
pub use sparse::{data_ranges, is_sparse};
pub use walk::{Walk, WalkEntries, WalkEntry, WalkError, walk};
#[cfg(target_os = "linux")]
pub use xattr::{
    getxattr, lgetxattr, listxattr, llistxattr, lremovexattr, lsetxattr, removexattr, setxattr,
};
