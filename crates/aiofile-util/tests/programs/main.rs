//! The programs among the examples, run as processes against real files.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

mod closed_streams;
mod csv_dictionary;
mod file_server;
mod images;
mod log_processor;
mod many_files;
mod support;
mod ticks;
mod transfer;
