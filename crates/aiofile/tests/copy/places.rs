//! Where the copy goes: by renaming, and in place where that cannot work.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use aiofile::fs::{CopyOptions, Replace};

use crate::support::{file, names, noise, place, works};

fn by_rename() -> CopyOptions {
    let mut options = CopyOptions::new();
    options.replace(Replace::ByRename);
    options
}

fn if_possible() -> CopyOptions {
    let mut options = CopyOptions::new();
    options.replace(Replace::ByRenameIfPossible);
    options
}

#[tokio::test]
async fn a_link_stays_and_what_it_leads_to_is_replaced() {
    let place = place();
    let source = file(place.path(), "source", "new");
    let old = file(place.path(), "old", "old");
    let inode = fs::metadata(&old).unwrap().ino();
    let (link, lost) = (place.path().join("link"), place.path().join("lost"));
    symlink("old", &link).unwrap();
    symlink("nowhere", &lost).unwrap();
    by_rename().durable(true).copy(&source, &link).await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&old).unwrap(), b"new");
    assert_ne!(fs::metadata(&old).unwrap().ino(), inode);
    let error = by_rename().copy(&source, &lost).await.unwrap_err();
    assert!(error.to_string().contains("leads nowhere"), "{error}");
    assert_eq!(names(place.path()), ["link", "lost", "old", "source"]);
    // As std does it.
    aiofile::fs::copy(&source, &lost).await.unwrap();
    assert_eq!(fs::read(place.path().join("nowhere")).unwrap(), b"new");
}

#[tokio::test]
async fn a_file_that_is_reached_by_its_descriptor_stays_that_file() {
    use std::os::fd::AsRawFd;
    let place = place();
    let source = file(place.path(), "source", "new");
    let old = file(place.path(), "old", "old contents");
    let open = fs::File::options().write(true).open(&old).unwrap();
    let path = format!("/dev/fd/{}", open.as_raw_fd());
    by_rename().copy(&source, path).await.unwrap();
    assert_eq!(open.metadata().unwrap().len(), 3);
    assert_eq!(fs::read(&old).unwrap(), b"new");
}

#[tokio::test]
async fn a_directory_that_keeps_every_name_gets_the_file_and_nothing_else() {
    let place = place();
    let source = file(place.path(), "source", "contents");
    let directory = place.path().join("directory");
    fs::create_dir(&directory).unwrap();
    if !works("chattr", &["+a"], &directory) {
        return;
    }
    let refused = by_rename().copy(&source, directory.join("one")).await;
    let copied = if_possible().copy(&source, directory.join("two")).await;
    assert!(works("chattr", &["-a"], &directory));
    assert!(refused.unwrap_err().to_string().contains("keeps every name"));
    assert!(copied.unwrap().in_place().is_some());
    assert_eq!(names(&directory), ["two"]);
}

/// A file system in memory, of this size, where this process may have one.
struct Memory(tempfile::TempDir);

impl Memory {
    fn new(kind: &str, options: &str) -> Option<Self> {
        let place = place();
        let arguments = ["-t", kind, "-o", options, "none"];
        works("mount", &arguments, place.path()).then(|| Self(place))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        works("umount", &["--lazy"], self.0.path());
    }
}

#[tokio::test]
async fn where_there_is_room_for_one_only_it_is_overwritten() {
    let Some(memory) = Memory::new("tmpfs", "size=8M") else { return };
    let place = place();
    let source = file(place.path(), "source", noise(5 << 20));
    let old = file(memory.0.path(), "old", noise(5 << 20));
    fs::write(&old, vec![7; 5 << 20]).unwrap();
    let copied = if_possible().copy(&source, &old).await.unwrap();
    assert!(copied.in_place().unwrap().to_string().contains("room"), "{copied:?}");
    assert!(fs::read(&old).unwrap() == noise(5 << 20));
    // Where there is room for none, what is there stays.
    let large = file(place.path(), "large", noise(9 << 20));
    let error = if_possible().copy(&large, &old).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert!(error.to_string().contains(old.to_str().unwrap()), "{error}");
    assert!(fs::read(&old).unwrap() == noise(5 << 20));
    assert_eq!(names(memory.0.path()), ["old"]);
}

