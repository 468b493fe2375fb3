//! Functions on whole files, one a file, in the manner of `std::fs`.

mod copy;
mod read;

pub use copy::{
    Copied, CopyMethod, CopyOptions, CopyPhase, CopyProgress, Reflink, Replace, copy,
};
pub use read::{read, read_to_string};
