//! Functions on whole files, one a file, in the manner of `std::fs`.

mod copy;
mod read;

pub use copy::{
    Copied, CopiedDir, CopyMethod, CopyOptions, CopyPhase, CopyProgress, Reflink, Replace, copy,
    copy_dir, rename_or_copy,
};
pub use read::{read, read_to_string};
