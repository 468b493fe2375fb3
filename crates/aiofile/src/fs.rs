//! Functions on whole files, one a file, in the manner of `std::fs`.

#[cfg(target_os = "linux")]
mod copy;
mod read;

#[cfg(target_os = "linux")]
pub use copy::{
    Copied, CopiedDir, CopyMethod, CopyOptions, CopyPhase, CopyProgress, Reflink, Replace, copy,
    copy_dir, rename_or_copy,
};
pub use read::{read, read_to_string};
