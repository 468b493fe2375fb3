//! Text: as Python reads and writes it, wherever chunks end, and whatever is wrong with it.

#![cfg(feature = "text")]
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod borders;
mod encodings;
mod errors;
mod files;
mod finding;
mod pieces;
mod positions;
mod python;
mod reading;
mod writing;
