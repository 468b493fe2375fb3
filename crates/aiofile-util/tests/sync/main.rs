//! A directory made like another one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

#[path = "../../../aiofile/tests/common/access_list.rs"]
mod access_list;
mod attributes;
#[path = "../common/mod.rs"]
mod common;

use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aiofile_util::{Compare, SyncEvent, SyncOptions, SyncReport};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rustix::fs::{Mode as FileMode, OFlags, mkdirat, openat};
use rustix::io::Errno;

use common::{block_on, contexts, file, is_root, names, noise, place};

/// All below a directory, with what a sync keeps.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![PathBuf::new()];
    while let Some(path) = left.pop() {
        let whole = root.join(&path);
        let metadata = fs::symlink_metadata(&whole).unwrap();
        let (mode, time) = (metadata.mode(), (metadata.mtime(), metadata.mtime_nsec()));
        let contents = if metadata.is_dir() {
            left.extend(names(&whole).into_iter().map(|name| path.join(name)));
            "directory".to_owned()
        } else if metadata.is_symlink() {
            found.push(format!("{path:?} -> {:?}", fs::read_link(&whole).unwrap()));
            continue;
        } else {
            blake3::hash(&fs::read(&whole).unwrap()).to_string()
        };
        found.push(format!("{path:?} {mode:o} {time:?} {contents}"));
    }
    found.sort();
    found
}

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
    File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
}

