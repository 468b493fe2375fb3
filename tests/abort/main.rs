//! Under `panic = "abort"` a panic ends the process, also one that is to be caught: the
//! engine provokes none.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

use std::path::Path;
use std::process::Command;

/// Builds the program beside this test, with all its libraries, so that a panic aborts it.
fn build(target: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "abort", "--offline", "--quiet"]);
    cargo.args(["--config", "profile.dev.panic=\"abort\"", "--config", "profile.dev.debug=0"]);
    cargo.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target);
    cargo
}

#[test]
fn a_program_that_aborts_in_a_panic_does_not_abort() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abort");
    let place = match tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) {
        Ok(place) => place,
        Err(error) => {
            println!("skipped: the build directory cannot be written to: {error}");
            return;
        }
    };
    let built = build(&target).status().unwrap();
    assert!(built.success(), "{built}");
    // The place of the program is another test's as soon as that builds it: it is run from a copy.
    let program = place.path().join("program");
    std::fs::copy(target.join("debug/abort"), &program).unwrap();
    let output = Command::new(&program).arg(place.path().join("data")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", output.status);
    assert!(!said.contains("panicked"), "{said}");
}
