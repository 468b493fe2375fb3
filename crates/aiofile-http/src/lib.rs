//! The files of a directory over HTTP, on asynchronous files.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answer;
mod body;
mod conditions;
mod encoding;
mod found;
mod range;
mod serve_dir;

pub use body::Body;
pub use encoding::Encoding;
pub use serve_dir::{ResponseFuture, ServeDir};