/// Directories, files of all sizes, links, odd names and permissions.
fn source(place: &Path) -> PathBuf {
    let from = place.join("from");
    fs::create_dir_all(from.join("a/b/c")).unwrap();
    fs::create_dir(from.join("empty")).unwrap();
    file(&from, "small", "contents");
    file(&from, "nothing", "");
    file(&from.join("a"), "large", noise((9 << 20) + 1, 1));
    file(&from.join("a/b"), "round", noise(8 << 20, 2));
    for index in 0..50 {
        file(&from.join("a/b/c"), &index.to_string(), noise(index * 100, 3));
    }
    fs::write(from.join(std::ffi::OsStr::from_bytes(b"no\xfftext\n")), "odd").unwrap();
    fs::write(from.join("n".repeat(255)), "long").unwrap();
    symlink("small", from.join("link")).unwrap();
    symlink("nowhere", from.join("dangling")).unwrap();
    symlink("..", from.join("a/loop")).unwrap();
    fs::set_permissions(from.join("small"), Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(from.join("nothing"), Permissions::from_mode(0o400)).unwrap();
    fs::set_permissions(from.join("a/b"), Permissions::from_mode(0o555)).unwrap();
    for (path, time) in [("small", 1), ("a/large", 2_000_000_000), ("a/b", 77), ("a", 78)] {
        set_time(&from.join(path), time);
    }
    from
}

/// A directory that its owner may not write to could not be removed at the end.
fn open_up(root: &Path) {
    fs::set_permissions(root.join("a/b"), Permissions::from_mode(0o755)).unwrap();
}

fn sync(options: &SyncOptions, from: &Path, to: &Path) -> SyncReport {
    let report = block_on(options.sync(from, to)).unwrap();
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    report
}

/// Created, updated, attributes, deleted, unchanged, skipped.
fn counts(report: &SyncReport) -> [u64; 6] {
    let SyncReport { created, updated, attributes, deleted, unchanged, skipped, .. } = *report;
    [created, updated, attributes, deleted, unchanged, skipped]
}

#[test]
fn a_copy_is_the_same_on_every_backend_and_a_second_run_does_nothing() {
    let place = place();
    let from = source(place.path());
    for context in contexts() {
        let to = place.path().join("to");
        let options = SyncOptions::new().context(&context);
        let first = sync(&options, &from, &to);
        assert_eq!(tree(&from), tree(&to));
        assert_eq!(counts(&first), [64, 0, 0, 0, 0, 0]);
        for options in [options.clone(), options.compare(Compare::Contents)] {
            let second = sync(&options, &from, &to);
            assert_eq!(counts(&second), [0, 0, 0, 0, 59, 0]);
            assert_eq!((second.bytes, tree(&from)), (0, tree(&to)));
        }
        open_up(&to);
        fs::remove_dir_all(&to).unwrap();
    }
    open_up(&from);
}

#[test]
fn what_differs_is_mended_and_nothing_else() {
    let place = place();
    let from = source(place.path());
    let to = place.path().join("to");
    let options = SyncOptions::new();
    sync(&options, &from, &to);
    let untouched = fs::metadata(to.join("a/b/round")).unwrap().ino();
    file(&from, "small", "other contents");
    fs::set_permissions(from.join("nothing"), Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(from.join("link")).unwrap();
    symlink("nothing", from.join("link")).unwrap();
    open_up(&from);
    file(&from.join("a/b/c"), "new", "new");
    file(&to, "kept", "of the target alone");
    set_time(&to, 5);
    let report = sync(&options, &from, &to);
    // The permissions of `nothing` and of a/b, the times of a/b/c and of the whole.
    assert_eq!(counts(&report), [1, 2, 4, 0, 56, 0]);
    assert_eq!(report.bytes, 17);
    assert_eq!(fs::metadata(to.join("a/b/round")).unwrap().ino(), untouched);
    assert!(to.join("kept").exists());
    fs::remove_file(to.join("kept")).unwrap();
    sync(&options, &from, &to);
    assert_eq!(tree(&from), tree(&to));
}

#[test]
fn contents_are_compared_where_that_is_asked_for() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir(&from).unwrap();
    file(&from, "same time", "one");
    file(&from, "same contents", "one");
    sync(&SyncOptions::new(), &from, &to);
    file(&to, "same time", "two");
    for (path, seconds) in [("same time", 5), ("same contents", 6)] {
        set_time(&from.join(path), seconds);
    }
    set_time(&to.join("same time"), 5);
    let by_time = SyncOptions::new().dry_run(true);
    assert_eq!(counts(&sync(&by_time, &from, &to)), [0, 1, 0, 0, 1, 0]);
    let by_contents = SyncOptions::new().compare(Compare::Contents);
    let kept = fs::metadata(to.join("same contents")).unwrap().ino();
    assert_eq!(counts(&sync(&by_contents, &from, &to)), [0, 1, 1, 0, 0, 0]);
    assert_eq!(tree(&from), tree(&to));
    assert_eq!(fs::metadata(to.join("same contents")).unwrap().ino(), kept);
}

/// A path below the root that no call takes as a whole; the open directory it leads to.
fn too_long_a_path(root: &Path) -> File {
    let name = "n".repeat(250);
    let mut open = File::open(root).unwrap();
    for _ in 0..20 {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        mkdirat(&open, &name, FileMode::RWXU).or_else(there_is_one).unwrap();
        open = File::from(openat(&open, &name, flags, FileMode::empty()).unwrap());
    }
    open
}

fn there_is_one(answer: Errno) -> Result<(), Errno> {
    if answer == Errno::EXIST { Ok(()) } else { Err(answer) }
}

#[test]
fn contents_are_compared_from_directory_to_directory() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir(&from).unwrap();
    let options = SyncOptions::new().compare(Compare::Contents);
    for (contents, expected) in [("one", [22, 0, 0, 0, 0, 0]), ("two", [0, 1, 0, 0, 0, 0])] {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let opened = openat(too_long_a_path(&from), "file", flags, FileMode::RWXU).unwrap();
        let mut file = File::from(opened);
        file.write_all(contents.as_bytes()).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
        assert_eq!(counts(&sync(&options, &from, &to)), expected);
        assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 0, 0, 1, 0]);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let copy = openat(too_long_a_path(&to), "file", flags, FileMode::empty()).unwrap();
        assert_eq!(io::read_to_string(File::from(copy)).unwrap(), contents);
    }
}

#[test]
fn more_than_there_is_goes_only_where_that_is_asked_for() {
    let place = place();
    let from = source(place.path());
    let to = place.path().join("to");
    sync(&SyncOptions::new(), &from, &to);
    fs::create_dir_all(to.join("more/and")).unwrap();
    file(&to.join("more/and"), "more", "");
    file(&to.join("empty"), "file", "");
    symlink("/", to.join("to everything")).unwrap();
    let dry = SyncOptions::new().delete(true).dry_run(true);
    let before = tree(&to);
    assert_eq!(sync(&dry, &from, &to).deleted, 3);
    assert_eq!(tree(&to), before);
    sync(&SyncOptions::new(), &from, &to);
    assert!(to.join("more/and/more").exists());
    let report = sync(&dry.dry_run(false), &from, &to);
    assert_eq!((report.deleted, report.created), (3, 0));
    assert_eq!(tree(&from), tree(&to));
    assert!(Path::new("/proc/self").exists(), "a link was followed");
    open_up(&from);
    open_up(&to);
}

