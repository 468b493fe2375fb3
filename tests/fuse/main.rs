//! Faults that are made by the kernel, on behalf of a FUSE file system that the test itself serves:
//! errors, short transfers, delays, and requests that are provably in flight while their futures,
//! contexts and runtimes go.
//!
//! Needs `/dev/fuse` and the right to mount. Where that is missing, it is printed as skipped, and
//! is a failure where `CAIO_REQUIRE_FUSE` is set. How much is done, `CAIO_FUSE_FAULTS`,
//! `CAIO_FUSE_CANCELS` and `CAIO_FUSE_DROPS` say.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a gate prints what it has done")]

mod cancels;
mod disk;
mod drive;
mod drops;
mod everything;
mod faults;
mod flight;
mod guards;
mod hangs;
#[path = "../common/in_use.rs"]
mod in_use;
mod local;
mod mounted;
mod plan;
#[path = "../common/planted_backend.rs"]
mod planted_backend;
mod server;
#[path = "../common/settled.rs"]
mod settled;
mod ticking;
mod ways;
mod work;
