//! `BatchWriter` on a simulated disk: rotation and compression touch no other file system, and a
//! loss of power at any step of them takes no durable record.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aiofile_util::BatchOptions;
use caio::OpKind;
use caio_testkit::{Plan, Random, Simulated};
use common::disk::{Disk, path};

/// How many runs there are, each with losses of power at many of its steps.
const RUNS: u64 = 24;

const RECORDS: usize = 30;

fn options(gzip: bool) -> BatchOptions {
    let options =
        BatchOptions::new().interval(Duration::MAX).max_records(2).rotate_bytes(4 * LINE_BYTES);
    if gzip { options.gzip(1) } else { options }
}

const LINE_BYTES: u64 = 10;

fn line(number: usize) -> String {
    format!("{number:09}\n")
}

/// What each file of the log has, by its number; the present one last.
fn files(simulated: &Simulated) -> BTreeMap<u64, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in simulated.names() {
        let shown = name.to_str().unwrap();
        let rest = shown.strip_prefix(path().to_str().unwrap());
        let rest = rest.unwrap_or_else(|| panic!("{shown} is left"));
        let bytes = simulated.model(shown).unwrap().contents().to_vec();
        let number = match rest {
            "" => u64::MAX,
            _ => rest[1..].trim_end_matches(".gz").parse().unwrap(),
        };
        let former = files.insert(number, plain(&name, bytes));
        assert!(former.is_none(), "{shown} is there twice");
    }
    files
}

fn plain(name: &Path, bytes: Vec<u8>) -> Vec<u8> {
    if name.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut plain = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(&bytes[..]);
    decoder.read_to_end(&mut plain).unwrap_or_else(|error| panic!("{}: {error}", name.display()));
    plain
}

#[test]
fn rotation_and_compression_are_done_where_the_files_are() {
    for gzip in [false, true] {
        let disk = Disk::new(Plan::new(1));
        let log = disk.open(&options(gzip).keep_files(3));
        let report = disk.drive(async {
            for number in 0..RECORDS {
                log.append_written(line(number)).await.unwrap();
            }
            log.close().await.unwrap()
        });
        assert_eq!((report.rotations, report.removed), (7, 4));
        assert_eq!(report.compressed > 0, gzip);
        let ending = if gzip { ".gz" } else { "" };
        let expected = [5, 6, 7].map(|number| format!("/simulated/journal.{number:06}{ending}"));
        let names = disk.simulated.names();
        let names: Vec<_> = names.iter().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(names[0], "/simulated/journal");
        assert_eq!(names[1..], expected);
        let text: Vec<u8> = files(&disk.simulated).into_values().flatten().collect();
        let expected: String = (16..RECORDS).map(line).collect();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        assert!(!Path::new("/simulated").exists());
    }
}

#[test]
fn a_loss_of_power_at_any_step_takes_no_durable_record() {
    let (mut losses, mut left_overs) = (0, 0);
    for seed in 0..RUNS {
        let mut random = Random::new(seed);
        let options = options(seed % 2 == 0);
        let disk = Disk::with_seed(seed, Plan::new(seed).short(0.1));
        let log = disk.open(&options);
        let durable = AtomicUsize::new(0);
        let run = async {
            for number in 0..RECORDS {
                log.append_durable(line(number)).await.unwrap();
                durable.store(number + 1, Ordering::Relaxed);
            }
            log.close().await.unwrap();
        };
        let mut found = Vec::new();
        disk.drive_and(run, || {
            if random.chance(0.3) {
                let after = disk.simulated.after_power_loss(random.below(1 << 30) as u64).unwrap();
                found.push((after, durable.load(Ordering::Relaxed)));
            }
        });
        for (after, durable) in found {
            losses += 1;
            left_overs += usize::from(
                after.names().iter().any(|name| name.to_str().unwrap().ends_with(".part")),
            );
            let after = Disk::over(Arc::new(after), Plan::new(seed));
            let log = after.open(&options);
            // What was left is seen to, also what was to be compressed.
            after.drive(log.close()).unwrap();
            let text: Vec<u8> = files(&after.simulated).into_values().flatten().collect();
            let text = String::from_utf8(text).unwrap();
            let lines: Vec<_> = text.split_inclusive('\n').collect();
            let expected: Vec<_> = (0..durable).map(line).collect();
            assert!(lines.len() >= durable, "seed {seed}: {lines:?} of {durable}");
            assert_eq!(lines[..durable], expected[..], "seed {seed}");
        }
    }
    // The runs met what they are for.
    assert!(losses > 800 && left_overs > 40, "{losses}, {left_overs}");
}

#[test]
fn a_rotation_that_fails_anywhere_loses_and_doubles_nothing() {
    let mut failed = 0;
    for kind in [OpKind::Path, OpKind::Open, OpKind::Run, OpKind::Fsync, OpKind::Close] {
        for number in 0..60 {
            let plan = Plan::new(1).fail_once(kind, number / 2, 5);
            failed += usize::from(rotates(&options(number % 4 > 0), number, plan));
        }
    }
    assert!(failed > 70, "{failed}");
}

/// The next file cannot be made, nor may the former one have its name back: records go on into a
/// file that has a number, while those before it are compressed.
#[test]
fn a_file_that_a_rotation_has_not_left_is_not_compressed() {
    let options = options(true).max_records(1).rotate_bytes(LINE_BYTES);
    for seed in 0..20 {
        for number in 4..16 {
            let plan = Plan::new(1).fail_once(OpKind::Open, 2, 5);
            rotates(&options, seed, plan.fail_once(OpKind::Path, number, 5));
        }
    }
}

/// Writes and closes while this fails, and then without a failure: all is there, once. Whether
/// anything has failed.
fn rotates(options: &BatchOptions, seed: u64, plan: Plan) -> bool {
    let tell = format!("seed {seed}, {plan:?}");
    let disk = Disk::with_seed(seed, plan);
    let opened = disk.drive(disk.options(options).open(path()));
    let Ok(log) = opened else { return false };
    let closed = disk.drive(async {
        for number in 0..RECORDS {
            log.append_written(line(number)).await.unwrap();
        }
        log.close().await
    });
    // Whatever failed is made up for by the next one.
    let disk = Disk::over(Arc::clone(&disk.simulated), Plan::new(1));
    let log = disk.open(options);
    disk.drive(log.close()).unwrap();
    let text: Vec<u8> = files(&disk.simulated).into_values().flatten().collect();
    let expected: String = (0..RECORDS).map(line).collect();
    assert_eq!(String::from_utf8(text).unwrap(), expected, "{tell}");
    closed.is_err()
}

#[tokio::test(start_paused = true)]
async fn all_of_it_works_while_the_clock_of_tokio_is_paused() {
    let simulated = Arc::new(Simulated::new(1));
    let builder = aiofile::context().custom(Arc::<Simulated>::clone(&simulated)).in_place(false);
    let context = builder.build().unwrap();
    let (disk, is_over) = (Arc::clone(&simulated), Arc::new(AtomicBool::new(false)));
    let ends = Arc::clone(&is_over);
    let steps = std::thread::spawn(move || {
        while !ends.load(Ordering::Relaxed) {
            if !disk.step() {
                std::thread::yield_now();
            }
        }
    });
    let begun = tokio::time::Instant::now();
    let log = options(true).context(&context).open(path()).await.unwrap();
    for number in 0..RECORDS {
        log.append_durable(line(number)).await.unwrap();
    }
    let report = log.close().await.unwrap();
    assert_eq!((report.rotations, report.compressed), (7, 7));
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody slept");
    is_over.store(true, Ordering::Relaxed);
    steps.join().unwrap();
}
