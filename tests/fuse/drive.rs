//! What all gates need: a mount or the reason why there is none, how much is to be
//! done.

use std::io::Write as _;
use std::time::Duration;

use caio::Context;
use tokio::runtime::{Builder, Runtime};

use crate::mounted::Mounted;

/// Longer than this nothing takes but what hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Mounts the file system, whose names and attributes the kernel does not remember. `None`, with a
/// line that says so, where it cannot be mounted here.
pub(crate) fn mounted() -> Option<Mounted> {
    mounted_with(Duration::ZERO, 2 * PATIENCE)
}

/// The same for a kernel that remembers them for so long, and a server that holds nothing for
/// longer than `patience`.
pub(crate) fn mounted_with(remembered: Duration, patience: Duration) -> Option<Mounted> {
    // The first runtime opens what the process keeps.
    drop(runtime());
    match Mounted::mount(remembered, patience) {
        Ok(mounted) => Some(mounted),
        Err(reason) => {
            skipped(&reason);
            None
        }
    }
}

/// Says that something cannot be tested here, and fails where it has to.
pub(crate) fn skipped(reason: &str) {
    let required = std::env::var_os("CAIO_REQUIRE_FUSE").is_some();
    assert!(!required, "FUSE is required, and was skipped: {reason}");
    // Written directly, since the harness hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED: faults made by FUSE: {reason}");
}

/// How much the variable asks for.
pub(crate) fn number(variable: &str, default: u64) -> u64 {
    let number = std::env::var(variable).ok();
    number.map_or(default, |number| number.parse().expect("a number of faults or the like"))
}

/// Where random choices begin.
pub(crate) fn seed() -> u64 {
    number("CAIO_FUSE_SEED", 1)
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs it to its end, unless that takes too long.
pub(crate) fn run<T>(
    runtime: &Runtime,
    context: &Context,
    patience: Duration,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let done = runtime.block_on(async { tokio::time::timeout(patience, work).await });
    done.map_err(|_| format!("it hangs, with {:?} in flight", context.in_flight()))?
}
