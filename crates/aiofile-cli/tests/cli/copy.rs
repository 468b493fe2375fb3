//! `aiofile cp`, where it succeeds.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::{
    BACKENDS, Ran, aiofile, assert_same, file, names, noise, place, run, sparse, works,
};

fn copy(source: &Path, target: &Path, flags: &[&str]) -> Ran {
    run(aiofile().arg("cp").args([source, target]).args(flags)).succeeded()
}

#[test]
fn a_large_file_is_copied_and_verified_on_every_backend() {
    let place = place();
    let source = file(place.path(), "source", &noise((64 << 20) + 4097, 1));
    let target = place.path().join("target");
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        let said = copy(&source, &target, &["--verify", "--backend", backend]).text();
        assert_same(&source, &target);
        for word in ["copied 64.00 MiB", "GiB/s", &format!("backend {backend}"), "verified"] {
            assert!(said.contains(word), "{word:?} is not in {said:?}");
        }
        assert_eq!(said.lines().count(), 1, "{said}");
        fs::remove_file(&target).unwrap();
    }
    assert_eq!(names(place.path()), ["source"]);
}

#[test]
fn odd_sizes_blocks_and_jobs_all_give_the_same_bytes() {
    let place = place();
    let target = place.path().join("target");
    for size in [0, 1, 511, 4096, 4097, 65_536, 262_143, 1_000_003] {
        let source = file(place.path(), "source", &noise(size, size as u64));
        for flags in [
            &["--block", "1000", "--jobs", "3"][..],
            &["--block", "64K", "--jobs", "16"],
            &["--block", "1G", "--jobs", "1"],
            &["--verify", "--sync", "--quiet"],
        ] {
            copy(&source, &target, flags);
            assert_same(&source, &target);
        }
    }
}

#[test]
fn o_direct_copies_odd_sizes_too() {
    let place = place();
    let target = place.path().join("target");
    for size in [1, 4096, 4097, 1_000_003] {
        let source = file(place.path(), "source", &noise(size, size as u64));
        let ran = run(aiofile().arg("cp").args([&source, &target]).args(["--direct", "--verify"]));
        if ran.stderr.contains("Invalid argument") {
            println!("skipped: no O_DIRECT here: {}", ran.stderr);
            return;
        }
        ran.succeeded();
        assert_same(&source, &target);
    }
    let source = sparse(place.path(), "source", 8 << 20);
    copy(&source, &target, &["--direct", "--verify", "--block", "64K", "--reflink", "never"]);
    assert_same(&source, &target);
}

#[test]
fn holes_stay_holes() {
    let place = place();
    let source = sparse(place.path(), "source", (256 << 20) + 12_345);
    let target = place.path().join("target");
    let said = copy(&source, &target, &["--verify", "--sync", "--reflink", "never"]).text();
    assert_same(&source, &target);
    let (from, to) = (fs::metadata(&source).unwrap(), fs::metadata(&target).unwrap());
    assert!(to.blocks() <= from.blocks() + 64, "{} of {} blocks", to.blocks(), from.blocks());
    assert!(said.contains("of data in a file of"), "{said}");

    let hole = place.path().join("hole");
    File::create(&hole).unwrap().set_len(1 << 30).unwrap();
    copy(&hole, &target, &["--verify"]);
    let copied = fs::metadata(&target).unwrap();
    assert_eq!((copied.len(), copied.blocks()), (1 << 30, 0));
}

#[test]
fn the_kernel_copies_by_itself_unless_told_how() {
    let place = place();
    let plain = file(place.path(), "plain", &noise((40 << 20) + 4097, 2));
    let with_holes = sparse(place.path(), "with_holes", (64 << 20) + 12_345);
    let target = place.path().join("target");
    let (from, to) = (File::open(&plain).unwrap(), File::create(&target).unwrap());
    if let Err(error) = rustix::fs::copy_file_range(&from, None, &to, None, 1) {
        return println!("skipped: no copy_file_range here: {error}");
    }
    let ends_in_a_hole = file(place.path(), "ends_in_a_hole", &noise(100_000, 4));
    File::options().write(true).open(&ends_in_a_hole).unwrap().set_len(1 << 20).unwrap();
    for source in [&plain, &with_holes, &ends_in_a_hole] {
        let said = copy(source, &target, &[]).text();
        assert_same(source, &target);
        assert!(said.contains("(copy_file_range)") || said.contains("(reflink)"), "{said}");
        let (from, to) = (fs::metadata(source).unwrap(), fs::metadata(&target).unwrap());
        assert!(to.blocks() <= from.blocks() + 64, "{} of {} blocks", to.blocks(), from.blocks());
    }
    for flags in [
        &["--jobs", "2"][..],
        &["--block", "64K"],
        &["--backend", "rust"],
        &["--verify"],
        &["--reflink", "never"],
    ] {
        let said = copy(&plain, &target, flags).text();
        assert!(!said.contains("copy_file_range"), "{flags:?}: {said}");
    }
}

