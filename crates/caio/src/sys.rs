//! The few system calls that neither std nor nix wraps, each made safe in one small file.

pub(crate) mod aio;
pub(crate) mod descriptor;
pub(crate) mod nowait;
pub(crate) mod openat2;
pub(crate) mod process;
pub(crate) mod pthread;
pub(crate) mod statx;
pub(crate) mod transfer;
