//! Flags, help, completions, and the choice of a backend.

use std::fs::File;

use crate::support::{aiofile, place, run};

#[test]
fn an_unknown_backend_explains_itself() {
    let ran = run(aiofile().env("CAIO_IMPL", "nonsense").args(["cat", "x"]));
    ran.failed(1, &["CAIO_IMPL", "\"nonsense\"", "uring, linux, thread, rust", "auto"]);
    let ran = run(aiofile().args(["--backend", "nonsense", "cat", "x"]));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--backend") && ran.stderr.contains("uring, linux, thread, rust"));
    let ran = run(aiofile().args(["--backend", "auto,rust", "cat", "x"]));
    assert_eq!(ran.code, Some(2));
}

#[test]
fn the_option_beats_the_variable() {
    let ran =
        run(aiofile().env("CAIO_IMPL", "nonsense").args(["cat", "/dev/null", "--backend=rust"]));
    ran.succeeded();
}

#[test]
fn wrong_flags_are_a_usage_error() {
    for flags in [
        &["cp", "a", "b", "--block", "0"][..],
        &["cp", "a", "b", "--block", "many"],
        &["cp", "a", "b", "--block", "2G"],
        &["cp", "a", "b", "--block", "1000", "--direct"],
        &["cp", "a", "b", "--block", "1G", "--jobs", "5"],
        &["cp", "a", "b", "--jobs", "0"],
        &["cp", "a", "b", "--jobs", "5000"],
        &["cp", "a"],
        &["cat"],
        &["du"],
        &["tail", "-n", "-1", "a"],
        &["watch", "a", "-d", "soon"],
        &["dance"],
        &["cp", "a", "b", "--reflink", "perhaps"],
        &["completions", "cmd.exe"],
        &[],
    ] {
        let ran = run(aiofile().args(flags));
        assert_eq!(ran.code, Some(2), "{flags:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty(), "{flags:?}");
    }
}

#[test]
fn every_command_has_help_with_examples() {
    for command in [
        &[][..],
        &["cat"],
        &["cp"],
        &["hash"],
        &["split"],
        &["merge"],
        &["sync"],
        &["du"],
        &["tail"],
        &["watch"],
        &["doctor"],
        &["completions"],
    ] {
        let text = run(aiofile().args(command).arg("--help")).succeeded().text();
        assert!(text.contains("Examples:") && text.contains("--backend"), "{text}");
    }
    let text = run(aiofile().args(["cp", "--help"])).succeeded().text();
    for option in ["--jobs", "--block", "--direct", "--verify", "--sync", "--reflink", "default"] {
        assert!(text.contains(option), "{option}");
    }
    let version = run(aiofile().arg("--version")).succeeded().text();
    assert_eq!(version, format!("aiofile {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(aiofile().args(["completions", shell])).succeeded().text();
        assert!(script.contains("doctor") && script.contains("reflink"), "{shell}: {script}");
    }
    let full = File::create("/dev/full").unwrap();
    let ran = run(aiofile().args(["completions", "bash"]).stdout(full));
    ran.failed(1, &["standard output", "No space left on device"]);
}

#[test]
fn a_copy_from_an_unknown_backend_leaves_nothing() {
    let place = place();
    let target = place.path().join("target");
    let ran = run(aiofile().env("CAIO_IMPL", "aio").args(["cp", "/proc/cpuinfo"]).arg(&target));
    ran.failed(1, &["\"aio\""]);
    assert!(!target.exists());
}