#[test]
fn between_file_systems_the_backend_copies() {
    let (here, there) = (place(), Path::new("/dev/shm"));
    let Ok(there) = tempfile::tempdir_in(there) else {
        return println!("skipped: no /dev/shm here");
    };
    let source = file(there.path(), "source", &noise(1_000_003, 3));
    let target = here.path().join("target");
    let said = copy(&source, &target, &[]).text();
    assert_same(&source, &target);
    let devices = [there.path(), here.path()].map(|path| fs::metadata(path).unwrap().dev());
    assert_eq!(said.contains("jobs of"), devices[0] != devices[1], "{said}");
}

#[test]
fn permissions_and_times_are_kept() {
    let place = place();
    let source = file(place.path(), "source", b"#!/bin/sh\n");
    let target = place.path().join("target");
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    for mode in [0o400, 0o755, 0o640, 0o4711] {
        fs::set_permissions(&source, Permissions::from_mode(mode)).unwrap();
        let times = FileTimes::new().set_modified(then).set_accessed(then - Duration::from_secs(9));
        File::open(&source).unwrap().set_times(times).unwrap();
        copy(&source, &target, &["--verify"]);
        let kept = fs::metadata(&target).unwrap();
        assert_eq!(kept.mode() & 0o7777, mode);
        assert_eq!(kept.modified().unwrap(), then);
        assert_eq!(kept.accessed().unwrap(), then - Duration::from_secs(9));
        fs::remove_file(&target).unwrap();
    }
}

#[test]
fn a_directory_gets_a_file_of_the_same_name_and_a_file_is_replaced() {
    let place = place();
    let source = file(place.path(), "source", b"new");
    let directory = place.path().join("directory");
    fs::create_dir(&directory).unwrap();
    copy(&source, &directory, &[]);
    assert_same(&source, &directory.join("source"));

    let old = file(&directory, "old", &noise(100_000, 1));
    let link = directory.join("link");
    symlink("old", &link).unwrap();
    copy(&source, &link, &["--sync"]);
    assert_same(&source, &old);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&directory), ["link", "old", "source"]);
}

#[test]
fn what_has_no_size_is_copied_to_its_end() {
    let place = place();
    for backend in BACKENDS.into_iter().filter(|backend| works(backend)) {
        // Read-only, as the source is, so that only root could replace it.
        let target = place.path().join(backend);
        copy(Path::new("/proc/cpuinfo"), &target, &["--backend", backend]);
        let copied = fs::read_to_string(&target).unwrap();
        assert!(copied.contains("processor"), "{backend}: {copied}");
    }
    let target = place.path().join("target");
    // The size that /sys tells is made up.
    let made_up = Path::new("/sys/kernel/mm/transparent_hugepage/enabled");
    if made_up.exists() {
        copy(made_up, &target, &["--block", "1K"]);
        assert_same(made_up, &target);
    }
    let mut from_pipe = aiofile();
    from_pipe.args(["cp", "/dev/stdin"]).arg(&target).stdin(std::process::Stdio::piped());
    let mut child = from_pipe.stdout(std::process::Stdio::null()).spawn().unwrap();
    let sent = noise(3_000_001, 5);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &sent).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(fs::read(&target).unwrap() == sent);
}

#[test]
fn a_device_is_written_to_and_stays_a_device() {
    let place = place();
    let source = file(place.path(), "source", &noise(100_000, 1));
    let ran = run(aiofile().arg("cp").arg(&source).arg("/dev/stdout"));
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout == noise(100_000, 1));
    assert!(ran.stderr.starts_with("copied 97.66 KiB"), "{}", ran.stderr);
    run(aiofile().arg("cp").arg(&source).args(["/dev/null", "-q"])).succeeded();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
