//! Programs whose reader has gone.

use std::process::Stdio;

use crate::support::{place, program, stdout};

#[test]
fn errors_that_nobody_reads_are_no_panic() {
    let place = place();
    let missing = place.path().join("missing");
    for (name, before) in [
        ("batched_events", &[][..]),
        ("csv_dictionary", &[]),
        ("duplicates", &[]),
        ("file_server", &[]),
        ("gzip_files", &[]),
        ("images", &["identify"]),
        ("log_processor", &["summary"]),
        ("mirror", &["/proc/none"]),
        ("read_files", &[]),
        ("ticks", &["ingest", "/proc/none"]),
        ("transfer", &["download", "http://127.0.0.1:1/file"]),
    ] {
        let (reader, stderr) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program(name);
        command.args(before).arg(&missing).stdout(Stdio::null()).stderr(stderr);
        assert_eq!(command.status().unwrap().code(), Some(1), "{name}");
    }
}

#[test]
fn a_log_of_batched_events_is_rotated_and_told_of() {
    let place = place();
    let told = stdout(program("batched_events").arg(place.path()));
    assert!(told.contains("records: 80004"), "{told}");
    assert!(place.path().join("events.log.000001.gz").exists());
    let (reader, output) = std::io::pipe().unwrap();
    drop(reader);
    let output = program("batched_events").arg(place.path()).stdout(output).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("batched_events: "), "{output:?}");
}
