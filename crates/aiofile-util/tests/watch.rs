//! Changes of files and trees, as they are told.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use aiofile_util::{Change, ChangeKind, Changes, WatchOptions};
use futures_util::FutureExt;
use proptest::prelude::*;

use common::{block_on, contexts, file, place};

/// Tells at once.
fn hasty() -> WatchOptions {
    WatchOptions::new().debounce(Duration::ZERO)
}

fn watch(options: &WatchOptions, path: impl Into<PathBuf>) -> Changes {
    block_on(options.watch([path.into()])).unwrap()
}

/// The two ways to know: the system tells, or it is looked again and again.
fn both_ways() -> [WatchOptions; 2] {
    [hasty(), hasty().poll(true).poll_interval(Duration::from_millis(2))]
}

/// What is told until this was told of this path; the last of each path counts.
fn until(changes: &mut Changes, path: &Path, kind: &ChangeKind) -> BTreeMap<PathBuf, ChangeKind> {
    let mut told = BTreeMap::new();
    loop {
        let batch = block_on(changes.next()).expect("something is watched").unwrap();
        told.extend(batch.into_iter().map(|Change { path, kind, .. }| (path, kind)));
        if told.get(path) == Some(kind) {
            return told;
        }
    }
}

/// What is told until a file of this name is made, which is not told.
fn so_far(changes: &mut Changes, directory: &Path) -> BTreeMap<PathBuf, ChangeKind> {
    let end = file(directory, "the end", "");
    let mut told = until(changes, &end, &ChangeKind::Created);
    told.remove(&end);
    told
}

#[test]
fn all_kinds_of_changes_are_told_on_every_backend() {
    for (context, options) in
        contexts().iter().flat_map(|context| both_ways().map(|options| (context, options)))
    {
        let place = place();
        let path = file(place.path(), "file", "old");
        let other = place.path().join("other");
        let mut changes = watch(&options.context(context), place.path());
        fs::write(&path, "longer").unwrap();
        until(&mut changes, &path, &ChangeKind::Modified);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        until(&mut changes, &path, &ChangeKind::Attributes);
        fs::rename(&path, &other).unwrap();
        let told = until(&mut changes, &other, &ChangeKind::Renamed { from: path.clone() });
        assert_eq!(told.len(), 1);
        fs::write(&path, "new").unwrap();
        until(&mut changes, &path, &ChangeKind::Created);
        fs::remove_file(&path).unwrap();
        until(&mut changes, &path, &ChangeKind::Removed);
    }
}

#[test]
fn what_happens_together_is_told_together_and_once() {
    let place = place();
    let (first, second) = (place.path().join("first"), place.path().join("second"));
    // All of it happens before anybody looks.
    let mut changes = watch(&WatchOptions::new(), place.path());
    for round in 0..50 {
        fs::write(&first, round.to_string()).unwrap();
        let brief = file(place.path(), &round.to_string(), "");
        fs::remove_file(brief).unwrap();
    }
    let temporary = file(place.path(), "temporary", "text");
    fs::rename(temporary, &second).unwrap();
    let batch = block_on(changes.next()).unwrap().unwrap();
    let told: Vec<_> = batch.iter().map(|change| (change.path.clone(), &change.kind)).collect();
    assert_eq!(told, [(first, &ChangeKind::Created), (second, &ChangeKind::Created)]);
}

#[test]
fn directories_that_appear_are_watched_with_all_that_is_in_them() {
    both_ways().iter().for_each(directories_that_appear);
}

fn directories_that_appear(options: &WatchOptions) {
    let (place, outside) = (place(), place());
    let mut changes = watch(options, place.path());
    // Made before anybody can watch the new directories.
    let deep = place.path().join("a/b/c");
    fs::create_dir_all(&deep).unwrap();
    let early = file(&deep, "early", "");
    let told = until(&mut changes, &early, &ChangeKind::Created);
    assert!(told.contains_key(&place.path().join("a/b")), "{told:?}");
    let late = file(&deep, "late", "");
    until(&mut changes, &late, &ChangeKind::Created);
    // Moved in from outside.
    fs::create_dir(outside.path().join("moved")).unwrap();
    file(&outside.path().join("moved"), "inside", "");
    let moved = place.path().join("moved");
    fs::rename(outside.path().join("moved"), &moved).unwrap();
    until(&mut changes, &moved.join("inside"), &ChangeKind::Created);
    let more = file(&moved, "more", "");
    until(&mut changes, &more, &ChangeKind::Created);
    // And out again: what happens there is not told.
    fs::rename(&moved, outside.path().join("back")).unwrap();
    until(&mut changes, &moved, &ChangeKind::Removed);
    file(&outside.path().join("back"), "unseen", "");
    assert_eq!(so_far(&mut changes, place.path()), BTreeMap::new());
}

