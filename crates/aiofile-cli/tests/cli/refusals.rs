//! `aiofile cp`, where it fails: a reason each time, and nothing left behind.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{aiofile, file, is_root, names, place, run};

#[test]
fn a_file_is_not_copied_onto_itself() {
    let place = place();
    let source = file(place.path(), "source", b"contents");
    let (hard, soft) = (place.path().join("hard"), place.path().join("soft"));
    fs::hard_link(&source, &hard).unwrap();
    symlink(&source, &soft).unwrap();
    for target in [&source, &hard, &soft, &place.path().to_owned()] {
        let ran = run(aiofile().arg("cp").args([&source, target]));
        ran.failed(1, &["is the same file as", source.to_str().unwrap()]);
    }
    assert_eq!(fs::read(&source).unwrap(), b"contents");
    assert_eq!(names(place.path()), ["hard", "soft", "source"]);
}

#[test]
fn what_cannot_be_copied_is_named() {
    let place = place();
    let source = file(place.path(), "source", b"contents");
    let target = place.path().join("target");
    let missing = place.path().join("missing");
    let ran = run(aiofile().arg("cp").args([&missing, &target]));
    ran.failed(1, &[missing.to_str().unwrap(), "No such file or directory"]);
    let ran = run(aiofile().arg("cp").arg(place.path()).arg(&target));
    ran.failed(1, &[place.path().to_str().unwrap(), "is a directory"]);
    let ran = run(aiofile().arg("cp").args([&source, &missing.join("target")]));
    ran.failed(1, &["No such file or directory"]);
    let ran = run(aiofile().arg("cp").arg(&source).arg(format!("{}/", missing.display())));
    ran.failed(1, &["there is no such directory"]);
    let link = place.path().join("link");
    symlink("nowhere", &link).unwrap();
    run(aiofile().arg("cp").args([&source, &link])).failed(1, &["leads nowhere"]);
    assert_eq!(names(place.path()), ["link", "source"]);
}

#[test]
fn a_full_device_is_named_with_the_cause() {
    let place = place();
    let source = file(place.path(), "source", b"contents");
    let ran = run(aiofile().arg("cp").arg(&source).arg("/dev/full"));
    ran.failed(1, &["write /dev/full at offset 0", "No space left on device"]);
}

#[test]
fn a_source_of_which_nothing_can_be_read_again_is_not_verified() {
    let place = place();
    let target = place.path().join("target");
    let ran = run(aiofile().args(["cp", "--verify", "/dev/zero"]).arg(&target));
    ran.failed(1, &["verify /dev/zero", "regular files"]);
    assert!(names(place.path()).is_empty());
}

#[test]
fn a_reflink_that_must_be_and_cannot_be_is_an_error() {
    let place = place();
    let target = place.path().join("target");
    let ran = run(aiofile().args(["cp", "--reflink", "always", "/proc/cpuinfo"]).arg(&target));
    ran.failed(1, &["share the blocks of /proc/cpuinfo"]);
    assert!(names(place.path()).is_empty());
}

#[test]
fn read_only_places_refuse() {
    if is_root() {
        println!("skipped: root may write everywhere");
        return;
    }
    let place = place();
    let source = file(place.path(), "source", b"contents");
    let directory = place.path().join("directory");
    fs::create_dir(&directory).unwrap();
    let old = file(&directory, "old", b"old");
    fs::set_permissions(&old, Permissions::from_mode(0o400)).unwrap();
    run(aiofile().arg("cp").args([&source, &old])).failed(1, &["Permission denied"]);
    fs::set_permissions(&directory, Permissions::from_mode(0o500)).unwrap();
    let ran = run(aiofile().arg("cp").args([&source, &directory]));
    ran.failed(1, &[directory.to_str().unwrap(), "Permission denied"]);
    assert_eq!(fs::read(&old).unwrap(), b"old");
    assert_eq!(names(&directory), ["old"]);
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
}
