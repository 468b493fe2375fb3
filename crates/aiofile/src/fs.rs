//! Functions on whole files, one a file, in the manner of `std::fs`.

mod disk_usage;
mod glob;
mod hop;
mod read;
mod walk;

pub use disk_usage::{DiskUsage, disk_usage, disk_usage_one_file_system};
pub use glob::glob;
pub use read::{read, read_to_string};
pub use walk::{Walk, WalkEntries, WalkEntry, WalkError, walk};
