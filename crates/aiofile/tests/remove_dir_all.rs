//! Removing trees, beside std.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::ffi::OsStr;
use std::fs::{
    create_dir, create_dir_all, hard_link, read, read_dir, remove_dir_all as std_remove, write,
};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use aiofile::fs::remove_dir_all;
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

fn fill(root: &Path) {
    for outer in 0..5 {
        let path = root.join(format!("{outer}/inner"));
        create_dir_all(&path).unwrap();
        for file in 0..50 {
            write(path.join(file.to_string()), "").unwrap();
        }
    }
    write(root.join(OsStr::from_bytes(b"\xff\n ")), "").unwrap();
    create_dir(root.join("n".repeat(255))).unwrap();
}

#[tokio::test]
async fn a_tree_is_gone_and_what_it_links_to_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (root, outside) = (directory.path().join("root"), directory.path().join("outside"));
    fill(&root);
    create_dir(&outside).unwrap();
    write(outside.join("kept"), "kept").unwrap();
    symlink(&outside, root.join("0/to a directory")).unwrap();
    symlink(outside.join("kept"), root.join("0/to a file")).unwrap();
    symlink("nowhere", root.join("0/to nothing")).unwrap();
    hard_link(outside.join("kept"), root.join("1/hard")).unwrap();

    remove_dir_all(&root).await.unwrap();
    assert!(!root.exists());
    assert_eq!(read(outside.join("kept")).unwrap(), b"kept");
}

#[tokio::test]
async fn it_answers_as_std_does() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let make = || {
        write(root.join("file"), "").unwrap();
        create_dir_all(root.join("target/inside")).unwrap();
        for (target, link) in [("target", "link"), ("nowhere", "broken"), ("file", "to file")] {
            symlink(target, root.join(link)).unwrap();
        }
    };
    let state = || {
        let mut names: Vec<_> = read_dir(root).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        names
    };
    for name in
        ["file", "target", "link", "broken", "to file", "none", "target/", "file/", "link/", "\0"]
    {
        make();
        let expected = std_remove(root.join(name)).map_err(|error| error.kind());
        let left = state();
        _ = std_remove(root.join("target"));
        for name in state() {
            std::fs::remove_file(root.join(name)).unwrap();
        }
        make();
        let ours = remove_dir_all(root.join(name)).await.map_err(|error| error.kind());
        assert_eq!((ours, state()), (expected, left), "{name:?}");
        _ = std_remove(root.join("target"));
        for name in state() {
            std::fs::remove_file(root.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_tree_deeper_than_a_path_or_the_descriptors_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    create_dir(&root).unwrap();
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, &root, flags, Mode::empty()).unwrap();
    for level in 0..1100 {
        let name = format!("level {level}");
        mkdirat(&at, &*name, Mode::RWXU).unwrap();
        if level % 10 == 0 {
            // Something beside the way down, so that a directory is read on after the way back.
            mkdirat(&at, "a", Mode::RWXU).unwrap();
            mkdirat(&at, "z", Mode::RWXU).unwrap();
        }
        at = openat(&at, &*name, flags, Mode::empty()).unwrap();
    }
    drop(at);
    remove_dir_all(&root).await.unwrap();
    assert!(!root.exists());
}

#[tokio::test]
async fn more_than_a_round_of_entries_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    create_dir(&root).unwrap();
    for name in 0..5000 {
        write(root.join(name.to_string()), "").unwrap();
    }
    remove_dir_all(&root).await.unwrap();
    assert!(!root.exists());
}

#[tokio::test]
async fn what_cannot_be_removed_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let none = directory.path().join("none");
    let error = remove_dir_all(&none).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with(&format!("remove_dir_all {}: ", none.display())));

    // Nobody can remove a file of /proc.
    let error = remove_dir_all("/proc/self/task").await.unwrap_err();
    assert!(error.to_string().starts_with("remove_dir_all /proc/self/task/"), "{error}");
}

/// A directory that others turn into a link and back while it is removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_takes_the_place_of_a_directory_leads_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let outside = root.join("outside");
    create_dir(&outside).unwrap();
    write(outside.join("kept"), "").unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (place, aside) = (root.join("root/place"), root.join("aside"));
            while !over.load(Ordering::Relaxed) {
                if std::fs::rename(&place, &aside).is_ok() {
                    _ = symlink(&outside, &place);
                    _ = std::fs::remove_file(&place);
                    _ = std::fs::rename(&aside, &place);
                    _ = std_remove(&aside);
                }
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let rounds = std::thread::spawn({
            let root = root.to_owned();
            move || {
                for _ in 0..300 {
                    create_dir_all(root.join("root/place")).ok();
                    write(root.join("root/place/file"), "").ok();
                    // The other may put something into the directory when it was found empty.
                    if let Err(error) = runtime.block_on(remove_dir_all(root.join("root"))) {
                        let expected = [
                            ErrorKind::DirectoryNotEmpty,
                            ErrorKind::IsADirectory,
                            ErrorKind::NotADirectory,
                            ErrorKind::NotFound,
                        ];
                        assert!(expected.contains(&error.kind()), "{error}");
                    }
                }
            }
        });
        let result = rounds.join();
        over.store(true, Ordering::Relaxed);
        result.unwrap();
    });
    assert!(outside.join("kept").exists());
}

#[test]
fn it_needs_no_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fill(&root);
    futures_executor::block_on(remove_dir_all(&root)).unwrap();
    assert!(!root.exists());
}
