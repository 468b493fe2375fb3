//! `aiofile::fs`: each function against what std does to a directory that is alike, in every
//! runtime and on every backend.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test that cannot run here says so")]

mod alike;
mod atomic;
mod from_std;
mod futures;
mod habits;
mod in_context;
mod in_place;
mod permissions;
mod read_dir;
mod scope;
mod simulated;
mod support;
mod times;
mod write;
