//! `hash`, `merge` and `split` on a simulated disk, whose files no call of the system sees: what
//! they do, what a fault at any operation leaves, and what a loss of power at any step leaves of a
//! merge that is to be durable.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::io;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use aiofile::with_context;
use aiofile_util::{
    CheckOutcome, HashKind, HashOptions, MergeOptions, SplitBy, SplitOptions, hash,
};
use caio::{Buffer, ErrorKind, OpKind};
use caio_testkit::{Plan, Random, Simulated};
use common::disk::Disk;
use common::noise;
use futures_util::FutureExt;

/// How many runs there are with losses of power, each at every step.
const RUNS: u64 = 40;

/// A name in a directory that there is nowhere else.
fn at(name: &str) -> String {
    format!("/simulated/{name}")
}

/// Puts a file on the disk, durably.
fn put(disk: &Disk, name: &str, contents: &[u8]) {
    let file = disk.simulated.create(&at(name)).unwrap();
    let length = contents.len();
    let write = disk.context.write(&file, Buffer::from(contents.to_vec()), 0..length, 0);
    assert_eq!(disk.drive(write).0.unwrap(), length);
    disk.drive(disk.context.sync(&file, false)).unwrap();
}

fn contents(simulated: &Simulated, name: &str) -> Option<Vec<u8>> {
    simulated.model(&at(name)).map(|model| model.contents().to_vec())
}

