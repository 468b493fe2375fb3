//! `aiofile tail`, against tail(1), and what is followed.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{BACKENDS, aiofile, file, heard, noise, place, run, works};

#[test]
fn the_last_lines_are_those_of_coreutils_on_every_backend() {
    let place = place();
    file(place.path(), "empty", b"");
    file(place.path(), "short", b"one\ntwo\nthree");
    file(place.path(), "ends", b"\none\n\n");
    file(place.path(), "bytes", &noise(300_000, 1));
    let names = ["empty", "short", "ends", "bytes"];
    for flags in [&["-n", "0", "-q"][..], &["-n", "1"], &["-n", "2", "-q"], &["-n", "700"], &[]] {
        let mut tail = Command::new("tail");
        let theirs = match tail.current_dir(place.path()).args(flags).args(names).output() {
            Ok(output) => output.stdout,
            Err(error) => return println!("skipped: the comparison with tail: {error}"),
        };
        for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
            let mut command = aiofile();
            command.current_dir(place.path()).args(["--backend", backend, "tail"]);
            let ours = run(command.args(flags).args(names)).succeeded();
            assert!(ours.stdout == theirs, "{backend} {flags:?}: {}", ours.text());
        }
    }
}

#[test]
fn pipes_and_files_without_a_length_are_read_to_their_end() {
    let place = place();
    let mut command = aiofile();
    command.args(["tail", "-n", "2", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"one\ntwo\nthree\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"two\nthree\n");
    let ran = run(aiofile().args(["tail", "-n", "1", "/proc/self/status"])).succeeded();
    assert!(ran.text().starts_with("nonvoluntary_ctxt_switches"), "{}", ran.text());
    let there = file(place.path(), "there", b"x\n");
    let ran = run(aiofile().args(["tail", "-q", "/missing"]).arg(&there).arg(place.path()));
    assert_eq!((ran.code, ran.text().as_str()), (Some(1), "x\n"));
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
}

#[test]
fn machines_get_an_object_a_line() {
    let place = place();
    let path = file(place.path(), "file", b"one\ntw\xff\nthree");
    let ran = run(aiofile().args(["tail", "--json", "-n", "2"]).arg(&path)).succeeded();
    let lines: Vec<serde_json::Value> =
        ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["line"], "tw\u{fffd}");
    assert_eq!(lines[0]["line_bytes"], serde_json::json!([116, 119, 255]));
    assert_eq!((&lines[1]["line"], &lines[1]["path"]), (&"three".into(), &path.to_str().into()));
}

/// A command that goes on, and what it prints.
struct Going {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Going {
    fn begin(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Ends it by a signal, of which it has to die.
    fn end(self, signal: Signal) {
        let signal = heard(signal);
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let ended = self.child.wait_with_output().unwrap();
        assert_eq!(ended.status.signal(), Some(signal as i32), "{ended:?}");
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_is_written_later_follows_on_every_backend() {
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let place = place();
        let path = file(place.path(), "log", b"zero\none\nhalf");
        let mut command = aiofile();
        command.args(["--backend", backend, "tail", "-n", "2", "-f"]).arg(&path);
        let mut going = Going::begin(&mut command);
        assert_eq!(going.line(), "one\n");
        append(&path, " a line\ntwo\n");
        assert_eq!([going.line(), going.line()], ["half a line\n", "two\n"], "{backend}");
        fs::rename(&path, place.path().join("old")).unwrap();
        file(place.path(), "log", b"three\n");
        assert_eq!(going.line(), "three\n", "{backend}");
        going.end(Signal::SIGINT);
    }
}

#[test]
fn several_files_are_followed_and_told_apart() {
    let place = place();
    let paths = ["a", "b"].map(|name| file(place.path(), name, b"first\n"));
    let mut going = Going::begin(aiofile().args(["tail", "-f", "--json"]).args(&paths));
    let mut told = [going.line(), going.line()];
    told.sort();
    assert!(told[0].contains("/a\"") && told[1].contains("/b\""), "{told:?}");
    append(&paths[1], "second\n");
    let line: serde_json::Value = serde_json::from_str(&going.line()).unwrap();
    assert_eq!(line, serde_json::json!({ "path": paths[1], "line": "second" }));
    OpenOptions::new().write(true).truncate(true).open(&paths[0]).unwrap();
    let event: serde_json::Value = serde_json::from_str(&going.line()).unwrap();
    assert_eq!(event, serde_json::json!({ "path": paths[0], "event": "truncated" }));
    going.end(Signal::SIGTERM);
}

#[test]
fn headings_tell_files_apart_and_come_where_the_file_changes() {
    let place = place();
    let paths = ["a", "b"].map(|name| file(place.path(), name, b"first\n"));
    let mut going = Going::begin(aiofile().args(["tail", "-f"]).args(&paths));
    let heading = |path: &Path| format!("==> {} <==\n", path.display());
    let [a, b] = paths.each_ref().map(|path| heading(path));
    for expected in [&a, "first\n", "\n", &b, "first\n"] {
        assert_eq!(going.line(), expected);
    }
    append(&paths[1], "second\n");
    assert_eq!(going.line(), "second\n");
    append(&paths[0], "third\n");
    assert_eq!([going.line(), going.line(), going.line()], ["\n", &a, "third\n"]);
    going.end(Signal::SIGINT);
}

#[test]
fn several_files_go_on_across_rotation_and_truncation_without_a_lost_line() {
    let place = place();
    let paths = ["a", "b", "c"].map(|name| file(place.path(), name, b""));
    let mut command = aiofile();
    let mut going = Going::begin(command.args(["tail", "-f", "-q"]).args(&paths));
    for path in &paths {
        append(path, "begun\n");
    }
    let mut begun = [going.line(), going.line(), going.line()];
    begun.sort();
    assert_eq!(begun, ["begun\n"; 3]);
    for round in 0..6 {
        let mut expected = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            let mut write = |name: &Path, what: &str| {
                let line = format!("{index} {round} {what}\n");
                append(name, &line);
                expected.push(line);
            };
            write(path, "before");
            match (index + round) % 3 {
                // A new file takes the name, while somebody still writes to the old one.
                0 => {
                    let old = place.path().join(format!("old {index} {round}"));
                    fs::rename(path, &old).unwrap();
                    write(&old, "to the old one");
                    file(place.path(), path.file_name().unwrap().to_str().unwrap(), b"");
                    write(path, "to the new one");
                }
                // It is gone for a while.
                1 => {
                    fs::remove_file(path).unwrap();
                    file(place.path(), path.file_name().unwrap().to_str().unwrap(), b"");
                    write(path, "after it was gone");
                }
                _ => {}
            }
        }
        let mut told: Vec<_> = expected.iter().map(|_| going.line()).collect();
        // Of each file in the order in which it was written.
        told.sort_by_key(|line| line.split(' ').next().map(str::to_owned));
        assert_eq!(told, expected);
        // What was read may go: that is how a log is copied and then cut.
        for path in &paths {
            OpenOptions::new().write(true).truncate(true).open(path).unwrap();
            append(path, "cut\n");
        }
        assert_eq!([going.line(), going.line(), going.line()], ["cut\n"; 3]);
    }
    going.end(Signal::SIGTERM);
}

#[test]
fn it_ends_when_its_reader_goes_though_nothing_is_written() {
    let place = place();
    let path = file(place.path(), "log", b"one\n");
    let mut going = Going::begin(aiofile().args(["tail", "-f"]).arg(&path));
    assert_eq!(going.line(), "one\n");
    drop(going.out);
    let ended = going.child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "{ended:?}");
}

#[test]
fn what_cannot_be_followed_is_said_and_ends_it() {
    let ran = run(aiofile().args(["tail", "-f", "/missing"]));
    ran.failed(1, &["/missing", "No such file"]);
    let full = fs::File::create("/dev/full").unwrap();
    let place = place();
    let path = file(place.path(), "log", b"one\n");
    let ran = run(aiofile().args(["tail", "-f"]).arg(path).stdout(full));
    ran.failed(1, &["standard output", "No space left on device"]);
}
