//! Random trees: after each run the target is what the source is, whatever was there before, and
//! whatever went wrong on the way no file is there by half.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aiofile::Context;
use aiofile::fs::{CopyOptions, Reflink};
use aiofile_util::{Compare, SyncOptions};
use caio::Config;
use caio::backend::pool::ThreadPool;
use caio_testkit::{Faulty, Plan};
use proptest::collection::vec;
use proptest::prelude::*;

use common::{block_on, noise, place};

/// What is done to a tree between two runs.
#[derive(Debug, Clone)]
enum Change {
    /// A file with some data at two places and holes around them, or a short one.
    File {
        path: PathBuf,
        bytes: usize,
        is_sparse: bool,
    },
    Directory(PathBuf),
    Link(PathBuf, PathBuf),
    HardLink(PathBuf, PathBuf),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    Mode(PathBuf, u32),
    Touch(PathBuf),
    Attribute(PathBuf, u8),
}

fn path() -> impl Strategy<Value = PathBuf> {
    vec(prop::sample::select(vec!["a", "b", "c", "d"]), 1..4).prop_map(PathBuf::from_iter)
}

fn change() -> impl Strategy<Value = Change> {
    let file = (path(), 0..20_000_usize, any::<bool>())
        .prop_map(|(path, bytes, is_sparse)| Change::File { path, bytes, is_sparse });
    prop_oneof![
        4 => file,
        2 => path().prop_map(Change::Directory),
        1 => (path(), path()).prop_map(|(path, to)| Change::Link(path, to)),
        3 => (path(), path()).prop_map(|(path, to)| Change::HardLink(path, to)),
        1 => path().prop_map(Change::Remove),
        1 => (path(), path()).prop_map(|(path, to)| Change::Rename(path, to)),
        1 => (path(), prop::sample::select(vec![0o600, 0o644, 0o755, 0o700]))
            .prop_map(|(path, mode)| Change::Mode(path, mode)),
        1 => path().prop_map(Change::Touch),
        1 => (path(), any::<u8>()).prop_map(|(path, value)| Change::Attribute(path, value)),
    ]
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

/// Has the directories above a path there, and nothing at it.
fn make_way(root: &Path, path: &Path) -> PathBuf {
    let mut above = root.to_owned();
    for name in path.parent().unwrap() {
        above.push(name);
        if !fs::symlink_metadata(&above).is_ok_and(|found| found.is_dir()) {
            remove(&above);
            fs::create_dir(&above).unwrap();
        }
    }
    let whole = root.join(path);
    remove(&whole);
    whole
}

/// A tree that is changed. Each change of a file gets a time of its own, as it has in life.
struct Tree {
    root: PathBuf,
    time: u64,
}

impl Tree {
    fn apply(&mut self, change: &Change) {
        let root = &self.root;
        self.time += 1;
        let is_file =
            |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
        match change {
            Change::File { path, bytes, is_sparse } => {
                let path = make_way(root, path);
                fs::write(&path, noise(*bytes, self.time)).unwrap();
                if *is_sparse {
                    let file = File::options().write(true).open(&path).unwrap();
                    file.set_len(1 << 20).unwrap();
                    file.write_all_at(&noise(5000, self.time), 600_000).unwrap();
                }
                self.touch(&path);
            }
            Change::Directory(path) => {
                let path = make_way(root, path);
                fs::create_dir(&path).unwrap();
                self.touch(&path);
            }
            Change::Link(path, to) => symlink(to, make_way(root, path)).unwrap(),
            Change::HardLink(path, of) => {
                let of = root.join(of);
                if is_file(&of)
                    && !of.starts_with(root.join(path))
                    && !root.join(path).starts_with(&of)
                {
                    fs::hard_link(of, make_way(root, path)).unwrap();
                }
            }
            Change::Remove(path) => remove(&root.join(path)),
            Change::Rename(from, to) => {
                let (whole, target) = (root.join(from), root.join(to));
                let is_there = fs::symlink_metadata(&whole).is_ok();
                if is_there && !target.starts_with(&whole) && !whole.starts_with(&target) {
                    fs::rename(&whole, make_way(root, to)).unwrap();
                }
            }
            Change::Mode(path, mode) => {
                let path = root.join(path);
                let found = fs::symlink_metadata(&path).ok().filter(|found| !found.is_symlink());
                if let Some(found) = found {
                    // Nobody but root gets into a directory that cannot be searched.
                    let mode = if found.is_dir() { mode | 0o100 } else { *mode };
                    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
                }
            }
            Change::Touch(path) => {
                let path = root.join(path);
                if is_file(&path) {
                    self.touch(&path);
                }
            }
            Change::Attribute(path, value) => {
                let path = root.join(path);
                if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_symlink()) {
                    let flags = rustix::fs::XattrFlags::empty();
                    // Some file systems have none.
                    let _ = rustix::fs::setxattr(&path, "user.test", &[*value], flags);
                }
            }
        }
    }

    fn touch(&self, path: &Path) {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000 + self.time, 123_456_000);
        File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }
}

