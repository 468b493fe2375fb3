//! A process that is killed while it appends, rotates and compresses.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::HashSet;
use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stdout};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use aiofile_util::{BatchOptions, BatchWriter};
use caio_testkit::Random;
use common::{block_on, names, place};

/// Set for the process that is killed: which one it is, and where it writes.
const MARK: &str = "CAIO_TEST_ALONE";

/// How often it is killed.
const KILLS: u64 = 30;

#[test]
fn what_was_acknowledged_is_there_once_and_no_file_is_half() {
    if let Ok(alone) = env::var(MARK) {
        let (run, path) = alone.split_once(':').unwrap();
        return append_for_ever(run, Path::new(path));
    }
    let place = place();
    let path = place.path().join("log");
    let (mut acknowledged, mut random) = (HashSet::new(), Random::new(1));
    for kill in 0..KILLS {
        let name = "what_was_acknowledged_is_there_once_and_no_file_is_half";
        let mut child = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(MARK, format!("{kill}:{}", path.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let many = 1 + random.below(400);
        let of_child = |line: &String| line.starts_with("ack ");
        acknowledged.extend(told.by_ref().map(Result::unwrap).filter(of_child).take(many));
        child.kill().unwrap();
        // What it had told before it was killed counts, too; its last line may be cut off.
        let rest: Vec<_> = told.map_while(Result::ok).filter(of_child).collect();
        acknowledged.extend(rest.into_iter().filter(|line| line.ends_with('.')));
        child.wait().unwrap();
        check(&path, &acknowledged, true);
    }
    // Opening it does what the killed ones have left.
    let report = block_on(block_on(options().open(&path)).unwrap().close()).unwrap();
    assert!(report.compressed < 10, "{report:?}");
    check(&path, &acknowledged, false);
    assert!(!names(place.path()).iter().any(|name| name.to_str().unwrap().ends_with(".part")));
    assert!(names(place.path()).len() > 10, "it has rotated");
}

fn options() -> BatchOptions {
    BatchOptions::new().record_end(b'\n').rotate_bytes(100_000).gzip(9)
}

/// Four producers, which tell what is durable.
fn append_for_ever(run: &str, path: &Path) {
    let log = block_on(options().open(path)).unwrap();
    let produce = |producer: usize, log: BatchWriter| {
        for number in 0.. {
            let record = format!("ack {run} {producer} {number} {}.", noise(number));
            block_on(log.append_durable(format!("{record}\n"))).unwrap();
            let mut out = stdout().lock();
            writeln!(out, "{record}").and_then(|()| out.flush()).unwrap();
        }
    };
    thread::scope(|scope| {
        for producer in 0..4 {
            let log = log.clone();
            scope.spawn(move || produce(producer, log));
        }
    });
}

/// What compresses badly, so that it takes a while.
fn noise(number: u64) -> String {
    common::noise(400, number).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All records are whole but for the last one before each kill, and those are lines of their own. A
/// file that was just compressed may be there twice after a kill.
fn check(path: &Path, acknowledged: &HashSet<String>, after_kill: bool) {
    let (mut seen, mut parts) = (HashSet::new(), 0);
    let directory = path.parent().unwrap();
    for name in names(directory) {
        let name = name.to_str().unwrap();
        let is_twice = directory.join(format!("{name}.gz")).exists();
        assert!(after_kill || !is_twice, "{name}");
        if name.ends_with(".part") || is_twice {
            continue;
        }
        let text = contents(&directory.join(name));
        let mut lines: Vec<_> = text.split('\n').collect();
        let end = lines.pop().unwrap();
        assert!(end.is_empty() || name == "log", "{name} ends with a part of a record: {end}");
        for line in lines {
            assert_eq!(line.rfind("ack "), line.find("ack "), "{name}: {line}");
            match line.ends_with('.') {
                true => assert!(seen.insert(line.to_owned()), "{line} is there twice"),
                false => parts += 1,
            }
        }
    }
    let lost: Vec<_> = acknowledged.difference(&seen).collect();
    assert!(parts <= KILLS, "{parts} parts of records");
    assert!(lost.is_empty(), "{} of {} are lost", lost.len(), acknowledged.len());
}

fn contents(path: &Path) -> String {
    let (mut text, mut file) = (String::new(), File::open(path).unwrap());
    match path.extension().is_some_and(|extension| extension == "gz") {
        true => flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap(),
        false => file.read_to_string(&mut text).unwrap(),
    };
    text
}