#[test]
fn a_dry_run_tells_what_the_run_then_does_and_changes_nothing() {
    let place = place();
    let from = source(place.path());
    let to = place.path().join("to");
    let told = |dry: bool| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = Arc::clone(&told);
        let options = SyncOptions::new().delete(true).dry_run(dry).on_event(move |event| {
            if let SyncEvent::Done(action, path) = event {
                tells.lock().unwrap().push((action.name(), path.to_path_buf()));
            }
            ControlFlow::Continue(())
        });
        let report = sync(&options, &from, &to);
        let mut told = told.lock().unwrap().clone();
        told.sort();
        (told, counts(&report), report.bytes)
    };
    assert!(told(true) == told(true) && !to.exists());
    assert_eq!(told(true), told(false));
    file(&from, "small", "other");
    file(&to, "more", "other");
    assert_eq!(told(true), told(false));
    assert_eq!(told(false).1, [0, 0, 0, 0, 59, 0]);
    open_up(&from);
    open_up(&to);
}

#[test]
fn another_kind_in_the_way_is_replaced_but_no_directory_with_contents() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    let elsewhere = place.path().join("elsewhere");
    for directory in [from.join("directory"), to.join("file"), to.join("full"), elsewhere.clone()] {
        fs::create_dir_all(directory).unwrap();
    }
    file(&from, "file", "a file");
    file(&from, "full", "a file");
    file(&from.join("directory"), "in it", "a file");
    file(&to.join("full"), "in it", "precious");
    file(&elsewhere, "in it", "somebody else's");
    symlink(&elsewhere, to.join("directory")).unwrap();
    let report = block_on(SyncOptions::new().sync(&from, &to)).unwrap();
    assert_eq!(report.failed, 1);
    assert!(report.errors[0].1.to_string().contains("is in the way"), "{:?}", report.errors);
    assert_eq!(report.errors[0].0, Path::new("full"));
    assert_eq!(fs::read(to.join("full/in it")).unwrap(), b"precious");
    assert_eq!(fs::read(elsewhere.join("in it")).unwrap(), b"somebody else's");
    sync(&SyncOptions::new().delete(true), &from, &to);
    assert_eq!(tree(&from), tree(&to));
}

#[test]
fn directories_within_each_other_are_refused_however_they_are_named() {
    let place = place();
    let from = place.path().join("from");
    fs::create_dir_all(from.join("deep/er")).unwrap();
    file(&from, "file", "");
    let link = place.path().join("link");
    symlink(&from, &link).unwrap();
    let before = tree(place.path());
    let options = SyncOptions::new().delete(true);
    let twice = from.join("deep/../../from/new");
    for to in [&from, &from.join("new"), &from.join("deep/er"), &link, &link.join("new"), &twice] {
        let said = block_on(options.sync(&from, to)).unwrap_err().to_string();
        assert!(said.contains("copied into itself"), "{said}");
    }
    let said = block_on(options.sync(from.join("deep"), &link)).unwrap_err().to_string();
    assert!(said.contains("would be made like it"), "{said}");
    for (from, to) in [("from/file", "to"), ("missing", "to"), ("from/deep", "from/file")] {
        assert!(block_on(options.sync(place.path().join(from), place.path().join(to))).is_err());
    }
    assert_eq!(tree(place.path()), before);
}

