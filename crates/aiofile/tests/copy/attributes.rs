//! What a copy keeps, and that it gives nobody more than its source does.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, SystemTime};

use aiofile::fs::{CopyOptions, Replace, copy};
use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::access_list::{INHERITED, LIST, list, set_list};
use crate::support::{file, place, works};

#[tokio::test]
async fn the_mask_of_a_list_does_not_become_the_right_of_a_group() {
    let place = place();
    let source = file(place.path(), "source", "secret");
    if !set_list(&source, LIST, &list(6, 6, 0, 6)) {
        return;
    }
    assert_eq!(fs::metadata(&source).unwrap().mode() & 0o777, 0o660, "the mask shows there");
    for replace in [Replace::InPlace, Replace::ByRename] {
        let target = place.path().join("target");
        CopyOptions::new().replace(replace).copy(&source, &target).await.unwrap();
        assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o600);
        fs::remove_file(&target).unwrap();
        let mut options = CopyOptions::new();
        let copied = options.replace(replace).keep_xattrs(true).copy(&source, &target).await;
        assert!(copied.unwrap().unkept().is_empty());
        let mut kept = [0; 256];
        let length = getxattr(&target, LIST, &mut kept[..]).unwrap();
        assert_eq!(kept[..length], list(6, 6, 0, 6));
        fs::remove_file(&target).unwrap();
    }
}

#[tokio::test]
async fn who_inherits_a_right_in_the_directory_gets_none_to_the_copy() {
    let place = place();
    let source = file(place.path(), "source", "secret");
    fs::set_permissions(&source, Permissions::from_mode(0o640)).unwrap();
    let directory = place.path().join("directory");
    fs::create_dir(&directory).unwrap();
    if !set_list(&directory, INHERITED, &list(6, 7, 7, 7)) {
        return;
    }
    let target = directory.join("target");
    copy(&source, &target).await.unwrap();
    let mut kept = [0; 256];
    assert!(getxattr(&target, LIST, &mut kept[..]).is_err(), "the copy has a list");
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o640);
    // A file that has its own list keeps it, and its mask is not widened.
    let old = file(place.path(), "old", "");
    assert!(set_list(&old, LIST, &list(6, 6, 6, 0)));
    copy(&source, &old).await.unwrap();
    assert_eq!(fs::metadata(&old).unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn times_and_extended_attributes_are_kept_when_asked_for() {
    let place = place();
    let source = file(place.path(), "source", "contents");
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    let times = FileTimes::new().set_modified(then).set_accessed(then);
    File::open(&source).unwrap().set_times(times).unwrap();
    let has_xattrs = setxattr(&source, "user.colour", b"blue", XattrFlags::empty()).is_ok();
    let target = place.path().join("target");
    let mut options = CopyOptions::new();
    options.keep_times(true).keep_xattrs(true).keep_owner(true);
    let copied = options.copy(&source, &target).await.unwrap();
    assert!(copied.unkept().is_empty(), "{copied:?}");
    assert_eq!(fs::metadata(&target).unwrap().modified().unwrap(), then);
    if has_xattrs {
        let mut value = [0; 16];
        let length = getxattr(&target, "user.colour", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"blue");
    }
}

#[tokio::test]
async fn a_copy_is_there_though_an_attribute_could_not_be_set() {
    let (here, there) = (place(), place());
    let source = file(here.path(), "source", "contents");
    let set = setxattr(&source, "user.colour", b"blue", XattrFlags::empty());
    // A file system that has no extended attributes of users.
    if set.is_err() || !works("mount", &["-t", "ramfs", "none"], there.path()) {
        return println!("skipped: {set:?}");
    }
    for replace in [Replace::InPlace, Replace::ByRename] {
        let target = there.path().join("target");
        let mut options = CopyOptions::new();
        let copied = options.replace(replace).keep_xattrs(true).copy(&source, &target).await;
        let contents = fs::read(&target);
        let unkept = copied.unwrap().unkept();
        let text = unkept.first().map(ToString::to_string).unwrap_or_default();
        assert!(unkept.len() == 1 && text.contains("user.colour"), "{unkept:?}");
        assert_eq!(contents.unwrap(), b"contents");
    }
    assert!(works("umount", &["--lazy"], there.path()));
}

#[tokio::test]
async fn rights_of_an_owner_are_lent_only_where_the_owner_is_the_same() {
    let place = place();
    let source = file(place.path(), "source", "#!/bin/sh\n");
    fs::set_permissions(&source, Permissions::from_mode(0o4755)).unwrap();
    let target = place.path().join("target");
    copy(&source, &target).await.unwrap();
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o4755);
    let other = file(place.path(), "other", "");
    if std::os::unix::fs::chown(&other, Some(12_345), Some(12_345)).is_err() {
        return println!("skipped: files cannot be given away here");
    }
    copy(&source, &other).await.unwrap();
    assert_eq!(fs::metadata(&other).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs::metadata(&other).unwrap().uid(), 12_345);
}
