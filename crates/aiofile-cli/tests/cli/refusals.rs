//! `aiofile cp`, where it fails: a reason each time, and nothing left behind.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::{aiofile, file, is_root, names, place, run, shell};

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
fn messages_name_what_was_typed_and_never_a_temporary_name() {
    let place = place();
    let source = file(place.path(), "source", b"contents");
    for (target, words) in [
        ("no/such/directory/x", "No such file or directory"),
        ("new/.", "there is no such directory"),
        ("/sys/x", "denied"),
        ("/proc/x", "No such file or directory"),
    ] {
        let ran = run(aiofile().current_dir(place.path()).arg("cp").arg(&source).arg(target));
        assert!(!ran.stderr.contains(".aio"), "{}", ran.stderr);
        ran.failed(1, &[&format!(" {target}: "), words]);
    }
    assert_eq!(names(place.path()), ["source"]);
}

#[test]
fn an_option_that_a_device_or_a_pipe_cannot_obey_is_refused() {
    let place = place();
    let source = file(place.path(), "source", b"contents");
    let target = place.path().join("target");
    let (null, zero) = (Path::new("/dev/null"), Path::new("/dev/zero"));
    for (from, to, option) in [
        (&*source, null, &["--sync"][..]),
        (&*source, null, &["--reflink", "always"]),
        (&*source, null, &["--direct"]),
        (&*source, null, &["--verify"]),
        (zero, &*target, &["--direct"]),
        (zero, &*target, &["--verify"]),
        (Path::new("/proc/cpuinfo"), &*target, &["--direct"]),
        (zero, &*target, &["--reflink", "always"]),
    ] {
        let ran = run(aiofile().arg("cp").args([from, to]).args(option));
        assert_eq!(ran.code, Some(1), "{option:?} of {} to {}", from.display(), to.display());
    }
    assert_eq!(names(place.path()), ["source"]);
}

#[test]
fn what_only_the_way_to_the_directory_forbids_is_no_obstacle() {
    if !is_root() {
        return println!("skipped: needs another user");
    }
    let place = tempfile::tempdir().unwrap();
    let open = place.path().join("closed/open");
    fs::create_dir_all(&open).unwrap();
    let command = open.join("command");
    fs::copy(env!("CARGO_BIN_EXE_aiofile"), &command).unwrap();
    file(&open, "source", b"contents");
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(place.path().join("closed"), Permissions::from_mode(0o700)).unwrap();
    let copy = "./command cp -q source target && ./command cp -q source target";
    let as_nobody = "exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c \"$1\"";
    let ran = run(&mut shell(&open, as_nobody, &[Path::new(copy)]));
    if ran.stderr.contains("setpriv") {
        return println!("skipped: {}", ran.stderr);
    }
    ran.succeeded();
    assert_eq!(fs::read(open.join("target")).unwrap(), b"contents");
    // A file of another owner in a sticky directory can be overwritten, not replaced.
    let other = file(&open, "other", b"old");
    fs::set_permissions(&other, Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o1777)).unwrap();
    let ran = run(&mut shell(&open, as_nobody, &[Path::new("./command cp -q source other")]));
    assert_eq!((ran.code, ran.stderr.contains("sticky")), (Some(0), true), "{ran:?}");
    // Neither does one need to write to the directory.
    fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
    file(&open, "source", b"more contents");
    let ran = run(&mut shell(&open, as_nobody, &[Path::new("./command cp -q source other")]));
    assert_eq!((ran.code, ran.stderr.contains("in place")), (Some(0), true), "{ran:?}");
    assert_eq!(fs::read(&other).unwrap(), b"more contents");
    assert_eq!(names(&open), ["command", "other", "source", "target"]);
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
