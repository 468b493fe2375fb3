//! Copying and moving files and directories.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

#[path = "../common/access_list.rs"]
mod access_list;
mod attributes;
mod faults;
mod files;
mod moving;
mod options;
mod places;
mod support;
mod tree;
mod tree_links;
mod tree_progress;
