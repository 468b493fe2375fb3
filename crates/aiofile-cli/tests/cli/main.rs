//! The command, from outside: what it prints, what it leaves on the disk, how it exits.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod bench;
mod cat;
mod copy;
mod doctor;
mod du;
mod hash;
mod interrupt;
mod limits;
mod pieces;
mod reflink;
mod refusals;
mod streams;
mod support;
mod sync;
mod tail;
mod tree;
mod usage;
mod watch;
