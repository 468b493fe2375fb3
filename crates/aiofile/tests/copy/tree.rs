//! Directories with all that is in them.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use aiofile::fs::{CopyOptions, Replace, copy_dir};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::{contexts, file, names, noise, place};

/// Some directories with files, links and a FIFO.
fn plant(root: &Path) {
    fs::create_dir_all(root.join("many/below")).unwrap();
    fs::create_dir_all(root.join("closed")).unwrap();
    for number in 0..700 {
        file(&root.join("many"), &format!("file{number}"), noise(number));
    }
    file(&root.join("many/below"), "large", noise(3_000_001));
    file(&root.join("closed"), "within", "text");
    file(root, "empty", "");
    symlink("many/file7", root.join("link")).unwrap();
    symlink("/nowhere", root.join("lost")).unwrap();
    symlink("..", root.join("many/up")).unwrap();
    mkfifo(&root.join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
    fs::set_permissions(root.join("closed"), Permissions::from_mode(0o500)).unwrap();
}

fn assert_same(one: &Path, other: &Path) {
    assert_eq!(names(one), names(other));
    for name in names(one) {
        let (one, other) = (one.join(&name), other.join(&name));
        let [left, right] = [&one, &other].map(|path| fs::symlink_metadata(path).unwrap());
        assert_eq!(left.mode(), right.mode(), "{}", one.display());
        if left.is_symlink() {
            assert_eq!(fs::read_link(&one).unwrap(), fs::read_link(&other).unwrap());
        } else if left.is_dir() {
            assert_same(&one, &other);
        } else if left.is_file() {
            assert!(fs::read(&one).unwrap() == fs::read(&other).unwrap(), "{}", one.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_is_copied_on_every_backend() {
    let place = place();
    let source = place.path().join("source");
    plant(&source);
    for (index, context) in contexts().iter().enumerate() {
        for at_once in [1, 5] {
            let target = place.path().join(format!("target{index}-{at_once}"));
            let mut options = CopyOptions::new();
            options.context(context).in_flight(at_once).keep_times(true);
            let copied = options.copy_dir(&source, &target).await.unwrap();
            assert_eq!((copied.failures(), copied.unkept().len()), (0, 0), "{copied:?}");
            assert_eq!((copied.files(), copied.directories(), copied.others()), (703, 4, 4));
            assert_same(&source, &target);
            assert!(fs::metadata(target.join("fifo")).unwrap().file_type().is_fifo());
            let [from, to] = [&source, &target]
                .map(|root| fs::metadata(root.join("many")).unwrap().modified().unwrap());
            assert_eq!(from, to);
        }
    }
}

#[tokio::test]
async fn a_directory_has_its_time_also_where_its_files_take_longer() {
    type Choose = fn(&mut CopyOptions) -> &mut CopyOptions;
    let place = place();
    let source = place.path().join("source");
    plant(&source);
    let choices: [(&str, Choose); 3] = [
        ("durable", |options| options.durable(true)),
        ("verify", |options| options.verify(true)),
        ("by blocks", |options| options.copy_file_range(false)),
    ];
    for (name, choose) in choices {
        let target = place.path().join(name);
        let mut options = CopyOptions::new();
        let copied = choose(&mut options).keep_times(true).copy_dir(&source, &target).await;
        assert_eq!(copied.unwrap().files(), 703, "{name}");
        assert_same(&source, &target);
        for directory in ["", "many", "many/below", "closed"] {
            let [from, to] = [&source, &target]
                .map(|root| fs::metadata(root.join(directory)).unwrap().modified().unwrap());
            assert_eq!(from, to, "{name}: {directory}");
        }
    }
}

#[tokio::test]
async fn a_directory_that_is_there_is_merged_with() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    plant(&source);
    copy_dir(&source, &target).await.unwrap();
    for root in [&source, &target] {
        // Nobody but root replaces a file in a directory that may not be written to.
        fs::set_permissions(root.join("closed"), Permissions::from_mode(0o700)).unwrap();
    }
    file(&target, "other", "stays");
    file(&target, "empty", "no more");
    fs::remove_file(target.join("link")).unwrap();
    file(&target, "link", "a file by now");
    for (before, replace) in [Replace::InPlace, Replace::ByRename].into_iter().enumerate() {
        let mut options = CopyOptions::new();
        let copied = options.replace(replace).copy_dir(&source, &target).await.unwrap();
        assert_eq!((copied.failures(), copied.files()), (0, 703 + before as u64), "{copied:?}");
        assert_eq!(fs::read(target.join("other")).unwrap(), b"stays");
        file(&source, "other", "stays");
        assert_same(&source, &target);
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_named_and_the_rest_is_copied() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    plant(&source);
    // A directory where a file is to go, and a file where a directory is.
    fs::create_dir_all(target.join("many/file5/in the way")).unwrap();
    file(&target, "closed", "a file");
    let copied = CopyOptions::new().copy_dir(&source, &target).await.unwrap();
    assert_eq!((copied.failures(), copied.files()), (2, 701), "{copied:?}");
    let failed: Vec<_> = copied.failed().iter().map(ToString::to_string).collect();
    for path in ["many/file5", "closed"] {
        assert!(failed.iter().any(|error| error.contains(path)), "{path}: {failed:?}");
    }
    let error = copy_dir(&source, &target).await.unwrap_err();
    assert!(error.to_string().contains("and 1 others"), "{error}");
}

#[tokio::test]
async fn a_tree_is_not_copied_into_itself() {
    let place = place();
    let source = place.path().join("source");
    plant(&source);
    symlink(&source, place.path().join("other name")).unwrap();
    let within = place.path().join("other name/many/new");
    for target in [&source, &source.join("new"), &source.join("a/b"), &within] {
        let error = copy_dir(&source, target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert!(!source.join("new").exists() && !source.join("many/new").exists());
    let error = copy_dir(source.join("empty"), place.path().join("t")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error}");
    assert_eq!(names(place.path()), ["other name", "source"]);
}

#[tokio::test]
async fn options_for_files_hold_for_all_of_them() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    plant(&source);
    let mut options = CopyOptions::new();
    options.verify(true).copy_file_range(false);
    let copied = options.copy_dir(&source, &target).await.unwrap();
    assert_eq!((copied.failures(), copied.files()), (0, 703), "{copied:?}");
    assert_same(&source, &target);
}