#[test]
fn an_error_is_told_and_the_others_are_done() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir_all(from.join("closed")).unwrap();
    file(&from.join("closed"), "kept", "old");
    file(&from, "secret", "");
    file(&from, "there", "");
    mkfifo(&from.join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
    let options = SyncOptions::new().delete(true);
    sync(&options, &from, &to);
    if is_root() {
        return println!("skipped: root may read everything");
    }
    file(&from, "there", "changed");
    file(&from, "secret", "changed");
    fs::set_permissions(from.join("secret"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(from.join("closed"), Permissions::from_mode(0o000)).unwrap();
    let report = block_on(options.sync(&from, &to)).unwrap();
    fs::set_permissions(from.join("closed"), Permissions::from_mode(0o700)).unwrap();
    let mut paths: Vec<_> = report.errors.iter().map(|(path, _)| path.clone()).collect();
    paths.sort();
    assert_eq!(paths, [Path::new("closed"), Path::new("secret")]);
    assert_eq!((report.updated, report.deleted, report.skipped), (1, 0, 1));
    assert_eq!(fs::read(to.join("closed/kept")).unwrap(), b"old");
    assert_eq!(names(&to), ["closed", "secret", "there"]);
}

#[test]
fn a_run_that_was_stopped_leaves_no_half_file_and_the_next_one_goes_on() {
    let place = place();
    let from = source(place.path());
    let to = place.path().join("to");
    let stopping = SyncOptions::new().on_event(|event| match event {
        SyncEvent::Copied(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let mut runs = 0;
    loop {
        runs += 1;
        let context = common::context();
        let stopped = block_on(stopping.clone().context(&context).sync(&from, &to));
        // What was stopped in the midst of a piece removes its temporary file behind it.
        block_on(context.shutdown(Duration::from_secs(60)));
        for line in tree(&to) {
            assert!(!line.contains(".aiofile"), "{line}");
        }
        if let Err(error) = stopped {
            assert!(error.to_string().contains("stopped"), "{error}");
        } else {
            break;
        }
        if runs == 5 {
            sync(&SyncOptions::new(), &from, &to);
        }
        assert!(runs < 100);
    }
    assert!(runs > 5);
    assert_eq!(tree(&from), tree(&to));
    open_up(&from);
    open_up(&to);
}

#[test]
fn what_a_killed_run_left_goes_and_what_another_one_writes_stays() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir_all(&from).unwrap();
    fs::create_dir_all(&to).unwrap();
    file(&from, "file", "contents");
    file(&to, ".aiofile-0123456789abcdef", "half");
    let busy = file(&to, ".aiofile-0123456789abcde0", "half");
    let held = File::open(&busy).unwrap();
    held.lock_shared().unwrap();
    file(&to, ".aiofile-of mine", "precious");
    symlink("file", to.join(".aiofile-0123456789abcde1")).unwrap();
    sync(&SyncOptions::new(), &from, &to);
    let left = [".aiofile-0123456789abcde0", ".aiofile-of mine", "file"];
    assert_eq!(names(&to), left);
}

#[test]
fn a_dropped_future_leaves_no_half_file() {
    let place = place();
    let from = place.path().join("from");
    fs::create_dir(&from).unwrap();
    file(&from, "large", noise(64 << 20, 1));
    let to = place.path().join("to");
    let context = aiofile::context().build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SyncOptions::new().context(&context);
        let mut sync = Box::pin(options.sync(&from, &to));
        let mut looked = tokio::time::interval(Duration::from_millis(1));
        while !to.exists() || names(&to).is_empty() {
            tokio::select! {
                done = &mut sync => {
                    // So fast that there is nothing to see.
                    done.unwrap();
                    return;
                }
                _ = looked.tick() => {}
            }
        }
        drop(sync);
        context.shutdown(Duration::from_secs(60)).await;
        while names(&to).iter().any(|name| name != "large") {
            looked.tick().await;
        }
    });
}

#[test]
fn names_of_one_file_stay_that_and_names_of_two_become_that() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir(&from).unwrap();
    for name in ["a", "b", "c"] {
        file(&from, name, "same");
        set_time(&from.join(name), 5);
    }
    fs::create_dir(&to).unwrap();
    let inode = |root: &Path, name: &str| fs::metadata(root.join(name)).unwrap().ino();
    // One file in the target, and three that look the same in the source.
    fs::copy(from.join("a"), to.join("a")).unwrap();
    set_time(&to.join("a"), 5);
    fs::hard_link(to.join("a"), to.join("b")).unwrap();
    fs::hard_link(to.join("a"), to.join("c")).unwrap();
    assert_eq!(counts(&sync(&SyncOptions::new(), &from, &to))[1], 0);
    let options = SyncOptions::new().keep_hard_links(true);
    assert_eq!(counts(&sync(&options, &from, &to))[1], 2);
    let inodes = ["a", "b", "c"].map(|name| inode(&to, name));
    assert!(inodes[0] != inodes[1] && inodes[1] != inodes[2] && inodes[0] != inodes[2]);
    // And the other way round.
    fs::remove_file(from.join("c")).unwrap();
    fs::hard_link(from.join("a"), from.join("c")).unwrap();
    for updated in [1, 0] {
        assert_eq!(counts(&sync(&options.clone().dry_run(true), &from, &to))[1], updated);
        assert_eq!(counts(&sync(&options, &from, &to))[1], updated);
        assert_eq!(inode(&to, "a"), inode(&to, "c"));
        assert_ne!(inode(&to, "a"), inode(&to, "b"));
    }
}
