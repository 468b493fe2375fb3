//! A copy that a signal ends leaves nothing behind.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::support::{
    BACKENDS, HANGS, Ran, aiofile, file, heard, names, noise, place, shell, works,
};

/// Waits until something other than `known` is there and has contents.
fn wait_for_scratch(directory: &Path, known: &[&str]) {
    let deadline = Instant::now() + HANGS;
    loop {
        let found = names(directory).into_iter().find(|name| !known.contains(&name.as_str()));
        let length = |name| std::fs::metadata(directory.join(name)).map_or(0, |found| found.len());
        if found.is_some_and(|name| length(name) > 0) {
            return;
        }
        assert!(Instant::now() < deadline, "no copy began in {}", directory.display());
        thread::sleep(Duration::from_millis(2));
    }
}

fn end(child: Child, signal: Signal) -> Ran {
    let id = Pid::from_raw(child.id().try_into().unwrap());
    kill(id, signal).unwrap();
    let ended = Instant::now();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(ended.elapsed() < HANGS, "it took its time to end");
    ran
}

#[test]
fn a_copy_under_nohup_survives_the_end_of_its_terminal() {
    let place = place();
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let target = place.path().join("target");
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_aiofile")).arg("cp").args([&fifo, &target]);
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut writer = OpenOptions::new().write(true).open(&fifo).unwrap();
    writer.write_all(b"before ").unwrap();
    wait_for_scratch(place.path(), &["fifo"]);
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    thread::sleep(Duration::from_millis(200));
    writer.write_all(b"and after").unwrap();
    drop(writer);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(std::fs::read(&target).unwrap(), b"before and after");
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let place = place();
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let target = place.path().join("target");
    for (name, signal) in [("INT", Signal::SIGINT), ("TERM", Signal::SIGTERM)] {
        let script = format!("trap '' {name}; exec \"$0\" cp -q \"$1\" \"$2\"");
        let child = shell(place.path(), &script, &[&fifo, &target]).spawn().unwrap();
        let mut writer = OpenOptions::new().write(true).open(&fifo).unwrap();
        writer.write_all(b"before ").unwrap();
        wait_for_scratch(place.path(), &["fifo", "target"]);
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        writer.write_all(b"and after").unwrap();
        drop(writer);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(std::fs::read(&target).unwrap(), b"before and after");
    }
}

#[test]
fn an_interrupted_parallel_copy_leaves_no_file() {
    let place = place();
    let source = file(place.path(), "source", &noise(64 << 20, 1));
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGHUP].map(heard);
    for (backend, signal) in BACKENDS.into_iter().zip(signals) {
        if !works(backend) {
            continue;
        }
        let target = place.path().join("target");
        let interrupted = || {
            // Small blocks and a sync make it last.
            let child = aiofile()
                .args(["--backend", backend, "cp", "--block", "512", "--jobs", "4", "--sync"])
                .args([&source, &target])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            wait_for_scratch(place.path(), &["source"]);
            end(child, signal)
        };
        let mut ran = interrupted();
        for _ in 0..50 {
            if ran.code != Some(0) {
                break;
            }
            // This process had no turn until the copy was complete.
            std::fs::remove_file(&target).unwrap();
            ran = interrupted();
        }
        assert_eq!(ran.signal, Some(signal as i32), "{backend}: {ran:?}");
        assert_eq!((ran.text().as_str(), ran.stderr.as_str()), ("", ""), "{backend}");
        assert_eq!(names(place.path()), ["source"], "{backend}");
    }
}

#[test]
fn an_interrupted_copy_from_a_pipe_that_stays_silent_leaves_no_file() {
    let place = place();
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let old = file(place.path(), "target", b"old");
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let child = aiofile()
            .args(["--backend", backend, "cp"])
            .args([&fifo, &old])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut writer = OpenOptions::new().write(true).open(&fifo).unwrap();
        writer.write_all(b"something").unwrap();
        wait_for_scratch(place.path(), &["fifo", "target"]);
        let signal = heard(Signal::SIGINT);
        let ran = end(child, signal);
        assert_eq!(ran.signal, Some(signal as i32), "{backend}: {ran:?}");
        assert_eq!(names(place.path()), ["fifo", "target"], "{backend}");
        assert_eq!(std::fs::read(&old).unwrap(), b"old");
    }
}

#[test]
fn a_copy_that_waits_for_a_pipe_to_be_opened_can_be_interrupted() {
    let place = place();
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let mut child =
        aiofile().arg("cp").arg(&fifo).arg(place.path().join("target")).spawn().unwrap();
    thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none());
    let signal = heard(Signal::SIGINT);
    assert_eq!(end(child, signal).signal, Some(signal as i32));
    assert_eq!(names(place.path()), ["fifo"]);
}
