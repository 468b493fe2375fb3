//! Local files as an object store, on asynchronous files.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod delete;
mod directory;
mod error;
mod list;
mod names;
mod open_files;
mod pages;
mod parts;
mod read;
mod staged;
mod store;
mod transfer;
#[cfg(feature = "v0_13")]
pub mod v0_13;
#[cfg(feature = "v0_14")]
pub mod v0_14;
mod write;
