//! Little of everything: one line each time, and nothing left behind.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::support::{Ran, file, is_root, names, noise, place, run, shell};

#[track_caller]
fn one_line_or_done(ran: Ran) -> Option<i32> {
    assert!(ran.stderr.lines().count() <= 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
    ran.code
}

#[test]
fn a_file_that_may_not_grow_further_is_an_error_and_is_removed() {
    let place = place();
    let source = file(place.path(), "source", &noise(3 << 20, 1));
    let old = file(place.path(), "old", b"old");
    for option in ["", "--jobs 2", "--backend thread"] {
        for target in [&old, &place.path().join("new")] {
            let script = format!("ulimit -f 1024; exec \"$0\" cp -q {option} \"$1\" \"$2\"");
            let ran = run(&mut shell(place.path(), &script, &[&source, target]));
            ran.failed(1, &[target.to_str().unwrap(), "File too large"]);
        }
    }
    assert_eq!(std::fs::read(&old).unwrap(), b"old");
    assert_eq!(names(place.path()), ["old", "source"]);
}

#[test]
fn memory_that_cannot_be_had_is_an_error() {
    let place = place();
    let source = file(place.path(), "source", b"");
    let sparse = File::options().write(true).open(&source).unwrap();
    sparse.write_all_at(b"end", (4 << 30) - 3).unwrap();
    let script = "ulimit -v 1500000; exec \"$0\" cp -q --jobs 4 --block 1G --verify \
                  --reflink never \"$1\" target";
    let ran = run(&mut shell(place.path(), script, &[&source]));
    ran.failed(1, &["out of memory", "for each block"]);
    assert_eq!(names(place.path()), ["source"]);
}

#[test]
fn few_descriptors_give_one_line_and_no_panic() {
    let place = place();
    let source = file(place.path(), "source", &noise(100_000, 1));
    let mut codes = Vec::new();
    for descriptors in 4..32 {
        for command in ["cp -q \"$1\" target", "cat \"$1\"", "cp -q --jobs 2 \"$1\" target"] {
            let script = format!("ulimit -n {descriptors}; exec \"$0\" {command}");
            codes.push(one_line_or_done(run(&mut shell(place.path(), &script, &[&source]))));
        }
    }
    assert!(codes.contains(&Some(0)), "none of them was enough");
    assert!(names(place.path()).iter().all(|name| ["source", "target"].contains(&&**name)));
}

#[test]
fn few_threads_give_one_line_and_no_panic() {
    if !is_root() {
        return println!("skipped: needs a user without other processes");
    }
    let place = tempfile::tempdir().unwrap();
    let command = place.path().join("command");
    std::fs::copy(env!("CARGO_BIN_EXE_aiofile"), &command).unwrap();
    file(place.path(), "source", &noise(100_000, 1));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(place.path(), open).unwrap();
    for threads in 1..6 {
        // It tells at length what works and what does not.
        let script = format!(
            "exec setpriv --reuid=54321 --regid=54321 --clear-groups prlimit --nproc={threads} \
             ./command doctor"
        );
        let ran = run(&mut shell(place.path(), &script, &[Path::new("")]));
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        for command in ["cp -q source target", "--backend thread cat source", "cat source"] {
            // A user that runs nothing else.
            let script = format!(
                "exec setpriv --reuid=54321 --regid=54321 --clear-groups prlimit \
                 --nproc={threads} ./command {command}"
            );
            let ran = run(&mut shell(place.path(), &script, &[Path::new("")]));
            if ran.stderr.contains("setpriv") || ran.stderr.contains("prlimit:") {
                return println!("skipped: {}", ran.stderr);
            }
            one_line_or_done(ran);
        }
    }
    let left = names(place.path());
    assert!(left.iter().all(|name| ["command", "source", "target"].contains(&&**name)), "{left:?}");
}

/// Rings took locked memory before Linux 5.12. Root may lock any amount.
#[test]
fn memory_that_may_not_be_locked_is_not_needed() {
    if !is_root() {
        return println!("skipped: needs a user without other processes");
    }
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_aiofile"), place.path().join("command")).unwrap();
    file(place.path(), "source", &noise(100_000, 1));
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(place.path(), open).unwrap();
    for (number, bytes) in [0, 4096, 65_536].into_iter().enumerate() {
        let script = format!(
            "exec setpriv --reuid=54321 --regid=54321 --clear-groups prlimit --memlock={bytes} \
             ./command cp -q --jobs 4 source target-{number}"
        );
        let ran = run(&mut shell(place.path(), &script, &[Path::new("")]));
        if ran.stderr.contains("setpriv") || ran.stderr.contains("prlimit:") {
            return println!("skipped: {}", ran.stderr);
        }
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let copied = std::fs::read(place.path().join(format!("target-{number}"))).unwrap();
        assert!(copied == noise(100_000, 1));
    }
}
