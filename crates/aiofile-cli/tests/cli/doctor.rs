//! `aiofile doctor`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{BACKENDS, aiofile, file, place, run, works};

fn json(command: &mut Command) -> (Option<i32>, Value) {
    let ran = run(command.args(["doctor", "--json"]));
    (ran.code, serde_json::from_slice(&ran.stdout).unwrap())
}

#[test]
fn the_text_names_the_backend_and_who_asked_for_it() {
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let text = run(aiofile().env("CAIO_IMPL", backend).arg("doctor")).succeeded().text();
        let row = |name: &str, value: &str| {
            text.lines().any(|line| line.starts_with(name) && line.contains(value))
        };
        assert!(row("backend", backend), "{text}");
        assert!(row("asked for", &format!("{backend} by CAIO_IMPL")), "{text}");
        assert!(row("available", backend), "{text}");
        for name in ["kernel", "operations", "file classes", "routed", "requests", "looked for"] {
            assert!(row(name, ""), "{name} is not in {text}");
        }
        assert_eq!(text.matches("test passed").count(), 3, "{text}");
    }
}

#[test]
fn the_json_has_its_keys_and_says_who_decided() {
    let (code, auto) = json(&mut aiofile());
    assert_eq!(code, Some(0));
    assert_eq!(auto["requested_by"]["source"], "auto");
    assert_eq!((&auto["requested"], &auto["is_as_requested"]), (&"auto".into(), &true.into()));
    assert_eq!(auto["version"], env!("CARGO_PKG_VERSION"));
    for key in ["refused", "operations", "classes", "features", "files", "backends", "self_test"] {
        assert!(auto[key].is_array(), "{key} in {auto}");
    }
    assert!(auto["limits"]["max_requests"].is_u64(), "{auto}");
    assert!(auto["routed"]["classes"].is_array(), "{auto}");
    let tests = auto["self_test"].as_array().unwrap();
    assert!(tests.len() == 3 && tests.iter().all(|test| test["passed"] == true), "{auto}");
    assert_eq!(auto["backends"].as_array().unwrap().len(), BACKENDS.len());

    let (_, variable) = json(aiofile().env("CAIO_IMPL", "rust"));
    assert_eq!(variable["requested_by"]["source"], "environment");
    let (_, option) = json(aiofile().env("CAIO_IMPL", "rust").args(["--backend", "thread"]));
    assert_eq!(option["requested_by"]["source"], "option");
    assert_eq!(option["backend"], "thread");
}

/// A file of settings that nobody else may write to, nor to its directory, whatever the umask is.
fn settings(directory: &Path, name: &str, text: &[u8]) -> PathBuf {
    let path = file(directory, name, text);
    for path in [directory, &path] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
    }
    path
}

#[test]
fn the_configuration_file_is_obeyed_and_named() {
    let place = place();
    let path = settings(place.path(), "default_implementation", b"# of this test\nthread\n");
    let (code, report) = json(aiofile().env("CAIO_CONFIG", &path));
    assert_eq!((code, &report["backend"]), (Some(0), &"thread".into()));
    assert_eq!(report["requested_by"]["source"], "file");
    assert_eq!(report["requested_by"]["path"], path.to_str().unwrap());
    assert_eq!(report["requested_by"]["line"], 2);

    let text = b"max_requests = 16\nmax_bytes_in_flight = 0\n";
    let path = settings(place.path(), "caio.toml", text);
    let ran = run(aiofile().env("CAIO_CONFIG", &path).args(["cat", "/dev/null"]));
    ran.failed(1, &[path.to_str().unwrap(), "line 2", "max_bytes_in_flight is 0"]);
}

#[test]
fn a_backend_that_cannot_be_had_gives_a_report_and_a_failure() {
    let (code, report) = json(aiofile().env("CAIO_IMPL", "nonsense"));
    assert_eq!((code, &report["backend"]), (Some(1), &Value::Null));
    assert_eq!(report["is_as_requested"], false);
    assert!(report["error"]["message"].as_str().unwrap().contains("nonsense"), "{report}");
    assert!(report["error"]["cure"].as_str().unwrap().contains("uring"), "{report}");
    assert!(report["self_test"].as_array().unwrap().is_empty());
    let ran = run(aiofile().env("CAIO_IMPL", "nonsense").arg("doctor"));
    assert!(ran.text().contains("backend       none"), "{}", ran.text());
    ran.failed(1, &["nonsense", "uring, linux, thread, rust"]);
}

#[test]
fn a_list_that_had_to_be_followed_is_a_failure() {
    // So few descriptors that no ring can be set up.
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 10; exec \"$0\" doctor --json", env!("CARGO_BIN_EXE_aiofile")]);
    shell.env("CAIO_IMPL", "uring,rust").env("CAIO_CONFIG", "/dev/null");
    let ran = run(&mut shell);
    let Ok(report) = serde_json::from_slice::<Value>(&ran.stdout) else {
        panic!("{ran:?}");
    };
    if report["backend"] != "rust" {
        println!("skipped: a limit of 10 descriptors refuses something else: {report}");
        return;
    }
    assert_eq!(report["is_as_requested"], false);
    assert_eq!(report["refused"][0]["backend"], "uring");
    ran.failed(1, &["rust is in use", "uring,rust"]);
}

#[test]
fn with_hardly_any_descriptors_it_answers_all_the_same() {
    for descriptors in 9..=18 {
        let limited = format!("ulimit -n {descriptors}; exec timeout 120 \"$0\" doctor");
        let mut shell = Command::new("sh");
        shell.args(["-c", &limited, env!("CARGO_BIN_EXE_aiofile")]);
        shell.env("CAIO_IMPL", "uring,rust").env("CAIO_CONFIG", "/dev/null");
        let ran = run(&mut shell);
        // 124 is how timeout(1) reports that it had to end the program.
        assert_ne!(ran.code, Some(124), "with {descriptors} descriptors: {ran:?}");
    }
}
