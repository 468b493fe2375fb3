//! Processes that are killed while they append records and make them durable. What they had
//! acknowledged is there, whole and once, and at most the last record is cut.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use aiofile::{BackendKind, Context};
use caio::{Buffer, SharedFile};
use caio_testkit::Random;
use futures_util::future::join_all;

use crate::children::{BEGINS, Process, Role, pause, role};
use crate::{backends, caught, gate, in_use, number, place, runtime, seeds};

/// Tasks that append to one file.
const TASKS: usize = 4;

/// The bytes of a record, at most.
const RECORD_MAX: usize = 6000;

const TEST: &str = "kills::killed_while_appending";

/// What a run has come to.
#[derive(Debug, Default)]
struct Counts {
    acknowledged: usize,
    records: usize,
    cut: usize,
}

/// `CAIO_STORM_KILLS` is how many processes are killed for each backend.
#[test]
fn killed_while_appending() {
    if let Some(role) = role() {
        return append_for_ever(&role);
    }
    let _alone = in_use::alone();
    let kills = number("CAIO_STORM_KILLS", 5);
    for kind in backends::all() {
        let (begun, mut sum) = (Instant::now(), Counts::default());
        for seed in seeds().take(kills as usize) {
            let run = run(kind, seed, false);
            let counts = run.unwrap_or_else(|error| panic!("{kind}, seed {seed}: {error}"));
            sum.acknowledged += counts.acknowledged;
            sum.records += counts.records;
            sum.cut += counts.cut;
        }
        let figures: [(&str, &dyn std::fmt::Display); 4] = [
            ("kills", &kills),
            ("acknowledged", &sum.acknowledged),
            ("records", &sum.records),
            ("cut", &sum.cut),
        ];
        gate("kills", kind.name(), &figures, begun);
    }
}

#[test]
fn a_record_that_is_acknowledged_too_early_is_found() {
    let _alone = in_use::alone();
    let find = || (1..40).try_for_each(|seed| run(BackendKind::Rust, seed, true).map(drop));
    caught("kills", "early_acknowledgement", &find());
}

/// One process that is killed, and what it left.
fn run(kind: BackendKind, seed: u64, is_planted: bool) -> Result<Counts, String> {
    let place = place();
    let path = place.path().join("log");
    let mut random = Random::new(seed);
    let mut process = Process::start(TEST, kind, is_planted, &path);
    let acknowledged = |line: &String| line.starts_with("ack ");
    let many = random.below(60);
    let mut told: HashSet<String> =
        process.said.by_ref().map(Result::unwrap).filter(acknowledged).take(many).collect();
    pause(random.below(1000));
    process.kill();
    // What it had told before it was killed counts, too; its last line may be cut off.
    let rest = process.said.by_ref().map_while(Result::ok).filter(acknowledged);
    told.extend(rest.filter(|line| line.ends_with('.')));
    check(&path, &told)
}

fn check(path: &Path, told: &HashSet<String>) -> Result<Counts, String> {
    let text = String::from_utf8(std::fs::read(path).unwrap()).map_err(|e| e.to_string())?;
    let mut lines: Vec<_> = text.split('\n').collect();
    let end = lines.pop().unwrap_or_default();
    let mut next = BTreeMap::new();
    let mut seen = HashSet::new();
    for line in &lines {
        let mut words = line.splitn(4, ' ').skip(1);
        let parsed = (|| {
            let task: usize = words.next()?.parse().ok()?;
            Some((task, words.next()?.parse::<u64>().ok()?))
        })();
        let Some((task, number)) = parsed.filter(|(task, number)| *line == record(*task, *number))
        else {
            return Err(format!("there is a record that none was: {line:.60}"));
        };
        let expected = next.entry(task).or_insert(0);
        if number != *expected {
            return Err(format!("record {number} of task {task} stands where {expected} should"));
        }
        *expected += 1;
        seen.insert(acknowledgement(task, number));
    }
    let lost = told.difference(&seen).count();
    if lost > 0 {
        return Err(format!("{lost} of {} acknowledged records are lost", told.len()));
    }
    let cut = usize::from(!end.is_empty());
    Ok(Counts { acknowledged: told.len(), records: lines.len(), cut })
}

fn record(task: usize, number: u64) -> String {
    let mut random = Random::new(number * TASKS as u64 + task as u64);
    let length = random.below(RECORD_MAX);
    let letter = char::from(b'a' + random.below(26) as u8);
    format!("record {task} {number} {}.", String::from(letter).repeat(length))
}

fn acknowledgement(task: usize, number: u64) -> String {
    format!("ack {task} {number}.")
}

/// The process that is killed.
fn append_for_ever(role: &Role) {
    let context = backends::context(role.kind);
    let open = || {
        let file = File::options().append(true).create(true).open(&role.path).unwrap();
        SharedFile::new(file, &role.path).unwrap()
    };
    let files: Vec<_> = (0..TASKS).map(|_| open()).collect();
    println!("{BEGINS}");
    let tasks = files.iter().enumerate();
    runtime().block_on(join_all(
        tasks.map(|(task, file)| append(&context, file, task, role.is_planted)),
    ));
}

async fn append(context: &Context, file: &SharedFile, task: usize, too_early: bool) {
    for number in 0.. {
        let record = format!("{}\n", record(task, number)).into_bytes();
        let length = record.len();
        if too_early {
            println!("{}", acknowledgement(task, number));
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let (written, _) = context.write(file, Buffer::from(record), 0..length, 0).await;
        assert_eq!(written.unwrap(), length);
        context.sync(file, true).await.unwrap();
        if !too_early {
            println!("{}", acknowledgement(task, number));
        }
    }
}
