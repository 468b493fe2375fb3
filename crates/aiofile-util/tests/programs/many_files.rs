//! Programs over many files: reading them, compressing them, finding those that are the same, and
//! making a directory like another one.

use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{failure, file, place, program, stdout, strange_name, unreadable};

/// Small files in several directories, one with a strange name and one larger than a chunk; their
/// number and all their bytes.
fn tree(root: &Path) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0);
    for directory in ["a", "a/b", "c"] {
        let directory = root.join(directory);
        std::fs::create_dir_all(&directory).unwrap();
        for number in 0..400 {
            let contents = format!("{number} ").repeat(number % 50);
            bytes += contents.len() as u64;
            file(&directory, &number.to_string(), contents);
            files += 1;
        }
    }
    std::fs::write(root.join("a").join(strange_name()), "strange").unwrap();
    file(root, "large", vec![7; 3 << 20]);
    symlink("missing", root.join("c/dangling")).unwrap();
    (files + 2, bytes + 7 + (3 << 20))
}

#[test]
fn both_ways_of_reading_find_all_files() {
    let place = place();
    let (files, bytes) = tree(place.path());
    let said = stdout(program("read_files").arg(place.path()));
    let lines: Vec<_> = said.lines().collect();
    let told = format!("{files} files, {bytes} bytes in ");
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with(&format!("sequential: {told}")), "{said}");
    assert!(lines[1].starts_with(&format!("concurrent: {told}")), "{said}");
}

#[test]
fn files_that_cannot_be_read_do_not_stop_the_others() {
    let place = place();
    let (files, bytes) = tree(place.path());
    let mut command = program("read_files");
    command.args(["--at-once", "3"]).arg(place.path()).arg(place.path().join("missing"));
    // Reading it is an error for anybody.
    command.arg("/proc/self/mem");
    let errors = 2 + usize::from(unreadable(place.path()).is_some());
    let (said, told) = failure(&mut command, 1);
    assert!(said.contains(&format!("concurrent: {files} files, {bytes} bytes")), "{said}");
    assert!(told.ends_with(&format!("{errors} could not be read\n")), "{told}");
    failure(program("read_files").args(["--at-once", "0"]).arg(place.path()), 2);
}

#[test]
fn compressed_files_hold_what_was_in_their_sources() {
    let place = place();
    let root = place.path();
    let noise: Vec<u8> =
        (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let contents = [vec![], b"short".to_vec(), vec![b'x'; 2 << 20], noise];
    let mut command = program("gzip_files");
    command.args(["--jobs", "2", "--level", "1"]);
    let mut paths = Vec::new();
    for (number, contents) in contents.iter().enumerate() {
        paths.push(file(root, &number.to_string(), contents));
    }
    let strange = root.join(strange_name());
    std::fs::write(&strange, "strange").unwrap();
    std::fs::set_permissions(&paths[1], std::fs::Permissions::from_mode(0o640)).unwrap();
    let said = stdout(command.args(&paths).arg(&strange));
    assert_eq!(said.lines().count(), 5, "{said}");
    for (path, contents) in paths.iter().zip(&contents) {
        let compressed = std::fs::File::open(path.with_extension("gz")).unwrap();
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&compressed).read_to_end(&mut back).unwrap();
        assert!(back == *contents, "{}", path.display());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path.with_extension("gz")), mode(path));
    }
    assert_eq!(std::fs::read_dir(root).unwrap().count(), 10, "no temporary file is left");
}

