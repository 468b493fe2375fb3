//! What directories take, against du(1).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use aiofile::fs::{DiskUsage, disk_usage};
use aiofile_util::DirectoryUsages;

use common::{block_on, contexts, file, is_root, noise, output, place};

/// The usages, and how many errors there were.
fn usages(mut usages: DirectoryUsages) -> (Vec<(PathBuf, DiskUsage)>, usize) {
    let (mut found, mut errors) = (Vec::new(), 0);
    while let Some(next) = block_on(usages.next()) {
        match next {
            Ok(usage) => found.push(usage),
            Err(_) => errors += 1,
        }
    }
    (found, errors)
}

#[test]
fn the_figures_are_those_of_du_on_every_backend() {
    let place = place();
    let root = place.path().join("root");
    fs::create_dir_all(root.join("b/deep/deeper")).unwrap();
    fs::create_dir(root.join("a")).unwrap();
    file(&root, "top", noise(5000, 1));
    file(&root.join("a"), "small", "x");
    file(&root.join("b/deep/deeper"), "large", noise(300_000, 2));
    fs::File::create(root.join("b/hole")).unwrap().set_len(1 << 30).unwrap();
    fs::hard_link(root.join("top"), root.join("b/again")).unwrap();
    symlink("/", root.join("a/link")).unwrap();
    let (found, _) = usages(DirectoryUsages::new(&root));
    let order: Vec<_> = found.iter().map(|(path, _)| path.clone()).collect();
    let expected = ["a", "b/deep/deeper", "b/deep", "b", ""].map(|path| root.join(path));
    assert!(order.iter().eq(expected.iter()), "{order:?}");
    let Some(theirs) = output(place.path(), "du", &["--block-size=1", "root"]) else { return };
    let theirs = String::from_utf8(theirs).unwrap();
    let theirs: BTreeMap<PathBuf, u64> = theirs
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(bytes, path)| (place.path().join(path), bytes.parse().unwrap()))
        .collect();
    for context in contexts() {
        let (found, errors) = usages(DirectoryUsages::new(&root).context(&context));
        assert_eq!((errors, found.len()), (0, theirs.len()));
        // Where a file is counted that has two links depends on the order, which is the system's.
        for (path, usage) in found.iter().filter(|(path, _)| *path != root.join("b")) {
            assert_eq!(usage.allocated_bytes, theirs[path], "{}", path.display());
        }
    }
}

#[test]
fn the_root_has_the_sum_of_the_whole() {
    let place = place();
    for i in 0..40 {
        let directory = place.path().join(format!("{}/{}", i % 7, i % 3));
        fs::create_dir_all(&directory).unwrap();
        file(&directory, &i.to_string(), noise(i * 400, i as u64));
    }
    let (found, _) = usages(DirectoryUsages::new(place.path()));
    let (_, whole) = found.last().unwrap();
    let sum = block_on(disk_usage(place.path())).unwrap();
    assert_eq!(
        (whole.apparent_bytes, whole.allocated_bytes, whole.files, whole.directories),
        (sum.apparent_bytes, sum.allocated_bytes, sum.files, sum.directories)
    );
    assert_eq!((whole.files, found.len() as u64), (40, whole.directories));
}

#[test]
fn a_file_is_counted_alone_and_what_is_not_there_is_an_error() {
    let place = place();
    let path = file(place.path(), "file", "seven");
    let (found, errors) = usages(DirectoryUsages::new(&path));
    assert_eq!((found.len(), errors), (1, 0));
    assert_eq!((found[0].1.apparent_bytes, found[0].1.files), (5, 1));
    let mut missing = DirectoryUsages::new(place.path().join("missing"));
    let said = block_on(missing.next()).unwrap().unwrap_err().to_string();
    assert!(said.contains("missing"), "{said}");
    assert!(block_on(missing.next()).is_none());
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_counted() {
    if is_root() {
        return println!("skipped: root may read everything");
    }
    let place = place();
    let closed = place.path().join("closed");
    fs::create_dir(&closed).unwrap();
    file(place.path(), "file", "x");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let (found, errors) = usages(DirectoryUsages::new(place.path()));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(errors, 1);
    let (_, whole) = found.last().unwrap();
    assert_eq!((whole.files, whole.directories), (1, 2));
}

#[test]
fn other_file_systems_can_be_left_out() {
    if !Path::new("/dev/pts/ptmx").exists() {
        return println!("skipped: nothing is mounted below /dev here");
    }
    let (all, _) = usages(DirectoryUsages::new("/dev"));
    let (own, _) = usages(DirectoryUsages::new("/dev").one_file_system(true));
    let has =
        |found: &[(PathBuf, DiskUsage)], path| found.iter().any(|(at, _)| *at == Path::new(path));
    assert!(has(&all, "/dev/pts") && !has(&own, "/dev/pts"));
    assert!(has(&all, "/dev") && has(&own, "/dev"));
}