/// All that a run keeps. Names of one file are told by the first of them.
fn seen(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut names = BTreeMap::new();
    let mut left = vec![PathBuf::new()];
    while let Some(path) = left.pop() {
        let whole = root.join(&path);
        if fs::symlink_metadata(&whole).unwrap().is_dir() {
            let entries = fs::read_dir(&whole).unwrap();
            left.extend(entries.map(|entry| path.join(entry.unwrap().file_name())));
        }
        names.insert(path, String::new());
    }
    let mut first = BTreeMap::new();
    for (path, said) in &mut names {
        let whole = root.join(path);
        let found = fs::symlink_metadata(&whole).unwrap();
        let time = (found.mtime(), found.mtime_nsec());
        if found.is_symlink() {
            *said = format!("link to {:?} at {time:?}", fs::read_link(&whole).unwrap());
            continue;
        }
        let mut value = [0; 8];
        let length = rustix::fs::getxattr(&whole, "user.test", &mut value[..]).unwrap_or(0);
        let attributes = format!("{:o} {time:?} {:?}", found.mode(), &value[..length]);
        *said = if found.is_dir() {
            format!("directory {attributes}")
        } else {
            let name = first.entry(found.ino()).or_insert_with(|| path.clone());
            let has_holes = found.blocks() * 512 < found.len() / 2;
            let contents = blake3::hash(&fs::read(&whole).unwrap());
            format!("{attributes} {contents} as {name:?}, holes: {has_holes}")
        };
    }
    names
}

fn all() -> SyncOptions {
    SyncOptions::new().delete(true).keep_hard_links(true).keep_xattrs(true)
}

fn run(options: &SyncOptions, from: &Path, to: &Path) {
    let report = block_on(options.sync(from, to)).unwrap();
    assert!(report.errors.is_empty(), "{:?}", report.errors);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_target_becomes_what_the_source_is(
        rounds in vec((vec(change(), 1..12), vec(change(), 0..4), any::<bool>()), 1..4),
    ) {
        let place = place();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::create_dir(&from).unwrap();
        let mut source = Tree { root: from.clone(), time: 0 };
        let mut target = Tree { root: to.clone(), time: 1 << 20 };
        for (changes, others, by_contents) in rounds {
            changes.iter().for_each(|change| source.apply(change));
            if to.exists() {
                others.iter().for_each(|change| target.apply(change));
            }
            let compare = if by_contents { Compare::Contents } else { Compare::SizeAndTime };
            let options = all().compare(compare);
            let dry = block_on(options.clone().dry_run(true).sync(&from, &to)).unwrap();
            let wet = block_on(options.sync(&from, &to)).unwrap();
            prop_assert!(wet.errors.is_empty(), "{:?}", wet.errors);
            prop_assert_eq!(seen(&from), seen(&to));
            prop_assert_eq!((dry.deleted, dry.skipped), (wet.deleted, wet.skipped));
            let again = block_on(options.sync(&from, &to)).unwrap();
            let done = again.created + again.updated + again.attributes + again.deleted;
            prop_assert_eq!((done, again.bytes), (0, 0));
        }
    }
}