fn names(simulated: &Simulated) -> Vec<String> {
    let names = simulated.names().into_iter();
    names.map(|name| name.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

fn number(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).unwrap()
}

#[test]
fn hashes_are_those_of_the_bytes_there() {
    let disk = Disk::new(Plan::new(1).short(0.3));
    for length in [0, 1, 200_000, 5 << 20] {
        let bytes = noise(length, 1);
        put(&disk, "file", &bytes);
        let found = disk.drive(with_context(&disk.context, hash(at("file"), HashKind::Blake3)));
        assert_eq!(found.unwrap().to_string(), blake3::hash(&bytes).to_string());
    }
    let options = HashOptions::new(HashKind::Md5).context(&disk.context);
    let sum = disk.drive(options.hash(at("file"))).unwrap();
    put(&disk, "sums", format!("{sum}  {0}\n{sum}  {0}x\n", at("file")).as_bytes());
    let mut checks = options.check(at("sums"));
    let outcome =
        |checked: Option<io::Result<aiofile_util::Checked>>| checked.unwrap().unwrap().outcome;
    assert!(matches!(outcome(disk.drive(checks.next())), CheckOutcome::Same));
    assert!(matches!(outcome(disk.drive(checks.next())), CheckOutcome::Unreadable(_)));
}

fn merge_options(disk: &Disk) -> MergeOptions {
    MergeOptions::new().context(&disk.context).durable(true)
}

/// The sources, of which one is longer than a read and one is empty, and the old target.
fn prepared(seed: u64, plan: Plan) -> (Disk, Vec<u8>) {
    let disk = Disk::with_seed(seed, plan);
    let parts = [noise(300_000, seed), Vec::new(), noise(70, seed + 1)];
    for (name, part) in ["a", "b", "c"].into_iter().zip(&parts) {
        put(&disk, name, part);
    }
    (disk, parts.concat())
}

const OLD: &[u8] = b"what was there before";

#[test]
fn files_are_put_together_where_they_are() {
    let (disk, whole) = prepared(1, Plan::new(1).short(0.3));
    let sources = || ["a", "b", "c"].map(at);
    let merge = merge_options(&disk);
    assert_eq!(disk.drive(merge.merge(sources(), at("whole"))).unwrap(), whole.len() as u64);
    assert!(contents(&disk.simulated, "whole").unwrap() == whole);
    let append = merge_options(&disk).append(true);
    assert_eq!(disk.drive(append.merge([at("c")], at("whole"))).unwrap(), 70);
    assert!(contents(&disk.simulated, "whole").unwrap() == [&whole, &noise(70, 2)[..]].concat());
    // One of the sources may be the target, but for what is appended.
    disk.drive(merge_options(&disk).merge([at("c"), at("c")], at("c"))).unwrap();
    assert_eq!(contents(&disk.simulated, "c").unwrap().len(), 140);
    let error = disk.drive(append.merge([at("c")], at("c"))).unwrap_err();
    assert!(error.to_string().contains("would never end"), "{error}");
    assert_eq!(names(&disk.simulated), ["a", "b", "c", "whole"]);

    let error = disk.drive(merge_options(&disk).merge([at("none")], at("whole"))).unwrap_err();
    assert!(error.to_string().starts_with("open /simulated/none: No such file"), "{error}");
    let stopped = merge_options(&disk).on_progress(|_| ControlFlow::Break(()));
    let error = disk.drive(stopped.merge(sources(), at("whole"))).unwrap_err();
    assert_eq!(aiofile::Error::of(&error).unwrap().kind(), ErrorKind::Cancelled);
    assert_eq!(names(&disk.simulated), ["a", "b", "c", "whole"]);
    assert_eq!(contents(&disk.simulated, "whole").unwrap().len(), whole.len() + 70);
    assert!(!Path::new("/simulated").exists());
}

#[test]
fn sorted_files_are_put_together_where_they_are() {
    let disk = Disk::new(Plan::new(1).short(0.3));
    for (name, text) in [("odd", "1\n3\n5"), ("even", "2\n4\n"), ("none", ""), ("wrong", "2\n1\n")]
    {
        put(&disk, name, text.as_bytes());
    }
    let merge = |names: &[&str]| {
        let options = merge_options(&disk);
        let sources: Vec<_> = names.iter().map(|name| at(name)).collect();
        disk.drive(options.merge_sorted(sources, at("all")))
    };
    assert_eq!(merge(&["odd", "even", "none"]).unwrap(), 10);
    assert_eq!(contents(&disk.simulated, "all").unwrap(), b"1\n2\n3\n4\n5\n");
    let error = merge(&["odd", "wrong"]).unwrap_err().to_string();
    assert!(error.contains("wrong: line 2 comes before the one above it"), "{error}");
    assert_eq!(names(&disk.simulated), ["all", "even", "none", "odd", "wrong"]);
    assert_eq!(contents(&disk.simulated, "all").unwrap(), b"1\n2\n3\n4\n5\n");
}

#[test]
fn a_merge_that_fails_at_any_operation_leaves_the_target_as_it_was() {
    let kinds = [OpKind::Open, OpKind::Read, OpKind::Write, OpKind::Fsync, OpKind::Fdatasync];
    let kinds = kinds.into_iter().chain([OpKind::Path, OpKind::Close, OpKind::Metadata]);
    let mut failed = 0;
    for (kind, append) in kinds.flat_map(|kind| [(kind, false), (kind, true)]) {
        for number in 0.. {
            let (quiet, whole) = prepared(number, Plan::new(1));
            put(&quiet, "whole", OLD);
            let plan = Plan::new(1).fail_once(kind, number, 5);
            let disk = Disk::over(Arc::clone(&quiet.simulated), plan);
            let merge = merge_options(&disk).append(append);
            let merged = disk.drive(merge.merge(["a", "b", "c"].map(at), at("whole")));
            let tell = format!("{kind} {number}, append {append}: {merged:?}");
            let found = contents(&disk.simulated, "whole").unwrap();
            let new = if append { [OLD, &whole].concat() } else { whole };
            match merged {
                Ok(_) => assert!(found == new, "{tell}"),
                // The new name is there when its directory cannot be synced.
                Err(_) if kind == OpKind::Path && !append => assert!(found == OLD || found == new),
                Err(_) => assert!(found == OLD, "{tell}"),
            }
            assert_eq!(names(&disk.simulated), ["a", "b", "c", "whole"], "{tell}");
            if disk.faulty.injected().errors == 0 {
                break;
            }
            failed += 1;
        }
    }
    assert!(failed > 30, "{failed}");
}

#[test]
fn a_loss_of_power_at_any_step_leaves_the_old_file_or_the_new_one() {
    let (mut losses, mut old, mut new, mut left) = (0, 0, 0, 0);
    for seed in 0..RUNS {
        let mut random = Random::new(seed);
        let (disk, whole) = prepared(seed, Plan::new(seed).short(0.1));
        let (append, is_there) = (seed % 2 == 0, seed % 3 > 0);
        if is_there {
            put(&disk, "whole", OLD);
        }
        let before = if is_there { OLD.to_vec() } else { Vec::new() };
        let after = if append { [&before, &whole[..]].concat() } else { whole };
        let mut found = Vec::new();
        let mut look = |done: bool| {
            let seed = random.below(1 << 30) as u64;
            found.push((disk.simulated.after_power_loss(seed).unwrap(), done));
        };
        let merge = merge_options(&disk).append(append);
        let merging = merge.merge(["a", "b", "c"].map(at), at("whole"));
        disk.drive_and(merging, || look(false)).unwrap();
        (0..8).for_each(|_| look(true));
        for (state, done) in found {
            losses += 1;
            let found = contents(&state, "whole");
            let tell = || format!("seed {seed}, append {append}, done {done}");
            if done {
                assert!(found.as_ref() == Some(&after), "{}", tell());
            }
            match &found {
                None => assert!(!is_there, "{}", tell()),
                Some(found) if append => assert!(found.starts_with(&before), "{}", tell()),
                Some(found) => {
                    assert!(*found == before && is_there || *found == after, "{}", tell())
                }
            }
            old += usize::from(found.as_ref() == Some(&before));
            new += usize::from(found.as_ref() == Some(&after));
            left += usize::from(names(&state).iter().any(|name| name.starts_with(".aiofile-")));
        }
    }
    // The runs met what they are for.
    assert!(losses > 800 && old > 100 && new > 100 && left > 100, "{losses}, {old}, {new}, {left}");
}

/// Each kind of cut, with the lengths of the pieces of `LINES`.
const LINES: &[u8] = b"one\ntwo\nthree\nfour\nfive\nsix";

fn cuts() -> [(SplitBy, Vec<&'static str>); 4] {
    [
        (SplitBy::Bytes(number(10)), vec!["one\ntwo\nth", "ree\nfour\nf", "ive\nsix"]),
        (SplitBy::Lines(number(2)), vec!["one\ntwo\n", "three\nfour\n", "five\nsix"]),
        (SplitBy::Pieces(number(3)), vec!["one\ntwo\nt", "hree\nfour", "\nfive\nsix"]),
        (SplitBy::PiecesOfLines(number(3)), vec!["one\ntwo\nthree\n", "four\n", "five\nsix"]),
    ]
}

#[test]
fn files_are_cut_where_they_are() {
    for (by, expected) in cuts() {
        let disk = Disk::new(Plan::new(1).short(0.3));
        put(&disk, "lines", LINES);
        let options = SplitOptions::new(by).context(&disk.context);
        let pieces = disk.drive(options.split(at("lines"), at("x."))).unwrap();
        let found: Vec<_> = pieces
            .iter()
            .map(|piece| {
                let name = piece.path.file_name().unwrap().to_str().unwrap();
                let text = String::from_utf8(contents(&disk.simulated, name).unwrap()).unwrap();
                assert_eq!(piece.bytes, text.len() as u64);
                text
            })
            .collect();
        // As on any other disk.
        let place = common::place();
        let real = common::file(place.path(), "lines", LINES);
        let options_there = SplitOptions::new(by);
        let real = options_there.split(real, place.path().join("x."));
        let real = common::block_on(real).unwrap();
        let real: Vec<_> =
            real.iter().map(|piece| std::fs::read_to_string(&piece.path).unwrap()).collect();
        assert_eq!(
            (&found, &real),
            (&expected.iter().map(|text| (*text).to_owned()).collect(), &found)
        );
        assert_eq!(names(&disk.simulated), ["lines", "x.aa", "x.ab", "x.ac"]);

        let error = disk.drive(options.split(at("lines"), at("x."))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        disk.drive(options.overwrite(true).split(at("lines"), at("x."))).unwrap();
        assert_eq!(names(&disk.simulated), ["lines", "x.aa", "x.ab", "x.ac"]);
    }
    let disk = Disk::new(Plan::new(1));
    put(&disk, "x.ab", &noise(700_000, 1));
    let by = SplitBy::Bytes(number(200_000));
    let options = SplitOptions::new(by).context(&disk.context).overwrite(true);
    let error = disk.drive(options.split(at("x.ab"), at("x."))).unwrap_err();
    assert!(error.to_string().contains("has the name of a piece"), "{error}");
    let pieces = disk.drive(options.split(at("x.ab"), at("y."))).unwrap();
    let bytes: Vec<_> = pieces.iter().map(|piece| piece.bytes).collect();
    assert_eq!(bytes, [200_000, 200_000, 200_000, 100_000]);
    assert!(
        ["y.aa", "y.ab", "y.ac", "y.ad"].map(|n| contents(&disk.simulated, n).unwrap()).concat()
            == noise(700_000, 1)
    );
}

#[test]
fn a_split_that_fails_at_any_operation_leaves_no_piece() {
    let mut failed = 0;
    for (by, _) in cuts() {
        for kind in [OpKind::Open, OpKind::Read, OpKind::Write, OpKind::Path, OpKind::Close] {
            for number in 0.. {
                let disk = Disk::new(Plan::new(1).fail_once(kind, number, 5));
                let file = disk.simulated.create(&at("lines")).unwrap();
                // By another context, which fails nothing.
                let quiet = Disk::over(Arc::clone(&disk.simulated), Plan::new(1));
                let write = quiet.context.write(&file, LINES.into(), 0..LINES.len(), 0);
                quiet.drive(write).0.unwrap();
                let options = SplitOptions::new(by).context(&disk.context);
                let split = disk.drive(options.split(at("lines"), at("x.")));
                match split {
                    Ok(pieces) => assert_eq!(pieces.len(), 3),
                    Err(_) => assert_eq!(names(&disk.simulated), ["lines"], "{kind} {number}"),
                }
                if disk.faulty.injected().errors == 0 {
                    break;
                }
                failed += 1;
            }
        }
    }
    assert!(failed > 40, "{failed}");
}

#[test]
fn what_is_dropped_leaves_the_target_as_it_was_and_can_be_done_again() {
    for polls in 0.. {
        let (disk, whole) = prepared(polls, Plan::new(1));
        put(&disk, "whole", OLD);
        let options = merge_options(&disk);
        let mut merge = Box::pin(options.merge(["a", "b", "c"].map(at), at("whole")));
        let mut is_over = false;
        for _ in 0..=polls {
            if (&mut merge).now_or_never().is_some() {
                is_over = true;
                break;
            }
            disk.simulated.step();
        }
        drop(merge);
        disk.simulated.run();
        let found = contents(&disk.simulated, "whole").unwrap();
        assert!(found == OLD && !is_over || found == whole, "{polls} polls");
        disk.drive(merge_options(&disk).merge(["a", "b", "c"].map(at), at("whole"))).unwrap();
        assert!(contents(&disk.simulated, "whole").unwrap() == whole, "{polls} polls");
        if is_over {
            break;
        }
    }
}
