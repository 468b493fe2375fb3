//! One contract, held by every backend and variant.
//!
//! Each test runs once for each variant of `caio_testkit::variants`. A test that counts what the
//! whole process uses, or changes it, runs in a process of its own. At the end stands which
//! backends and variants really ran, and what was skipped and why; `CAIO_REQUIRE=uring,linux` makes
//! skipping these a failure.
//!
//! `cargo test -p tests --test conformance -- uring::cancel` runs a part.
#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which a harness of our own hides from the lint"
)]

mod budget;
mod cancel;
mod computing_tasks;
mod dropping;
mod errors;
mod faults;
mod harness;
mod idle_futures;
mod limits;
mod order;
mod read;
mod refusal;
mod runtimes;
mod several_runtimes;
mod shutdown;
mod signals;
mod soak;
mod special;
mod support;
mod sync;
mod vectored;
mod write;

use std::process::ExitCode;

use harness::Module;

/// The table of contents.
const MODULES: &[Module] = &[
    ("read", read::CASES),
    ("write", write::CASES),
    ("vectored", vectored::CASES),
    ("sync", sync::CASES),
    ("order", order::CASES),
    ("cancel", cancel::CASES),
    ("dropping", dropping::CASES),
    ("limits", limits::CASES),
    ("errors", errors::CASES),
    ("faults", faults::CASES),
    ("shutdown", shutdown::CASES),
    ("special", special::CASES),
    ("runtimes", runtimes::CASES),
    ("several_runtimes", several_runtimes::CASES),
    ("budget", budget::CASES),
    ("computing_tasks", computing_tasks::CASES),
    ("idle_futures", idle_futures::CASES),
    ("signals", signals::CASES),
    ("refusal", refusal::CASES),
];

fn main() -> ExitCode {
    harness::main(MODULES)
}
