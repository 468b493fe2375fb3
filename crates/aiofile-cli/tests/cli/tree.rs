//! `aiofile cp -r`.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{aiofile, file, names, noise, place, run};

#[test]
fn a_directory_is_copied_with_all_that_is_in_it() {
    let place = place();
    let source = place.path().join("source");
    fs::create_dir_all(source.join("below")).unwrap();
    file(&source.join("below"), "file", &noise(100_000, 1));
    symlink("below/file", source.join("link")).unwrap();
    let target = place.path().join("target");
    let said = run(aiofile().args(["cp", "-r"]).args([&source, &target])).succeeded().text();
    assert!(said.starts_with("copied 1 files in 2 directories, 97.66 KiB in "), "{said}");
    assert_eq!(fs::read(target.join("below/file")).unwrap(), noise(100_000, 1));
    assert_eq!(fs::read_link(target.join("link")).unwrap().to_str(), Some("below/file"));
    // What is there becomes its place.
    run(aiofile().args(["cp", "-rq"]).args([&source, &target])).succeeded();
    assert_eq!(names(&target), ["below", "link", "source"]);
    // A file is a tree of one.
    let one = source.join("below/file");
    run(aiofile().args(["cp", "-r", "-q"]).args([&one, &target])).succeeded();
    assert_eq!(names(&target), ["below", "file", "link", "source"]);
}

#[test]
fn what_cannot_be_copied_is_told_and_the_rest_is_there() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    fs::create_dir_all(&source).unwrap();
    for name in ["one", "two", "three"] {
        file(&source, name, name.as_bytes());
    }
    fs::create_dir_all(target.join("source/two")).unwrap();
    let ran = run(aiofile().args(["cp", "-r", "-q"]).args([&source, &target]));
    ran.failed(1, &["source/two", "directory"]);
    assert_eq!(fs::read(target.join("source/three")).unwrap(), b"three");
    let ran = run(aiofile().args(["cp", "-r"]).args([&source, &source.join("within")]));
    ran.failed(1, &["within", "no end"]);
    run(aiofile().arg("cp").args([&source, &target])).failed(1, &["is a directory", "-r"]);
}
