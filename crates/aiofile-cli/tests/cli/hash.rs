//! `aiofile hash`, against the programs whose lists it writes and reads.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{BACKENDS, aiofile, file, noise, place, run, works};

/// What a program of coreutils prints in this directory; `None` where it is not installed.
fn output(directory: &Path, program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    match Command::new(program).current_dir(directory).args(arguments).output() {
        Ok(output) => Some(output.stdout),
        Err(error) => {
            println!("skipped: the comparison with {program}: {error}");
            None
        }
    }
}

#[test]
fn the_lines_are_those_of_coreutils_on_every_backend() {
    let place = place();
    let names = ["plain", "back\\slash", "two\nlines", "large"];
    for name in names {
        file(place.path(), name, &noise(name.len() * 1000, 1));
    }
    file(place.path(), "large", &noise((9 << 20) + 1, 2));
    for (kind, program) in [("sha256", "sha256sum"), ("md5", "md5sum")] {
        let Some(theirs) = output(place.path(), program, &names) else { continue };
        for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
            let mut command = aiofile();
            command.current_dir(place.path()).args(["--backend", backend, "hash", "-a", kind]);
            let ran = run(command.args(names)).succeeded();
            assert_eq!(ran.text(), String::from_utf8_lossy(&theirs), "{backend}");
        }
    }
}

#[test]
fn blake3_is_the_usual_one_and_standard_input_is_a_file() {
    let known = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    let ran = run(aiofile().args(["hash", "/dev/null", "-"])).succeeded();
    assert_eq!(ran.text(), format!("{known}  /dev/null\n{known}  -\n"));
}

#[test]
fn a_list_is_checked_and_counted() {
    let place = place();
    for name in ["same", "other", "gone"] {
        file(place.path(), name, name.as_bytes());
    }
    let hash = |flags: &[&str]| {
        let mut command = aiofile();
        run(command.current_dir(place.path()).args(["hash", "-a", "sha256"]).args(flags))
    };
    let list = hash(&["same", "other", "gone"]).succeeded().text();
    file(place.path(), "LIST", list.as_bytes());
    let ran = hash(&["--check", "LIST"]).succeeded();
    assert_eq!(ran.text(), "same: OK\nother: OK\ngone: OK\n");
    assert_eq!(hash(&["--check", "LIST", "-q"]).succeeded().text(), "");
    if let Some(theirs) = output(place.path(), "sha256sum", &["--check", "LIST"]) {
        assert_eq!(String::from_utf8_lossy(&theirs), ran.text());
    }

    file(place.path(), "other", b"changed");
    fs::remove_file(place.path().join("gone")).unwrap();
    file(place.path(), "LIST", (list + "nonsense\n").as_bytes());
    let ran = hash(&["--check", "LIST"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.text(), "same: OK\nother: FAILED\ngone: FAILED open or read\n");
    for words in ["gone: No such file", "1 line is malformed", "1 file could", "1 file has"] {
        assert!(ran.stderr.contains(words), "{words:?} is not in {}", ran.stderr);
    }
    hash(&["--check", "other"]).failed(1, &["other", "no line of it is one of a sha256 list"]);
    hash(&["--check", "missing"]).failed(1, &["missing", "No such file"]);
}

#[test]
fn what_cannot_be_read_does_not_stop_the_others() {
    let place = place();
    let there = file(place.path(), "there", b"x");
    let missing = place.path().join("missing");
    let ran = run(aiofile().args(["hash", "-a", "md5"]).args([&missing, &there, &missing]));
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.text(), format!("9dd4e461268c8034f5c8564e155c67a6  {}\n", there.display()));
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
}

#[test]
fn machines_get_an_object_a_line() {
    let place = place();
    let there = file(place.path(), "there", b"x");
    let ran = run(aiofile().args(["hash", "--json", "-a", "md5"]).args([&there]).arg("/missing"));
    assert_eq!(ran.code, Some(1));
    let lines: Vec<serde_json::Value> =
        ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["hash"], "9dd4e461268c8034f5c8564e155c67a6");
    assert_eq!(lines[0]["path"], there.to_str().unwrap());
    assert!(lines[1]["error"].as_str().unwrap().contains("No such file"));
}

#[test]
fn a_reader_who_goes_is_no_error_and_a_full_device_is_one() {
    let place = place();
    let paths: Vec<_> = (0..3000).map(|i| file(place.path(), &i.to_string(), b"x")).collect();
    let mut command = aiofile();
    command.arg("hash").args(&paths).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0));
    let full = fs::File::create("/dev/full").unwrap();
    let ran = run(aiofile().args(["hash", "/dev/null"]).stdout(full));
    ran.failed(1, &["standard output", "No space left on device"]);
}