#[test]
fn a_directory_that_is_renamed_is_watched_under_its_new_name() {
    both_ways().iter().for_each(a_directory_that_is_renamed);
}

fn a_directory_that_is_renamed(options: &WatchOptions) {
    let place = place();
    let (old, new) = (place.path().join("old"), place.path().join("new"));
    fs::create_dir_all(old.join("deep")).unwrap();
    file(&old.join("deep"), "carried", "along");
    let mut changes = watch(options, place.path());
    fs::rename(&old, &new).unwrap();
    let told = until(&mut changes, &new, &ChangeKind::Renamed { from: old.clone() });
    assert_eq!(told.len(), 1, "{told:?}");
    let inside = file(&new.join("deep"), "file", "");
    until(&mut changes, &inside, &ChangeKind::Created);
    // The old name is free for another one.
    fs::create_dir(&old).unwrap();
    let other = file(&old, "other", "");
    let told = until(&mut changes, &other, &ChangeKind::Created);
    assert!(told.keys().all(|path| path.starts_with(&old)), "{told:?}");
}

#[test]
fn of_a_file_its_name_is_watched_and_its_neighbours_are_not() {
    let place = place();
    let path = file(place.path(), "file", "old");
    let link = place.path().join("link");
    symlink(&path, &link).unwrap();
    for (named, options) in
        [&path, &link].into_iter().flat_map(|named| both_ways().map(|options| (named, options)))
    {
        let mut changes = watch(&options, named);
        file(place.path(), "neighbour", "text");
        for round in 0..3 {
            // As editors do it.
            let fresh = file(place.path(), "fresh", round.to_string());
            fs::rename(fresh, &path).unwrap();
            let told = until(&mut changes, named, &ChangeKind::Created);
            assert_eq!(told.len(), 1, "{told:?}");
        }
        fs::write(&path, "again").unwrap();
        until(&mut changes, named, &ChangeKind::Modified);
    }
}

#[test]
fn without_recursion_only_the_directory_itself_is_watched() {
    for options in both_ways() {
        let place = place();
        fs::create_dir(place.path().join("inner")).unwrap();
        let mut changes = watch(&options.recursive(false), place.path());
        file(&place.path().join("inner"), "unseen", "");
        let seen = file(place.path(), "seen", "");
        let told = until(&mut changes, &seen, &ChangeKind::Created);
        assert!(told.keys().all(|path| path.parent() == Some(place.path())), "{told:?}");
    }
}

#[test]
fn it_ends_when_all_that_was_watched_is_gone() {
    for options in both_ways() {
        let place = place();
        let (first, second) = (place.path().join("first"), place.path().join("second"));
        for path in [&first, &second] {
            fs::create_dir(path).unwrap();
        }
        let mut changes = block_on(options.watch([&first, &second])).unwrap();
        fs::remove_dir(&first).unwrap();
        until(&mut changes, &first, &ChangeKind::Removed);
        fs::rename(&second, place.path().join("elsewhere")).unwrap();
        until(&mut changes, &second, &ChangeKind::Removed);
        assert!(block_on(changes.next()).is_none());
    }
}

#[test]
fn a_file_whose_directory_is_renamed_is_gone() {
    let place = place();
    let directory = place.path().join("directory");
    fs::create_dir(&directory).unwrap();
    let path = file(&directory, "file", "");
    let mut changes = watch(&hasty(), &path);
    fs::rename(&directory, place.path().join("elsewhere")).unwrap();
    until(&mut changes, &path, &ChangeKind::Removed);
    assert!(block_on(changes.next()).is_none());
}

#[test]
fn a_tree_that_appears_with_very_much_in_it_is_told_as_a_whole() {
    let (place, outside) = (place(), place());
    let large = outside.path().join("large");
    fs::create_dir_all(large.join("deep")).unwrap();
    (0..5000).for_each(|i| drop(file(&large, &i.to_string(), "")));
    let mut changes = watch(&hasty(), place.path());
    let moved = place.path().join("large");
    if fs::rename(&large, &moved).is_err() {
        return println!("skipped: the directories are on two file systems");
    }
    let batch = block_on(changes.next()).unwrap().unwrap();
    assert!(batch.len() < 5000, "{}", batch.len());
    assert!(
        batch.iter().any(|change| (&change.path, &change.kind) == (&moved, &ChangeKind::Rescan))
    );
    let deep = file(&moved.join("deep"), "file", "");
    until(&mut changes, &deep, &ChangeKind::Created);
    // Who looks for it finds too much in the whole.
    let mut changes = watch(&both_ways()[1], place.path());
    fs::remove_dir_all(&moved).unwrap();
    until(&mut changes, place.path(), &ChangeKind::Rescan);
}

