//! `aiofile sync`.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Ran, aiofile, assert_same, file, names, noise, place, run};

fn source(place: &Path) {
    let from = place.join("from");
    fs::create_dir_all(from.join("directory")).unwrap();
    file(&from, "file", b"contents");
    file(&from.join("directory"), "large", &noise(5 << 20, 1));
    symlink("file", from.join("link")).unwrap();
}

fn sync(place: &Path, flags: &[&str]) -> Ran {
    run(aiofile().current_dir(place).args(["sync", "from", "to"]).args(flags))
}

#[test]
fn a_directory_becomes_like_the_other_and_stays_so() {
    let place = place();
    source(place.path());
    let said = sync(place.path(), &["--dry-run"]).succeeded().text();
    let expected = "create     .\ncreate     file\ncreate     link\ncreate     directory\n\
                    create     directory/large\n\
                    would sync: 5 created, 0 unchanged; 5.00 MiB copied\n";
    let (mut said, mut expected) =
        (said.lines().collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>());
    said.sort_unstable();
    expected.sort_unstable();
    assert_eq!(said, expected);
    assert_eq!(names(place.path()), ["from"]);
    let said = sync(place.path(), &[]).succeeded().text();
    assert_eq!(said, "synced: 5 created, 0 unchanged; 5.00 MiB copied\n");
    let to = place.path().join("to");
    assert_same(&place.path().join("from/directory/large"), &to.join("directory/large"));
    file(&to, "more", b"");
    for flags in [&["-q"][..], &["-q", "--delete", "-n"], &["--checksum", "-q"]] {
        assert_eq!(sync(place.path(), flags).succeeded().text(), "");
        assert!(to.join("more").exists());
    }
    let said = sync(place.path(), &["--delete", "-v"]).succeeded().text();
    assert!(
        said.contains("delete     more\n") && said.contains("1 deleted, 3 unchanged"),
        "{said}"
    );
    assert_eq!(names(&to), ["directory", "file", "link"]);
}

#[test]
fn machines_get_an_object_a_line_and_one_for_the_whole() {
    let place = place();
    source(place.path());
    let text = sync(place.path(), &["--json"]).succeeded().text();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert!(lines[..5].iter().all(|line| line["action"] == "create"));
    assert_eq!((&lines[5]["created"], &lines[5]["failed"]), (&5.into(), &0.into()));
}

#[test]
fn what_cannot_be_done_is_said_and_what_must_not_be_is_refused() {
    let place = place();
    source(place.path());
    fs::create_dir_all(place.path().join("to/file")).unwrap();
    file(&place.path().join("to/file"), "precious", b"");
    sync(place.path(), &["-q"]).failed(1, &["to/file", "is in the way"]);
    assert!(place.path().join("to/link").exists() && place.path().join("to/file").is_dir());
    let within = |to: &str| run(aiofile().current_dir(place.path()).args(["sync", "from", to]));
    within("from/new").failed(1, &["from/new", "copied into itself"]);
    within("from").failed(1, &["copied into itself"]);
    within("missing/to").failed(1, &["missing/to", "No such file"]);
    let full = fs::File::create("/dev/full").unwrap();
    let ran =
        run(aiofile().current_dir(place.path()).args(["sync", "from", "v", "-v"]).stdout(full));
    ran.failed(1, &["standard output"]);
}

/// Killed, and so without a chance to clean up, when so many files are there.
#[test]
fn a_killed_run_leaves_no_half_file_and_the_next_one_cleans_up() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir_all(from.join("directory")).unwrap();
    for index in 0..60_usize {
        let directory = if index % 2 == 0 { from.clone() } else { from.join("directory") };
        file(&directory, &index.to_string(), &noise(index * 20_000, index as u64));
    }
    let count = |directory: &Path| if directory.exists() { names(directory).len() } else { 0 };
    let mut killed = 0;
    for wanted in [1, 5, 12, 20, 33, 45] {
        let mut command = aiofile();
        command.current_dir(place.path()).args(["sync", "from", "to", "-q", "--hard-links"]);
        let mut child = command.spawn().unwrap();
        while count(&to) + count(&to.join("directory")) < wanted
            && child.try_wait().unwrap().is_none()
        {
            thread::yield_now();
        }
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        for (there, source) in
            [(to.clone(), &from), (to.join("directory"), &from.join("directory"))]
        {
            let complete = |name: &&String| !name.starts_with('.') && *name != "directory";
            let there_now = if there.exists() { names(&there) } else { Vec::new() };
            for name in there_now.iter().filter(complete) {
                assert_same(&source.join(name), &there.join(name));
            }
        }
    }
    assert!(killed > 0, "each run was done before it could be killed");
    sync(place.path(), &["-q"]).succeeded();
    assert_eq!(names(&from), names(&to));
    assert_eq!(names(&from.join("directory")), names(&to.join("directory")));
    let said = sync(place.path(), &[]).succeeded().text();
    assert!(said.contains("60 unchanged"), "{said}");
}

#[test]
fn links_and_holes_are_kept_and_an_option_says_so() {
    let place = place();
    source(place.path());
    let from = place.path().join("from");
    crate::support::sparse(&from, "holes", 8 << 20);
    fs::hard_link(from.join("file"), from.join("same")).unwrap();
    let said = sync(place.path(), &["--hard-links", "--xattrs", "--sync"]).succeeded().text();
    assert!(said.starts_with("synced: 7 created"), "{said}");
    let to = place.path().join("to");
    assert_eq!(fs::metadata(to.join("file")).unwrap().nlink(), 2);
    let found = fs::metadata(to.join("holes")).unwrap();
    assert!(found.blocks() * 512 < found.len(), "the holes are gone");
    assert_same(&from.join("holes"), &to.join("holes"));
}

#[test]
fn an_interrupted_run_leaves_no_half_file_and_the_next_one_goes_on() {
    let place = place();
    source(place.path());
    file(&place.path().join("from"), "huge", &noise(128 << 20, 2));
    let mut command = aiofile();
    command.current_dir(place.path()).args(["sync", "from", "to"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let to = place.path().join("to");
    while !to.exists() || names(&to).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.stderr.is_empty(), "{ended:?}");
    let names_then = names(&to);
    assert!(!names_then.iter().any(|name| name.starts_with(".aiofile")), "{names_then:?}");
    sync(place.path(), &["-q"]).succeeded();
    assert_same(&place.path().join("from/huge"), &to.join("huge"));
    assert_eq!(names(&to), ["directory", "file", "huge", "link"]);
}
