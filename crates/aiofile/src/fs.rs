//! Functions on whole files, one a file, in the manner of `std::fs`.

mod read;

pub use read::{read, read_to_string};
