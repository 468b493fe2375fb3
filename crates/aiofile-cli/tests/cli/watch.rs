//! `aiofile watch`: what changes, and the command that runs then.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{BACKENDS, aiofile, file, heard, place, run, works};

/// A watch that has begun.
struct Watching {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    errors: Lines<BufReader<ChildStderr>>,
}

impl Watching {
    fn begin(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        assert_eq!(errors.next().unwrap().unwrap(), "watching");
        Self { child, out, errors }
    }

    fn line(&mut self) -> String {
        self.out.next().unwrap().unwrap()
    }

    fn end(mut self, signal: Signal) {
        let signal = heard(signal);
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(signal as i32));
    }
}

#[test]
fn changes_are_told_on_every_backend() {
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let place = place();
        let inner = place.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let mut command = aiofile();
        command.args(["--backend", backend, "watch"]).arg(place.path());
        let mut watching = Watching::begin(&mut command);
        let path = file(&inner, "file", b"");
        assert_eq!(watching.line(), format!("created    {}", path.display()), "{backend}");
        let other = place.path().join("other");
        fs::rename(&path, &other).unwrap();
        let expected = format!("renamed    {} -> {}", path.display(), other.display());
        assert_eq!(watching.line(), expected, "{backend}");
        watching.end(Signal::SIGINT);
    }
}

#[test]
fn what_the_system_does_not_tell_is_looked_for() {
    let place = place();
    let mut command = aiofile();
    command.args(["watch", "--poll", "--poll-interval", "5"]).arg(place.path());
    let mut watching = Watching::begin(&mut command);
    let path = file(place.path(), "file", b"");
    assert_eq!(watching.line(), format!("created    {}", path.display()));
    fs::remove_file(&path).unwrap();
    assert_eq!(watching.line(), format!("removed    {}", path.display()));
    watching.end(Signal::SIGINT);
}

#[test]
fn machines_get_an_object_a_change() {
    let place = place();
    let path = file(place.path(), "file", b"old");
    let mut watching =
        Watching::begin(aiofile().args(["watch", "--json", "--not-recursive"]).arg(&path));
    fs::remove_file(&path).unwrap();
    let change: serde_json::Value = serde_json::from_str(&watching.line()).unwrap();
    assert_eq!(change, serde_json::json!({ "path": path, "change": "removed" }));
    watching.end(Signal::SIGTERM);
}

#[test]
fn the_command_runs_after_changes_and_its_failure_is_told() {
    let place = place();
    let mut command = aiofile();
    command.args(["watch", "-d", "0"]).arg(place.path()).args(["--", "sh", "-c"]);
    let mut watching = Watching::begin(command.args(["echo ran; exit 3"]));
    let path = file(place.path(), "file", b"");
    assert_eq!(watching.line(), format!("created    {}", path.display()));
    assert_eq!(watching.line(), "ran");
    assert_eq!(watching.errors.next().unwrap().unwrap(), "aiofile: sh: exit status: 3");
    fs::remove_file(&path).unwrap();
    assert_eq!(watching.line(), format!("removed    {}", path.display()));
    assert_eq!(watching.line(), "ran");
    watching.end(Signal::SIGINT);
}

#[test]
fn it_ends_with_what_it_watches_or_with_its_reader() {
    let place = place();
    let gone = place.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let mut watching = Watching::begin(aiofile().arg("watch").arg(&gone));
    fs::remove_dir(&gone).unwrap();
    assert_eq!(watching.line(), format!("removed    {}", gone.display()));
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));

    let mut watching = Watching::begin(aiofile().arg("watch").arg(place.path()));
    drop(watching.out);
    assert_eq!(watching.child.wait().unwrap().code(), Some(0));
    assert!(watching.errors.next().is_none());
}

#[test]
fn what_cannot_be_watched_or_run_is_an_error() {
    let ran = run(aiofile().args(["watch", "/missing"]));
    ran.failed(1, &["/missing", "No such file"]);
    let place = place();
    let mut command = aiofile();
    command.arg("watch").arg(place.path()).args(["--", "/missing/program"]);
    let mut watching = Watching::begin(&mut command);
    file(place.path(), "file", b"");
    let said = watching.errors.next().unwrap().unwrap();
    assert!(said.contains("run /missing/program: No such file"), "{said}");
    assert_eq!(watching.child.wait().unwrap().code(), Some(1));
}
