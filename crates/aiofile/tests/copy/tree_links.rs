//! Files with several names within a directory that is copied.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use aiofile::fs::{CopiedDir, CopyOptions, Replace};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::{contexts, file, noise, place};

const NAMES: usize = 300;

/// A file with many names in several directories, one with two, and others beside them.
fn plant(root: &Path) {
    for number in 0..NAMES {
        let directory = root.join(format!("below{}", number % 7));
        fs::create_dir_all(&directory).unwrap();
        file(&directory, &format!("single{number}"), noise(number));
        let name = directory.join(format!("name{number}"));
        match number {
            0 => drop(file(&directory, "name0", noise(200_000))),
            _ => fs::hard_link(root.join("below0/name0"), name).unwrap(),
        }
    }
    file(root, "one", "two names");
    fs::hard_link(root.join("one"), root.join("below3/other")).unwrap();
    symlink("one", root.join("link")).unwrap();
    fs::hard_link(root.join("link"), root.join("below1/link")).unwrap();
    mkfifo(&root.join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
    fs::hard_link(root.join("fifo"), root.join("below2/fifo")).unwrap();
    // Another name of this one lies elsewhere.
    file(root, "outside", "contents");
    fs::hard_link(root.join("outside"), root.with_extension("name")).unwrap();
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

#[track_caller]
fn assert_linked(copied: &CopiedDir, target: &Path) {
    assert_eq!((copied.failures(), copied.unkept().len()), (0, 0), "{copied:?}");
    let names = |number: usize| target.join(format!("below{}/name{number}", number % 7));
    let inodes: HashSet<_> = (0..NAMES).map(|number| inode(&names(number))).collect();
    assert_eq!(inodes.len(), 1);
    assert_eq!(fs::metadata(names(5)).unwrap().nlink(), NAMES as u64);
    assert!(fs::read(names(5)).unwrap() == noise(200_000));
    for (one, other) in [("one", "below3/other"), ("link", "below1/link"), ("fifo", "below2/fifo")]
    {
        assert_eq!(inode(&target.join(one)), inode(&target.join(other)), "{one}");
    }
    assert_eq!(fs::metadata(target.join("outside")).unwrap().nlink(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_one_file_stay_names_of_one_file() {
    let place = place();
    let source = place.path().join("source");
    plant(&source);
    for (index, context) in contexts().iter().enumerate() {
        for at_once in [1, 7] {
            let target = place.path().join(format!("target{index}-{at_once}"));
            let mut options = CopyOptions::new();
            options.context(context).in_flight(at_once).keep_hard_links(true);
            let copied = options.copy_dir(&source, &target).await.unwrap();
            assert_linked(&copied, &target);
            let links = NAMES as u64 - 1 + 3;
            assert_eq!((copied.files(), copied.hard_links()), (NAMES as u64 + 3, links));
            assert_eq!(copied.bytes(), (0..NAMES as u64).sum::<u64>() + 200_000 + 9 + 8);
        }
    }
}

#[tokio::test]
async fn without_the_option_each_name_is_a_file() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    plant(&source);
    let copied = CopyOptions::new().copy_dir(&source, &target).await.unwrap();
    assert_eq!((copied.files(), copied.hard_links()), (2 * NAMES as u64 + 3, 0), "{copied:?}");
    assert_ne!(inode(&target.join("one")), inode(&target.join("below3/other")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_over_what_is_there_and_with_options_for_each_file() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    plant(&source);
    fs::create_dir_all(target.join("below3")).unwrap();
    file(&target, "one", "old");
    file(&target.join("below3"), "other", "a file of its own");
    for replace in [Replace::InPlace, Replace::ByRename] {
        for verify in [false, true] {
            let mut options = CopyOptions::new();
            options.keep_hard_links(true).replace(replace).verify(verify);
            let copied = options.copy_dir(&source, &target).await.unwrap();
            assert_linked(&copied, &target);
            assert_eq!(fs::read(target.join("below3/other")).unwrap(), b"two names");
            assert_eq!(fs::read_dir(target.join("below3")).unwrap().count(), 43 + 43 + 1);
        }
    }
}

#[tokio::test]
async fn where_the_first_name_cannot_be_made_the_next_one_is_the_file() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    fs::create_dir_all(source.join("a")).unwrap();
    fs::create_dir_all(source.join("b")).unwrap();
    fs::create_dir_all(source.join("c")).unwrap();
    file(&source.join("a"), "file", "contents");
    fs::set_permissions(source.join("a/file"), PermissionsExt::from_mode(0o640)).unwrap();
    for other in ["b", "c"] {
        fs::hard_link(source.join("a/file"), source.join(other).join("file")).unwrap();
    }
    // Whichever comes first of these two, a directory is in its way.
    for blocked in ["a", "b"] {
        fs::create_dir_all(target.join(blocked).join("file/within")).unwrap();
    }
    let mut options = CopyOptions::new();
    let copied = options.keep_hard_links(true).copy_dir(&source, &target).await.unwrap();
    assert_eq!((copied.failures(), copied.files()), (2, 1), "{copied:?}");
    assert_eq!(fs::read(target.join("c/file")).unwrap(), b"contents");
}