fn failing(seed: u64) -> Context {
    let pool = ThreadPool::open(&Config::default()).unwrap();
    let plan =
        Plan::new(seed).short(0.3).interrupted(0.1).full_queue(0.1).fail_all_from(20 + seed * 7, 5);
    let faulty = Arc::new(Faulty::new(Arc::new(pool), plan));
    aiofile::context().custom(faulty).in_place(false).build().unwrap()
}

/// A run on a disk that fails for good after some operations, and then one on a good disk.
#[test]
fn a_disk_that_fails_leaves_old_files_and_new_ones_but_no_half_ones() {
    for seed in 0..12 {
        let place = place();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let mut source = Tree { root: from.clone(), time: 0 };
        fs::create_dir(&from).unwrap();
        let files = |source: &mut Tree| {
            for (index, name) in ["a", "b", "c", "d/a", "d/b"].iter().enumerate() {
                let (path, bytes) = (name.into(), index * 9000 + 1);
                source.apply(&Change::File { path, bytes, is_sparse: index == 2 });
            }
        };
        files(&mut source);
        run(&all(), &from, &to);
        let old = seen(&to);
        files(&mut source);
        let new = seen(&from);
        let mut by_blocks = CopyOptions::new();
        by_blocks.copy_file_range(false).reflink(Reflink::Never).block_size(4096);
        let options = all().copying(&by_blocks);
        let report = block_on(options.clone().context(&failing(seed)).sync(&from, &to)).unwrap();
        assert_eq!(report.failed, report.errors.len() as u64);
        assert!(report.failed > 0, "seed {seed}: nothing failed");
        for (path, said) in seen(&to) {
            let is_directory = said.starts_with("directory");
            assert!(
                is_directory || [old.get(&path), new.get(&path)].contains(&Some(&said)),
                "{path:?}"
            );
        }
        run(&options.context(&aiofile::context().build().unwrap()), &from, &to);
        assert_eq!(seen(&from), seen(&to));
    }
}

/// What lies outside is not touched while links are put in the place of directories.
#[test]
fn links_that_are_put_in_the_way_meanwhile_lead_nowhere() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    let outside = place.path().join("outside");
    for directory in [from.join("a"), to.join("a/old"), outside.join("old")] {
        fs::create_dir_all(directory).unwrap();
    }
    for index in 0..40 {
        fs::write(from.join("a").join(index.to_string()), "new").unwrap();
        fs::write(to.join("a").join(index.to_string()), "older").unwrap();
        fs::write(to.join("a/old").join(index.to_string()), "").unwrap();
        fs::write(outside.join(index.to_string()), "precious").unwrap();
        fs::write(outside.join("old").join(index.to_string()), "precious").unwrap();
    }
    let before = seen(&outside);
    let aside = place.path().join("aside");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let directory = to.join("a");
                if fs::rename(&directory, &aside).is_err() {
                    continue;
                }
                let _ = symlink(&outside, &directory);
                std::thread::yield_now();
                // The run may have put a directory in the place of the link.
                let _ = fs::remove_file(&directory).or_else(|_| fs::remove_dir_all(&directory));
                if fs::rename(&aside, &directory).is_err() {
                    fs::remove_dir_all(&aside).unwrap();
                }
                std::thread::yield_now();
            }
        });
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(1) {
            // It may fail or not, depending on what it meets.
            let _ = block_on(SyncOptions::new().delete(true).sync(&from, &to));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(seen(&outside), before);
    run(&all(), &from, &to);
    assert_eq!(seen(&from), seen(&to));
}
