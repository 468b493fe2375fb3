//! The programs among the examples, run as processes against real files.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

mod file_server;
mod log_processor;
mod support;
mod transfer;
