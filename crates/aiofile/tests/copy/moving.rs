//! Moving, on one file system and to another.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use aiofile::fs::rename_or_copy;

use crate::support::{file, names, noise, place};

#[tokio::test]
async fn on_one_file_system_it_is_renamed() {
    let place = place();
    let source = file(place.path(), "source", "contents");
    let target = file(place.path(), "target", "old");
    let inode = fs::metadata(&source).unwrap().ino();
    rename_or_copy(&source, &target).await.unwrap();
    assert_eq!(fs::metadata(&target).unwrap().ino(), inode);
    assert_eq!(names(place.path()), ["target"]);
    let error = rename_or_copy(&source, &target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    assert!(text.contains("source") && text.contains("target"), "{text}");
}

#[tokio::test]
async fn between_file_systems_it_is_copied_and_removed() {
    let (here, there) = (place(), tempfile::tempdir_in("/dev/shm"));
    let Ok(there) = there else { return println!("skipped: no /dev/shm here") };
    let devices = [here.path(), there.path()].map(|path| fs::metadata(path).unwrap().dev());
    if devices[0] == devices[1] {
        return println!("skipped: /dev/shm is no other file system here");
    }
    let source = file(here.path(), "source", noise(300_001));
    fs::set_permissions(&source, Permissions::from_mode(0o640)).unwrap();
    let modified = fs::metadata(&source).unwrap().modified().unwrap();
    let target = there.path().join("target");
    rename_or_copy(&source, &target).await.unwrap();
    assert!(fs::read(&target).unwrap() == noise(300_001));
    let found = fs::metadata(&target).unwrap();
    assert_eq!((found.mode() & 0o777, found.modified().unwrap()), (0o640, modified));

    symlink("target", there.path().join("link")).unwrap();
    rename_or_copy(there.path().join("link"), here.path().join("link")).await.unwrap();
    assert_eq!(fs::read_link(here.path().join("link")).unwrap().to_str(), Some("target"));

    fs::create_dir_all(there.path().join("tree/below")).unwrap();
    file(&there.path().join("tree/below"), "file", "text");
    fs::hard_link(there.path().join("tree/below/file"), there.path().join("tree/other")).unwrap();
    rename_or_copy(there.path().join("tree"), here.path().join("tree")).await.unwrap();
    assert_eq!(fs::read(here.path().join("tree/below/file")).unwrap(), b"text");
    assert_eq!(fs::metadata(here.path().join("tree/other")).unwrap().nlink(), 2);
    assert_eq!(names(there.path()), ["target"]);

    // What is in the way stays, and so does the source.
    fs::create_dir_all(there.path().join("full/of")).unwrap();
    let error = rename_or_copy(here.path().join("tree"), there.path().join("full")).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
    assert_eq!(names(here.path()), ["link", "tree"]);
}
