//! Standard streams that are closed or full.

use std::path::Path;

use crate::support::{file, names, place, run, shell};

#[test]
fn what_a_closed_stream_takes_or_gives_is_an_error() {
    let place = place();
    file(place.path(), "file", b"contents");
    for command in ["cat file", "doctor --json", "completions bash", "--help", "cp --help"] {
        let ran = run(&mut shell(place.path(), &format!("exec \"$0\" {command} >&-"), &[]));
        ran.failed(1, &["standard output", "Bad file descriptor"]);
    }
    let ran = run(&mut shell(place.path(), "exec \"$0\" cat - <&-", &[]));
    ran.failed(1, &["standard input", "Bad file descriptor"]);
    for path in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
        let script = "exec \"$0\" cp -q \"$1\" copy <&-";
        let ran = run(&mut shell(place.path(), script, &[Path::new(path)]));
        ran.failed(1, &[path, "Bad file descriptor"]);
    }
    assert_eq!(names(place.path()), ["file"]);
    // What needs none of them works.
    let script = "exec \"$0\" cp -q file copy <&- >&- 2>&-";
    run(&mut shell(place.path(), script, &[])).succeeded();
    assert_eq!(std::fs::read(place.path().join("copy")).unwrap(), b"contents");
}

#[test]
fn help_that_nobody_got_is_an_error() {
    let place = place();
    for option in ["--help", "--version", "cp --help"] {
        let script = format!("exec \"$0\" {option} > /dev/full");
        let ran = run(&mut shell(place.path(), &script, &[]));
        ran.failed(1, &["standard output", "No space left on device"]);
    }
}
