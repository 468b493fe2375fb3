//! Owners, and access control lists: nobody gets more than the source gives.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use aiofile_util::{Compare, SyncOptions};
use rustix::fs::getxattr;

use crate::access_list::{INHERITED, LIST, list, set_list};
use crate::common::{file, place};
use crate::{counts, set_time, sync};

fn has_list(path: &Path) -> bool {
    getxattr(path, LIST, &mut [0; 256][..]).is_ok()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn the_mask_of_a_list_never_becomes_the_right_of_a_group() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir_all(from.join("directory")).unwrap();
    let source = file(&from, "file", "secret");
    file(&from.join("directory"), "in it", "plain");
    if !set_list(&source, LIST, &list(6, 6, 0, 6)) {
        return;
    }
    for directory in [&from, &from.join("directory")] {
        assert!(set_list(directory, LIST, &list(7, 7, 5, 7)));
    }
    assert_eq!((mode(&source), mode(&from)), (0o660, 0o770), "the masks show there");
    let modes = || [&to, &to.join("directory"), &to.join("file")].map(|path| mode(path));
    let options = SyncOptions::new();
    let right = [0o750, 0o750, 0o600];
    sync(&options, &from, &to);
    for options in [options.clone(), options.clone().compare(Compare::Contents)] {
        assert_eq!(modes(), right);
        assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 0, 0, 2, 0]);
        assert_eq!(modes(), right);
    }
    // What is too wide is mended.
    fs::set_permissions(to.join("file"), Permissions::from_mode(0o660)).unwrap();
    fs::set_permissions(to.join("directory"), Permissions::from_mode(0o770)).unwrap();
    assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 2, 0, 1, 0]);
    assert_eq!(modes(), right);
    // With the lists the masks come as such.
    let options = options.keep_xattrs(true);
    assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 3, 0, 1, 0]);
    assert_eq!(modes(), [0o770, 0o770, 0o660]);
    let mut kept = [0; 256];
    let length = getxattr(to.join("file"), LIST, &mut kept[..]).unwrap();
    assert_eq!(kept[..length], list(6, 6, 0, 6));
    assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 0, 0, 2, 0]);
}

#[test]
fn a_list_of_the_target_gives_nobody_what_the_source_gives_to_its_group() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir_all(from.join("directory")).unwrap();
    fs::create_dir(&to).unwrap();
    for path in [file(&from, "old", "same"), file(&from, "new", "same")] {
        fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
    }
    fs::set_permissions(from.join("directory"), Permissions::from_mode(0o750)).unwrap();
    let old = file(&to, "old", "same");
    if !set_list(&to, INHERITED, &list(7, 7, 7, 7)) {
        return;
    }
    // Nobody but the owner may do anything, until the mask is widened.
    assert!(set_list(&old, LIST, &list(6, 6, 6, 0)));
    for path in [from.join("old"), old.clone()] {
        set_time(&path, 5);
    }
    let options = SyncOptions::new();
    assert_eq!(counts(&sync(&options, &from, &to))[..2], [2, 0]);
    assert!(has_list(&old) && mode(&old) == 0o600, "{:o}", mode(&old));
    for (name, right) in [("new", 0o640), ("directory", 0o750)] {
        let path = to.join(name);
        assert!(!has_list(&path) && mode(&path) == right, "{name}: {:o}", mode(&path));
    }
    assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 0, 0, 2, 0]);
}

#[test]
fn owner_and_group_are_kept_where_that_is_asked_for() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir_all(from.join("directory")).unwrap();
    file(&from, "program", "#!/bin/sh\n");
    symlink("program", from.join("link")).unwrap();
    let given = ["directory", "program", "link"];
    for name in given {
        if let Err(error) = lchown(from.join(name), Some(12_345), Some(12_346)) {
            return println!("skipped: files cannot be given away here: {error}");
        }
    }
    fs::set_permissions(from.join("program"), Permissions::from_mode(0o6755)).unwrap();
    let found = |name: &str| {
        let metadata = fs::symlink_metadata(to.join(name)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    let options = SyncOptions::new();
    sync(&options, &from, &to);
    for name in given {
        assert_ne!(found(name), (12_345, 12_346), "{name}");
    }
    assert_eq!(mode(&to.join("program")), 0o755, "another owner's rights would be lent");
    let options = options.keep_owner(true);
    assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 3, 0, 0, 0]);
    let all_is_kept = || {
        for name in given {
            assert_eq!(found(name), (12_345, 12_346), "{name}");
        }
        assert_eq!(mode(&to.join("program")), 0o6755);
        assert_eq!(counts(&sync(&options, &from, &to)), [0, 0, 0, 0, 2, 0]);
    };
    all_is_kept();
    // What is made anew has them from its first run on.
    fs::remove_dir_all(&to).unwrap();
    assert_eq!(counts(&sync(&options, &from, &to)), [4, 0, 0, 0, 0, 0]);
    all_is_kept();
}
