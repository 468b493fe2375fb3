//! `aiofile cp -r`.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{aiofile, assert_same, file, names, noise, place, run};

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

#[test]
fn the_contents_of_a_directory_go_where_they_are_sent() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    fs::create_dir_all(source.join("below")).unwrap();
    file(&source, "file", b"contents");
    for (typed, names_there) in [("source/.", vec!["below", "file"]), ("source", vec!["source"])] {
        fs::create_dir(&target).unwrap();
        run(aiofile().args(["cp", "-r", "-q", typed, "target"]).current_dir(&place)).succeeded();
        assert_eq!(names(&target), names_there, "{typed}");
        fs::remove_dir_all(&target).unwrap();
    }
}

#[test]
fn an_archive_keeps_hard_links() {
    let place = place();
    let source = place.path().join("source");
    fs::create_dir(&source).unwrap();
    let one = file(&source, "one", b"contents");
    fs::hard_link(&one, source.join("other")).unwrap();
    for flags in [vec!["-a"], vec!["-r", "--preserve=links,xattr"], vec!["-r", "--preserve"]] {
        let target = place.path().join("target");
        let ran = run(aiofile().arg("cp").args(&flags).args([&source, &target])).succeeded();
        let is_linked = flags != ["-r", "--preserve"];
        assert_eq!(ran.text().contains(" and 1 hard links in "), is_linked, "{}", ran.text());
        let found = fs::metadata(target.join("other")).unwrap();
        assert_eq!(found.nlink(), if is_linked { 2 } else { 1 }, "{flags:?}");
        fs::remove_dir_all(&target).unwrap();
    }
    let ran = run(aiofile().args(["cp", "--preserve=all,nothing"]).args([&one, &source]));
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn for_machines_there_are_objects() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    fs::create_dir_all(source.join("below")).unwrap();
    for name in ["one", "two"] {
        file(&source.join("below"), name, b"contents");
    }
    fs::create_dir_all(target.join("below/two")).unwrap();
    let ran = run(aiofile().args(["cp", "-r", "--json", "source/.", "target"]).current_dir(&place));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let objects: Vec<Value> =
        ran.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [failed, whole] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(failed["path"], "target/below/two");
    assert!(failed["error"].as_str().unwrap().contains("directory"), "{failed}");
    for (name, count) in [("files", 1), ("directories", 2), ("bytes", 8), ("failed", 1)] {
        assert_eq!(whole[name], count, "{name} of {whole}");
    }
    let ran = run(aiofile().args(["cp", "--json"]).arg(source.join("below/one")).arg(&target));
    let one: Value = serde_json::from_str(&ran.succeeded().text()).unwrap();
    assert_eq!((&one["len"], &one["path"]), (&8.into(), &target.join("one").to_str().into()));
}

/// What a copy with these flags draws on a terminal.
fn drawn(flags: &[&str], source: &Path, target: &Path) -> String {
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    let mut command = aiofile();
    command.arg("cp").args(flags).args([source, target]).env("TERM", "xterm");
    let mut child = command.stdout(Stdio::null()).stderr(slave).spawn().unwrap();
    // With the command, the parent's own end of the terminal is closed.
    drop(command);
    let (mut drawn, mut master) = (Vec::new(), File::from(master));
    // Nobody has the other end any more: EIO.
    let _ = master.read_to_end(&mut drawn);
    assert!(child.wait().unwrap().success());
    String::from_utf8(drawn).unwrap()
}

#[test]
fn a_terminal_shows_one_line_for_the_whole() {
    let place = place();
    let source = place.path().join("source");
    fs::create_dir_all(source.join("below")).unwrap();
    for number in 0..50 {
        file(&source.join("below"), &format!("file{number}"), &noise(1000, number));
    }
    let target = |name: &str| place.path().join(name);
    let line = drawn(&["-r"], &source, &target("one"));
    assert!(line.contains(" files, ") && !line.contains('\n'), "{line:?}");
    for flags in [["-rq", "--sync"], ["-r", "--no-progress"]] {
        assert_eq!(drawn(&flags, &source, &target(flags[1])), "", "{flags:?}");
    }
}

#[test]
fn an_interrupted_copy_leaves_complete_files_and_no_others() {
    let place = place();
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    fs::create_dir(&source).unwrap();
    for number in 0..8 {
        file(&source, &format!("file{number}"), &noise(8_000_000, number));
    }
    let mut child = aiofile().args(["cp", "-r", "-q"]).args([&source, &target]).spawn().unwrap();
    let is_over = |child: &mut Child| child.try_wait().unwrap().is_some();
    let has_begun = || target.exists() && !names(&target).is_empty();
    while !is_over(&mut child) && !has_begun() {
        std::thread::yield_now();
    }
    // It may have ended meanwhile.
    let _ = kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM);
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(15), "{status:?}");
    for name in names(&target) {
        assert_same(&source.join(&name), &target.join(&name));
    }
}