#[test]
fn what_the_kernel_makes_up_is_looked_at() {
    let options = hasty().poll_interval(Duration::from_millis(2)).recursive(false);
    // The name of the first thread, which any thread may change.
    let path = Path::new("/proc/self/comm");
    let before = fs::read(path).unwrap();
    let mut changes = watch(&options, path);
    for name in ["one name", "another"] {
        fs::write(path, name).unwrap();
        until(&mut changes, path, &ChangeKind::Modified);
    }
    fs::write(path, before).unwrap();
    // A directory goes with its process, and with it what is to be watched.
    let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let directory = PathBuf::from(format!("/proc/{}", child.id()));
    let mut changes = watch(&options, &directory);
    assert!(changes.next().now_or_never().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    until(&mut changes, &directory, &ChangeKind::Removed);
    assert!(block_on(changes.next()).is_none());
}

#[test]
fn both_ways_go_together() {
    let place = place();
    let options = hasty().poll_interval(Duration::from_millis(2)).recursive(false);
    let made_up = PathBuf::from("/proc/self/oom_score_adj");
    let before: i32 = fs::read_to_string(&made_up).unwrap().trim().parse().unwrap();
    let mut changes = block_on(options.watch([place.path(), &made_up])).unwrap();
    for round in 1..=3 {
        let path = file(place.path(), &round.to_string(), "");
        until(&mut changes, &path, &ChangeKind::Created);
        // To be killed sooner is allowed to everybody.
        let Ok(()) = fs::write(&made_up, (before + round).min(1000).to_string()) else { return };
        if before + round <= 1000 {
            until(&mut changes, &made_up, &ChangeKind::Modified);
        }
    }
}

/// What is done to a tree, and what somebody knows of it who is told.
#[derive(Debug, Clone)]
enum Step {
    File(PathBuf),
    Directory(PathBuf),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Step {
    /// Does it, unless the system says no.
    fn apply(&self, root: &Path) {
        let _ = match self {
            Self::File(path) => fs::write(root.join(path), "some text"),
            Self::Directory(path) => fs::create_dir(root.join(path)),
            Self::Remove(path) => {
                fs::remove_file(root.join(path)).or_else(|_| fs::remove_dir_all(root.join(path)))
            }
            Self::Rename(from, to) => fs::rename(root.join(from), root.join(to)),
        };
    }
}

fn step() -> impl Strategy<Value = Step> {
    let path = || {
        let name = prop::sample::select(vec!["a", "b", "c"]);
        prop::collection::vec(name, 1..4).prop_map(PathBuf::from_iter)
    };
    prop_oneof![
        path().prop_map(Step::File),
        path().prop_map(Step::Directory),
        path().prop_map(Step::Remove),
        (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
    ]
}

/// All paths below a directory.
fn below(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for path in fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                left.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}

/// Who is told, and looks at nothing, knows which paths there are.
fn learn(known: &mut BTreeSet<PathBuf>, told: BTreeMap<PathBuf, ChangeKind>) {
    for (path, kind) in told {
        match kind {
            ChangeKind::Created => _ = known.insert(path),
            ChangeKind::Removed => _ = known.remove(&path),
            ChangeKind::Renamed { from } => {
                let moved: Vec<_> =
                    known.iter().filter(|p| p.starts_with(&from)).cloned().collect();
                known.retain(|known| !known.starts_with(&from) && !known.starts_with(&path));
                let renamed = moved.iter().map(|old| old.strip_prefix(&from).unwrap());
                known.extend(renamed.map(|rest| match rest.as_os_str().is_empty() {
                    true => path.clone(),
                    false => path.join(rest),
                }));
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn who_is_told_knows_what_is_there(steps in prop::collection::vec(step(), 1..16)) {
        for options in both_ways() {
            let (place, markers) = (place(), place());
            let mut changes = block_on(options.watch([place.path(), markers.path()])).unwrap();
            let mut known = BTreeSet::new();
            for (number, step) in steps.iter().enumerate() {
                step.apply(place.path());
                // A look may have passed the tree before the step and come to the first marker
                // after it. The second marker is found by a later one.
                for half in ["first", "second"] {
                    let marker = file(markers.path(), &format!("{half} {number}"), "");
                    let mut told = until(&mut changes, &marker, &ChangeKind::Created);
                    told.retain(|path, _| !path.starts_with(markers.path()));
                    learn(&mut known, told);
                }
                prop_assert_eq!(&known, &below(place.path()), "after {:?}", step);
            }
        }
    }
}

#[test]
fn a_directory_that_may_not_be_read_is_told_and_the_others_are_watched() {
    if common::is_root() {
        return println!("skipped: root may read everything");
    }
    for options in both_ways() {
        let place = place();
        let closed = place.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let mut changes = watch(&options, place.path());
        let said = block_on(changes.next()).unwrap().unwrap_err().to_string();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(said.contains("closed") && said.contains("Permission denied"), "{said}");
        let path = file(place.path(), "file", "");
        until(&mut changes, &path, &ChangeKind::Created);
    }
}

#[test]
fn more_changes_than_the_system_keeps_are_told_as_such() {
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let most: usize = most.trim().parse().unwrap();
    if most > 100_000 {
        return println!("skipped: the system keeps {most} changes");
    }
    let place = place();
    let names = ["one", "two"].map(|name| place.path().join(name));
    names.iter().for_each(|path| fs::write(path, "").unwrap());
    let mut changes = watch(&hasty(), place.path());
    for round in 0..=most {
        // Not the same twice, which the system tells once.
        let path = &names[round % 2];
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let missed = place.path().join("missed");
    fs::create_dir(&missed).unwrap();
    until(&mut changes, place.path(), &ChangeKind::Rescan);
    let inside = file(&missed, "inside", "");
    until(&mut changes, &inside, &ChangeKind::Created);
}

#[test]
fn no_change_is_lost_when_a_wait_is_dropped() {
    let place = place();
    let mut changes = watch(&WatchOptions::new().debounce(Duration::from_millis(1)), place.path());
    let mut told = BTreeSet::new();
    let paths: BTreeSet<_> = (0..200)
        .map(|i| {
            let path = file(place.path(), &i.to_string(), "");
            if let Some(batch) = changes.next().now_or_never() {
                told.extend(batch.unwrap().unwrap().into_iter().map(|change| change.path));
            }
            path
        })
        .collect();
    while !told.is_superset(&paths) {
        let batch = block_on(changes.next()).unwrap().unwrap();
        told.extend(batch.into_iter().map(|change| change.path));
    }
}

#[test]
fn what_is_not_there_is_an_error_that_names_it() {
    let place = place();
    let missing = place.path().join("missing");
    let said = block_on(hasty().watch([place.path(), &missing])).unwrap_err().to_string();
    assert!(said.contains("missing") && said.contains("No such file"), "{said}");
}

/// How many descriptors of this process watch a directory.
fn watches_of(directory: &Path) -> usize {
    let inode = format!(" ino:{:x} ", fs::metadata(directory).unwrap().ino());
    let infos = fs::read_dir("/proc/self/fdinfo").unwrap();
    let infos = infos.filter_map(|info| fs::read_to_string(info.unwrap().path()).ok());
    infos.filter(|info| info.contains("inotify") && info.contains(&inode)).count()
}

#[test]
fn what_is_dropped_watches_no_more() {
    for context in contexts() {
        let place = place();
        let mut changes = watch(&WatchOptions::new().context(&context), place.path());
        file(place.path(), "file", "");
        block_on(changes.next()).unwrap().unwrap();
        assert!(watches_of(place.path()) > 0);
        assert!(changes.next().now_or_never().is_none());
        drop(changes);
        let mut patience = 6000;
        while watches_of(place.path()) > 0 {
            assert!(patience > 0, "it is still watched");
            patience -= 1;
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn what_is_over_stays_over() {
    for options in both_ways() {
        let place = place();
        let path = place.path().join("watched");
        fs::create_dir(&path).unwrap();
        let mut changes = watch(&options, &path);
        fs::remove_dir(&path).unwrap();
        while block_on(changes.next()).is_some() {}
        assert!(block_on(changes.next()).is_none(), "it is asked once more");
    }
}

#[test]
fn an_interval_beyond_all_clocks_is_no_look() {
    let place = place();
    let options = hasty().poll(true).poll_interval(Duration::MAX);
    let mut changes = watch(&options, place.path());
    file(place.path(), "file", "new");
    assert!(changes.next().now_or_never().is_none());
}
