//! `aiofile split` and `aiofile merge`.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::support::{
    BACKENDS, Ran, aiofile, assert_same, file, heard, names, noise, place, run, works,
};

#[test]
fn what_was_split_is_merged_again_on_every_backend() {
    let place = place();
    let source = file(place.path(), "source", &noise((10 << 20) + 17, 1));
    let (prefix, whole) = (place.path().join("part."), place.path().join("whole"));
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let command = |name: &str| {
            let mut command = aiofile();
            command.args(["--backend", backend, name]);
            command
        };
        let said = run(command("split").args(["-b", "3M", "-d"]).args([&source, &prefix]));
        assert!(said.succeeded().text().contains("into 4 files"));
        let parts = ["part.00", "part.01", "part.02", "part.03"].map(|p| place.path().join(p));
        let said = run(command("merge").args(&parts).arg("-o").arg(&whole)).succeeded().text();
        assert!(said.starts_with("merged 4 files, 10.00 MiB, into "), "{said}");
        assert_same(&source, &whole);
        parts.iter().for_each(|part| fs::remove_file(part).unwrap());
    }
    assert_eq!(names(place.path()), ["source", "whole"]);
}

#[test]
fn lines_from_a_pipe_and_objects_for_machines() {
    let place = place();
    let mut command = aiofile();
    command.current_dir(place.path()).args(["split", "-l", "2", "--json", "-", "l"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"1\n2\n3\n4\n5").unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).succeeded();
    let expected = "{\"bytes\":4,\"path\":\"laa\"}\n{\"bytes\":4,\"path\":\"lab\"}\n\
                    {\"bytes\":1,\"path\":\"lac\"}\n";
    assert_eq!(ran.text(), expected);
    let mut command = aiofile();
    command.current_dir(place.path()).args(["merge", "laa", "lac", "-o", "lab", "--append"]);
    assert_eq!(run(command.arg("-q")).succeeded().text(), "");
    assert_eq!(fs::read(place.path().join("lab")).unwrap(), b"3\n4\n1\n2\n5");
    let mut command = aiofile();
    command
        .current_dir(place.path())
        .args(["merge", "--sorted", "laa", "lac", "-o", "s", "--json"]);
    assert_eq!(run(&mut command).succeeded().text(), "{\"bytes\":6,\"files\":2,\"path\":\"s\"}\n");
}

#[test]
fn a_number_of_pieces_and_one_of_whole_lines() {
    let place = place();
    file(place.path(), "source", b"one\ntwo\nthree\n");
    let split = |number: &str| {
        let mut command = aiofile();
        run(command.current_dir(place.path()).args(["split", "-q", "-f", "-n", number, "source"]))
    };
    let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
    split("2").succeeded();
    assert_eq!([read("xaa"), read("xab")], ["one\ntwo", "\nthree\n"]);
    split("l/2").succeeded();
    assert_eq!([read("xaa"), read("xab")], ["one\ntwo\n", "three\n"]);
    for refused in ["0", "l/", "r/2", "2/3"] {
        assert_eq!(split(refused).code, Some(2), "{refused}");
    }
}

#[test]
fn refusals_change_nothing() {
    let place = place();
    let source = file(place.path(), "source", b"2\n1\n");
    file(place.path(), "xaa", b"old");
    let aiofile = |arguments: &[&str]| {
        let mut command = aiofile();
        run(command.current_dir(place.path()).args(arguments))
    };
    aiofile(&["split", "source"]).failed(1, &["xaa", "exists"]);
    aiofile(&["split", "source", "y", "-b", "1", "-da", "1", "-q"]).succeeded();
    (0..4).for_each(|i| fs::remove_file(place.path().join(format!("y{i}"))).unwrap());
    aiofile(&["merge", "--sorted", "source", "-o", "new"]).failed(1, &["source", "line 2"]);
    aiofile(&["merge", "source", "missing", "-o", "new"]).failed(1, &["missing"]);
    assert_eq!(aiofile(&["merge", "source"]).code, Some(2));
    assert_eq!(aiofile(&["split", "source", "-b", "1", "-l", "1"]).code, Some(2));
    assert_eq!(aiofile(&["split", "source", "-b", "0"]).code, Some(2));
    assert_eq!(names(place.path()), ["source", "xaa"]);
    assert_eq!(fs::read(&source).unwrap(), b"2\n1\n");
}

#[test]
fn an_interrupted_merge_from_a_pipe_that_stays_silent_leaves_nothing() {
    let place = place();
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let source = file(place.path(), "source", b"something");
    let mut command = aiofile();
    command.arg("merge").args([&source, &fifo]).arg("-o").arg(place.path().join("target"));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // As long as nobody writes, it cannot end before the signal.
    while names(place.path()).len() < 3 {
        thread::sleep(Duration::from_millis(2));
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), heard(Signal::SIGINT)).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(!ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    assert_eq!(names(place.path()), ["fifo", "source"]);
}
