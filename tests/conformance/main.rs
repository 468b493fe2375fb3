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

mod appending;
mod budget;
mod cancel;
mod clock;
mod computing_tasks;
mod direct_bounce;
mod dropped_syncs;
mod dropping;
mod ends;
mod errors;
mod faults;
mod harness;
mod idle_futures;
mod layers;
mod limits;
mod nested;
mod observed;
mod order;
mod panics;
mod read;
mod refusal;
mod refused_late;
mod rings;
mod runtimes;
mod several_runtimes;
mod shutdown;
mod shutdown_everywhere;
mod signals;
mod soak;
mod special;
mod support;
mod sync;
#[path = "../common/uring.rs"]
mod uring;
mod vectored;
mod waiting_files;
mod wake_ups;
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
    ("dropped_syncs", dropped_syncs::CASES),
    ("shutdown_everywhere", shutdown_everywhere::CASES),
    ("panics", panics::CASES),
    ("waiting_files", waiting_files::CASES),
    ("direct_bounce", direct_bounce::CASES),
    ("clock", clock::CASES),
    ("nested", nested::CASES),
    ("appending", appending::CASES),
    ("ends", ends::CASES),
    ("signals", signals::CASES),
    ("refusal", refusal::CASES),
    ("refused_late", refused_late::CASES),
    ("rings", rings::CASES),
    ("wake_ups", wake_ups::CASES),
    ("layers", layers::CASES),
    ("repeated", layers::repeated::CASES),
];

fn main() -> ExitCode {
    harness::main(MODULES)
}
