//! A test in a process of its own, so that what it mounts goes with it.

use std::env;
use std::process::Command;

use crate::device::{Device, mount_apart};

/// Set for the process: the test's name.
const MARK: &str = "CAIO_TEST_ALONE";

/// Runs the test of this name in a process of its own, whose output is not hidden.
pub(crate) fn run(name: &str, test: impl FnOnce()) {
    if env::var(MARK).is_ok_and(|alone| alone == name) {
        // Before there is any other thread.
        return match mount_apart() {
            Ok(()) => test(),
            Err(reason) => skip("every file system", &reason),
        };
    }
    let mut process = Command::new(env::current_exe().unwrap());
    let process = process.args([name, "--exact", "--nocapture", "--quiet"]).env(MARK, name);
    let status = process.status().unwrap();
    assert!(status.success(), "{name}: {status}");
}

/// A disk with this file system, unless something is missing for that.
pub(crate) fn device(file_system: &'static str) -> Option<Device> {
    Device::new(file_system).map_err(|reason| skip(file_system, &reason)).ok()
}

fn skip(file_system: &str, reason: &str) {
    println!("SKIPPED: crash states on {file_system}: {reason}");
    let required = env::var_os("CAIO_REQUIRE_FILESYSTEMS").is_some();
    assert!(!required, "{file_system} is required, and was skipped: {reason}");
}
