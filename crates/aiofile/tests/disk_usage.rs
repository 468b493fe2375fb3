//! What a tree takes.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

use std::fs::{File, create_dir_all, hard_link, metadata, symlink_metadata, write};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use aiofile::fs::{disk_usage, disk_usage_one_file_system};

#[tokio::test]
async fn lengths_blocks_and_links_are_counted_as_du_does() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    create_dir_all(root.join("a/b")).unwrap();
    write(root.join("a/data"), [7; 10_000]).unwrap();
    hard_link(root.join("a/data"), root.join("a/b/same")).unwrap();
    hard_link(root.join("a/data"), root.join("again")).unwrap();
    File::create(root.join("holes")).unwrap().set_len(1 << 30).unwrap();
    symlink("a/data", root.join("link")).unwrap();
    // What is written later has its place now, so that no block comes between two looks.
    for path in ["a/data", "a/b", "a", ""] {
        File::open(root.join(path)).unwrap().sync_all().unwrap();
    }

    let usage = disk_usage(root).await.unwrap();
    assert_eq!((usage.files, usage.directories), (3, 3));
    assert!(usage.errors.is_empty(), "{:?}", usage.errors);
    let paths = ["", "a", "a/b", "a/data", "holes", "link"];
    let looked = paths.map(|path| symlink_metadata(root.join(path)).unwrap());
    assert_eq!(usage.apparent_bytes, looked.iter().map(|it| it.len()).sum::<u64>());
    assert_eq!(usage.allocated_bytes, looked.iter().map(|it| it.blocks() * 512).sum::<u64>());
    assert!(usage.allocated_bytes < 1 << 20 && usage.apparent_bytes > 1 << 30);

    match Command::new("du").args(["-s", "--block-size=1"]).arg(root).output() {
        Ok(du) => {
            let printed = String::from_utf8(du.stdout).unwrap();
            assert_eq!(printed.split('\t').next(), Some(&*usage.allocated_bytes.to_string()));
        }
        Err(error) => println!("skipped: no du: {error}"),
    }
}

#[tokio::test]
async fn a_file_by_itself_and_nothing_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    write(&path, "12345").unwrap();
    let usage = disk_usage(&path).await.unwrap();
    assert_eq!((usage.files, usage.directories, usage.apparent_bytes), (1, 0, 5));

    let error = disk_usage(directory.path().join("none")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("none: No such file"), "{error}");
}

#[tokio::test]
async fn one_file_system_leaves_mounts_out() {
    let is_mount =
        |path| metadata(path).is_ok_and(|it| it.dev() != metadata("/dev").unwrap().dev());
    if !Path::new("/dev").exists() || !is_mount("/dev/shm") && !is_mount("/dev/pts") {
        println!("skipped: nothing is mounted below /dev");
        return;
    }
    let all = disk_usage("/dev").await.unwrap();
    let one = disk_usage_one_file_system("/dev").await.unwrap();
    assert!(one.directories < all.directories, "{one:?} {all:?}");
}
