//! `BatchWriter` with files that are put aside, compressed and removed.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aiofile::{BackendKind, Context};
use aiofile_util::{BatchOptions, BatchReport};
use caio::backend::pool::ThreadPool;
use caio::{Config, OpKind};
use caio_testkit::{Faulty, Plan, Random};
use common::{block_on, contexts, names, place};

fn options() -> BatchOptions {
    BatchOptions::new().interval(Duration::MAX)
}

/// Appends these numbers, each in a line of ten bytes.
fn write(options: &BatchOptions, path: &Path, numbers: std::ops::Range<u32>) -> BatchReport {
    block_on(async {
        let log = options.open(path).await?;
        for number in numbers {
            log.append(format!("{number:09}\n")).await?;
        }
        log.close().await
    })
    .unwrap()
}

/// All lines of all files of this log, in the order of their numbers, the present one last.
fn lines(path: &Path) -> Vec<u32> {
    let directory = path.parent().unwrap();
    let mut files = BTreeMap::new();
    for name in names(directory) {
        let name = name.to_str().unwrap();
        let Some(rest) = name.strip_prefix(path.file_name().unwrap().to_str().unwrap()) else {
            continue;
        };
        let number = match rest {
            "" => u64::MAX,
            _ => rest[1..].trim_end_matches(".gz").parse().unwrap(),
        };
        let former = files.insert(number, contents(&directory.join(name)));
        assert!(former.is_none(), "{name} is there twice");
    }
    let text = String::from_utf8(files.into_values().flatten().collect()).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn contents(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
    plain
}

fn listed(directory: &Path) -> Vec<String> {
    names(directory).iter().map(|name| name.to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_record_is_in_one_file_and_no_file_is_too_large() {
    for context in contexts() {
        let place = place();
        let path = place.path().join("log");
        let options = options().context(&context).max_bytes(35).rotate_bytes(50);
        let report = write(&options, &path, 0..23);
        assert_eq!((report.records, report.rotations), (23, 4));
        // The next one goes on where that ended, in the file and in the numbers.
        let report = write(&options, &path, 23..30);
        assert_eq!((report.records, report.rotations), (7, 1));
        assert_eq!(lines(&path), (0..30).collect::<Vec<_>>());
        let expected =
            ["log", "log.000001", "log.000002", "log.000003", "log.000004", "log.000005"];
        assert_eq!(listed(place.path()), expected);
        let sizes = expected.map(|name| fs::metadata(place.path().join(name)).unwrap().len());
        assert_eq!(sizes, [50; 6]);
    }
}

#[test]
fn a_record_that_is_too_long_has_a_file_of_its_own() {
    let place = place();
    let path = place.path().join("log");
    block_on(async {
        let log = options().rotate_bytes(4).open(&path).await?;
        for record in ["ab", "longer", "c", "d"] {
            log.append_written(record).await?;
        }
        log.close().await
    })
    .unwrap();
    let files = ["log.000001", "log.000002", "log"];
    let found = files.map(|name| fs::read_to_string(place.path().join(name)).unwrap());
    assert_eq!(found, ["ab", "longer", "cd"]);
}

#[test]
fn a_file_that_is_old_is_put_aside() {
    let place = place();
    let path = place.path().join("log");
    fs::write(&path, "000000000\n").unwrap();
    let report = write(&options().rotate_after(Duration::from_nanos(1)), &path, 1..4);
    assert_eq!(report.rotations, 3);
    assert_eq!(lines(&path), [0, 1, 2, 3]);
    let report = write(&options().rotate_after(Duration::from_secs(3600)), &path, 4..7);
    assert_eq!(report.rotations, 0);
}

#[test]
fn what_is_kept_is_limited_and_nothing_else_is_removed() {
    let place = place();
    let path = place.path().join("log");
    let others = ["log.1", "log.0000001", "log.000001.bak", "log2.000001", "other.000001"];
    for name in others {
        fs::write(place.path().join(name), "not a rotated file").unwrap();
    }
    fs::create_dir(place.path().join("log.000007")).unwrap();
    std::os::unix::fs::symlink("log.1", place.path().join("log.000008")).unwrap();
    // Names that are taken are passed over.
    let report = write(&options().rotate_bytes(10).keep_files(3), &path, 0..12);
    assert_eq!((report.rotations, report.removed), (11, 8));
    let left = listed(place.path());
    for name in others.into_iter().chain(["log.000007", "log.000008"]) {
        assert!(left.contains(&name.to_owned()), "{name} is gone");
    }
    let kept = ["log.000011", "log.000012", "log.000013"];
    assert_eq!(kept.iter().filter(|name| left.contains(&(**name).to_owned())).count(), 3);
    assert_eq!(left.len(), others.len() + 2 + 3 + 1);

    let report = write(&options().keep_bytes(15), &path, 0..0);
    assert_eq!(report.removed, 2);
    let old = fs::File::open(place.path().join("log.000013")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    assert_eq!(write(&options().keep_for(Duration::from_secs(3600)), &path, 0..0).removed, 0);
    assert_eq!(write(&options().keep_for(Duration::from_secs(30)), &path, 0..0).removed, 1);
    assert_eq!(fs::read(&path).unwrap(), b"000000011\n");
}

#[test]
fn a_file_that_cannot_be_put_aside_goes_on_and_that_is_told() {
    let place = place();
    let path = place.path().join("log");
    let error = block_on(async {
        let log = options().rotate_bytes(10).open(&path).await?;
        log.append_written("000000000\n").await?;
        fs::hard_link(&path, place.path().join("kept"))?;
        fs::remove_file(&path)?;
        log.append_written("000000001\n").await?;
        log.append_durable("000000002\n").await?;
        log.close().await
    })
    .unwrap_err();
    assert!(error.to_string().starts_with("rename "), "{error}");
    let kept = fs::read(place.path().join("kept")).unwrap();
    assert_eq!(kept, b"000000000\n000000001\n000000002\n");
}

#[test]
fn what_a_link_leads_to_is_put_aside() {
    let place = place();
    let (path, link) = (place.path().join("log"), place.path().join("link"));
    fs::write(&path, "").unwrap();
    std::os::unix::fs::symlink("log", &link).unwrap();
    write(&options().rotate_bytes(10), &link, 0..2);
    assert_eq!(listed(place.path()), ["link", "log", "log.000001"]);
    assert_eq!(fs::read(&link).unwrap(), b"000000001\n");
}

#[test]
fn records_stay_in_one_file_where_writes_fail() {
    let mut lost = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let place = place();
        let path = place.path().join("log");
        let pool = ThreadPool::open(&Config::default()).unwrap();
        let mut plan = Plan::new(seed).short(0.3);
        for _ in 0..3 {
            plan = plan.fail_once(OpKind::Write, random.below(12) as u64, 28);
        }
        plan = plan.fail_once(OpKind::SetLength, random.below(3) as u64, 5);
        plan = plan.fail_once(OpKind::Open, 1 + random.below(4) as u64, 5);
        let faulty = Arc::new(Faulty::new(Arc::new(pool), plan));
        let context = Context::builder().custom(faulty).in_place(false).build().unwrap();
        let options = options().context(&context).max_bytes(20).rotate_bytes(40).gzip(1);
        let mut written = Vec::new();
        let report = block_on(async {
            let log = options.open(&path).await.unwrap();
            for number in 0..30 {
                if log.append_written(format!("{number:09}\n")).await.is_ok() {
                    written.push(number);
                }
            }
            _ = log.close().await;
            log.report()
        });
        assert_eq!(lines(&path), written, "seed {seed}");
        assert_eq!(report.lost, 30 - written.len() as u64, "seed {seed}");
        lost += report.lost;
    }
    assert!(lost > 300, "{lost}");
}

#[test]
fn files_are_compressed_with_their_times_and_permissions() {
    use std::os::unix::fs::PermissionsExt;
    for context in contexts() {
        let place = place();
        let path = place.path().join("log");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let report = write(&options().context(&context).rotate_bytes(50).gzip(6), &path, 0..23);
        assert_eq!((report.rotations, report.compressed), (4, 4));
        assert_eq!(lines(&path), (0..23).collect::<Vec<_>>());
        let names = ["log", "log.000001.gz", "log.000002.gz", "log.000003.gz", "log.000004.gz"];
        assert_eq!(listed(place.path()), names);
        for name in names {
            let metadata = fs::metadata(place.path().join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn what_a_killed_process_left_is_compressed_when_it_is_opened() {
    let place = place();
    let path = place.path().join("log");
    write(&options().rotate_bytes(50).gzip(9), &path, 0..12);
    assert_eq!(listed(place.path()), ["log", "log.000001.gz", "log.000002.gz"]);
    // It was killed after the second file got its name, and within the third.
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (number, text) in [(2, &b"000000005\n"[..]), (3, b"000000009\n")] {
        let path = place.path().join(format!("log.{number:06}"));
        fs::write(&path, text).unwrap();
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }
    fs::write(place.path().join(".log.gz.part"), "half").unwrap();
    let report = write(&options().gzip(0), &path, 0..0);
    assert_eq!(report.compressed, 2);
    let names = ["log", "log.000001.gz", "log.000002.gz", "log.000003.gz"];
    assert_eq!(listed(place.path()), names);
    // The second one is what it was, and the third as old as its records.
    assert_eq!(contents(&place.path().join(names[2])).len(), 50);
    assert_eq!(contents(&place.path().join(names[3])), b"000000009\n");
    let changed = fs::metadata(place.path().join(names[3])).unwrap().modified().unwrap();
    assert_eq!(changed, time);
    let error = block_on(options().gzip(10).open(&path)).unwrap_err();
    assert!(error.to_string().contains("level 10"), "{error}");
}

#[test]
fn large_files_are_compressed_in_many_jobs() {
    let place = place();
    let path = place.path().join("log");
    let bytes = common::noise(9 << 20, 3);
    fs::write(place.path().join("log.000001"), &bytes).unwrap();
    let context = aiofile::context().backend(BackendKind::Rust).build().unwrap();
    write(&options().context(&context).gzip(1), &path, 0..0);
    assert!(contents(&place.path().join("log.000001.gz")) == bytes);
    assert!(context.metrics().submitted > 6, "{:?}", context.metrics());
}
