//! Functions on whole files, one a file, in the manner of `std::fs`.

mod read;
#[cfg(feature = "text")]
mod text;

pub use read::{read, read_to_string};
#[cfg(feature = "text")]
pub use text::{read_text, write_text};