#[tokio::test]
async fn a_file_that_something_is_mounted_on_is_overwritten() {
    let place = place();
    let source = file(place.path(), "source", "new");
    let (under, over) = (file(place.path(), "under", ""), file(place.path(), "over", "old"));
    let bind = ["--bind", over.to_str().unwrap()];
    if !works("mount", &bind, &under) {
        return;
    }
    let copied = if_possible().copy(&source, &under).await;
    assert!(works("umount", &["--lazy"], &under));
    assert!(copied.unwrap().in_place().unwrap().to_string().contains("mounted"));
    assert_eq!(fs::read(&over).unwrap(), b"new");
    assert_eq!(names(place.path()), ["over", "source", "under"]);
}

#[tokio::test]
async fn a_file_system_without_o_direct_keeps_nothing_of_the_attempt() {
    let Some(memory) = Memory::new("ramfs", "mode=700") else { return };
    let place = place();
    let source = file(place.path(), "source", noise(100_000));
    for context in crate::support::contexts() {
        for mut options in [by_rename(), if_possible(), CopyOptions::new()] {
            let target = memory.0.path().join("target");
            let copied = options.context(&context).direct(true).copy(&source, target).await;
            assert_eq!(copied.unwrap_err().kind(), ErrorKind::InvalidInput);
            assert_eq!(names(memory.0.path()), [""; 0]);
        }
    }
}

#[tokio::test]
async fn names_of_255_bytes_and_long_paths_are_no_obstacle() {
    let place = place();
    let source = file(place.path(), "source", "contents");
    let name = "é".repeat(127) + "x";
    by_rename().copy(&source, place.path().join(&name)).await.unwrap();
    assert_eq!(fs::read(place.path().join(&name)).unwrap(), b"contents");
    let error = by_rename().copy(&source, place.path().join(name + "y")).await.unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    assert!(!error.to_string().contains(".aio"), "{error}");

    // A path of nearly PATH_MAX, made step by step.
    let mut path = place.path().to_owned();
    while path.as_os_str().len() + 202 < 4090 {
        path.push("d".repeat(200));
    }
    fs::create_dir_all(&path).unwrap();
    let room = 4094 - path.as_os_str().len();
    let target = path.join("f".repeat(room.min(255)));
    by_rename().copy(&source, &target).await.unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"contents");
    fs::remove_dir_all(Path::new(place.path()).join("d".repeat(200))).unwrap();
}

#[tokio::test]
async fn between_open_directories_no_name_is_followed() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir(&from).unwrap();
    fs::create_dir(&to).unwrap();
    let source = file(&from, "file", noise(300_000));
    let outside = file(place.path(), "outside", "precious");
    symlink(&outside, from.join("link")).unwrap();
    let directories = (fs::File::open(&from).unwrap(), fs::File::open(&to).unwrap());
    let copy = async |options: &CopyOptions, name: &str| {
        let (from, to) = ((&directories.0, from.join(name)), (&directories.1, to.join(name)));
        options.copy_at(from, to).await
    };
    let mut durable = by_rename();
    durable.durable(true).verify(true);
    for options in [CopyOptions::new(), durable] {
        // A link, a file that may not be written to, and nothing.
        symlink(&outside, to.join("file")).unwrap();
        for _ in 0..3 {
            let copied = copy(&options, "file").await.unwrap();
            assert_eq!((copied.len(), copied.in_place().is_none()), (300_000, true));
            assert!(fs::symlink_metadata(to.join("file")).unwrap().is_file());
            assert!(fs::read(to.join("file")).unwrap() == noise(300_000));
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o400);
            fs::set_permissions(to.join("file"), mode).unwrap();
        }
        fs::remove_file(to.join("file")).unwrap();
        let error = copy(&options, "link").await.unwrap_err();
        assert!(error.to_string().contains("it is a symbolic link"), "{error}");
        let error = copy(&options, "missing").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(from.join("missing").to_str().unwrap()), "{error}");
        let error = copy(&options, "..").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    // What now has the paths does not matter.
    fs::rename(&from, place.path().join("aside")).unwrap();
    symlink("nowhere", &from).unwrap();
    copy(&CopyOptions::new(), "file").await.unwrap();
    assert_eq!(names(&to), ["file"]);
    assert!(!source.exists());
    assert_eq!(fs::read(&outside).unwrap(), b"precious");
}