#[test]
fn what_cannot_be_compressed_is_told_and_nothing_is_lost() {
    let place = place();
    let root = place.path();
    let (twice, good) = (file(root, "twice", "contents"), file(root, "good", "contents"));
    file(root, "twice.gz", "mine");
    let mut command = program("gzip_files");
    command.arg(&twice).arg(root.join("missing")).arg(root).arg("/dev/null").arg(&good);
    let (said, told) = failure(&mut command, 1);
    assert!(said.starts_with(&format!("{}: 8 -> ", good.display())), "{said}");
    for expected in [
        "the result exists already",
        "No such file",
        "/dev/null: not a regular file",
        "4 were not compressed",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert_eq!(std::fs::read(root.join("twice.gz")).unwrap(), b"mine");
    failure(program("gzip_files").args(["--level", "10"]).arg(&good), 2);
}

#[test]
fn a_result_for_which_there_is_no_room_is_told_by_its_name_and_goes() {
    let place = place();
    let noise: Vec<u8> =
        (0..3_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let source = file(place.path(), "source", noise);
    let compress = program("gzip_files");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 8; exec \"$@\"", "sh"]).arg(compress.get_program()).arg(&source);
    let (_, told) = failure(&mut limited, 1);
    let expected = format!("write {}.gz: File too large", source.display());
    assert!(told.contains(&expected), "{told}");
    // The directory of the test is a temporary one itself.
    let said = told.replace(&*place.path().to_string_lossy(), "");
    assert!(!said.contains(".tmp") && !said.contains(".aiofile-"), "{told}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "the temporary file is gone");
}

#[test]
fn an_interrupted_compression_leaves_nothing_behind() {
    let place = place();
    let root = place.path();
    // Far more than is compressed until the signal comes.
    let source = std::fs::File::create(root.join("source")).unwrap();
    source.set_len(4 << 30).unwrap();
    let mut command = program("gzip_files");
    command.args(["--level", "9"]).arg(root.join("source")).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let start = Instant::now();
    let names = || std::fs::read_dir(root).unwrap().count();
    while names() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "no temporary file was seen");
        thread::sleep(Duration::from_millis(5));
    }
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(names(), 1, "only the source is left");
}

#[test]
fn equal_files_are_found_and_others_are_not() {
    let place = place();
    let root = place.path();
    std::fs::create_dir(root.join("sub")).unwrap();
    let one = file(root, "one", "same contents");
    let other = file(&root.join("sub"), "other", "same contents");
    file(root, "else", "SAME CONTENTS");
    file(root, "empty", "");
    file(root, "empty too", "");
    std::fs::hard_link(&one, root.join("zz link")).unwrap();
    symlink("one", root.join("symlink")).unwrap();
    let large = [file(root, "large 1", vec![7; 5 << 20]), file(root, "large 2", vec![7; 5 << 20])];
    let mut differs = vec![7; 5 << 20];
    differs[4 << 20] = 8;
    file(root, "large 3", differs);

    // Of two names of one file, whichever comes first is told.
    let said = stdout(program("duplicates").arg(root)).replace("zz link", "one");
    let mut expected = [
        format!("{}\n{}\n", large[0].display(), large[1].display()),
        format!("{}\n{}\n", one.display(), other.display()),
    ];
    let mut groups: Vec<String> = said
        .split("\n\n")
        .map(|group| {
            let mut lines: Vec<_> = group.trim_end().lines().collect();
            lines.sort_unstable();
            lines.join("\n") + "\n"
        })
        .collect();
    groups.sort();
    expected.sort();
    assert_eq!(groups, expected);
    let said = stdout(program("duplicates").args(["--min-bytes", "0"]).arg(root));
    assert!(said.contains("empty too"), "{said}");

    let mut command = program("duplicates");
    let (said, told) = failure(command.arg(root.join("missing")).arg(root), 1);
    assert!(said.contains("large 1") && told.contains("No such file"), "{told}");
}

#[test]
fn a_directory_is_made_like_another_one() {
    let place = place();
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    tree(&from);
    let mirror = |options: &[&str]| stdout(program("mirror").args(options).arg(&from).arg(&to));
    let said = mirror(&["--dry-run"]);
    assert!(said.starts_with("1207 created, 0 updated"), "{said}");
    assert!(!to.exists(), "nothing was done");
    assert!(mirror(&[]).starts_with("1207 created"));
    assert!(mirror(&[]).starts_with("0 created, 0 updated, 0 with other attributes, 0 deleted"));
    assert_eq!(std::fs::read(to.join("a").join(strange_name())).unwrap(), b"strange");
    std::fs::remove_file(from.join("large")).unwrap();
    file(&from, "new", "new");
    assert!(mirror(&["--delete", "--contents"]).starts_with("1 created, 0 updated"));
    assert!(!to.join("large").exists());
}

#[test]
fn a_mirror_that_cannot_be_is_told() {
    let place = place();
    let missing = place.path().join("missing");
    let (_, told) = failure(program("mirror").arg(&missing).arg(place.path()), 1);
    assert!(told.contains("No such file"), "{told}");
    let inside = place.path().join("inside");
    let (_, told) = failure(program("mirror").arg(place.path()).arg(&inside), 1);
    assert!(told.starts_with("mirror: ") && !inside.exists(), "{told}");
    failure(program("mirror").arg(&missing), 2);
}
