//! Many operations on every backend, beside what happens seldom: injected faults, dropped futures
//! and contexts, signals, processes that are stopped and killed, a million operations at once. Each
//! is resolved once, its buffer comes back and is touched by nobody afterwards, the files hold what
//! they were told to, and nothing is left in flight.
//!
//! The variables that say how many there are stand beside each test. A storm that fails tells its
//! seed: `CAIO_STORM_SEED=7` begins with that one.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "each storm says what it has done")]

mod at_once;
mod backends;
mod cancels;
mod children;
mod drops;
mod faults;
mod hasty;
#[path = "../common/in_use.rs"]
mod in_use;
mod kills;
#[path = "../common/planted_backend.rs"]
mod planted_backend;
#[path = "../common/settled.rs"]
mod settled;
mod signals;
mod stops;
#[path = "../common/uring.rs"]
mod uring;
mod user;

use std::fmt::{Display, Write as _};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// Longer than this nothing takes that is not a whole storm: it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a defect that has to be found may take.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |number| number.parse().expect(name))
}

/// The seeds of the parts of a storm.
fn seeds() -> impl Iterator<Item = u64> {
    number("CAIO_STORM_SEED", 1)..
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A directory on a disk.
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap()
}

/// Says what a storm has done, for programs.
fn gate(name: &str, backend: &str, figures: &[(&str, &dyn Display)], begun: Instant) {
    let mut line = format!("gate=storm_{name} backend={backend}");
    for (key, value) in figures {
        let _ = write!(line, " {key}={value}");
    }
    println!("{line} seconds={:.1}", begun.elapsed().as_secs_f64());
}

/// Says that a planted defect was found, and fails where it was not.
fn caught(name: &str, defect: &str, found: &Result<(), String>) {
    let caught = if found.is_err() { "yes" } else { "no" };
    println!("gate=storm_{name} planted={defect} caught={caught}");
    assert!(found.is_err(), "{name}: {defect} was not found");
}
