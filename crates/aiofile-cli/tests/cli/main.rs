//! The command, from outside: what it prints, what it leaves on the disk, how it exits.
#![forbid(unsafe_code)]

mod cat;
mod copy;
mod doctor;
mod interrupt;
mod refusals;
mod support;
mod usage;
