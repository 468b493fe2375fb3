//! `File`: against std in random sequences, and against the traps that its peers
//! fell into.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

mod appending;
mod backends;
mod cancelled;
mod converted;
mod differential;
mod full;
mod runtimes;
mod shared;
mod special;
mod traits;
mod traps;
