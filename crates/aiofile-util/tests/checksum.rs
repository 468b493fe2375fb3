//! Checksum files, against those of coreutils.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use aiofile_util::{CheckOutcome, Checked, ChecksumLine, HashKind, HashOptions, hash};
use proptest::prelude::*;

use common::{block_on, contexts, file, output, place};

/// Everything that a check yields.
fn check(options: &HashOptions, list: &Path) -> std::io::Result<Vec<Checked>> {
    let mut checks = options.check(list);
    block_on(async {
        let mut all = Vec::new();
        while let Some(checked) = checks.next().await {
            all.push(checked?);
        }
        Ok(all)
    })
}

#[test]
fn lines_are_those_of_coreutils_whatever_the_name() {
    let place = place();
    let names: [&[u8]; 7] =
        [b"plain", b" space ", b"two\nlines", b"back\\slash", b"re\rturn", b"*", b"\xff\xfe"];
    let mut list = Vec::new();
    for name in names {
        let name = OsStr::from_bytes(name);
        std::fs::write(place.path().join(name), name.as_bytes()).unwrap();
        let found = block_on(hash(place.path().join(name), HashKind::Sha256)).unwrap();
        let (kind, path) = (HashKind::Sha256, name.into());
        let line = ChecksumLine { kind, hash: found, path, is_binary: false }.to_bytes();
        list.extend(line);
        list.push(b'\n');
    }
    file(place.path(), "LIST", &list);
    let Some(checked) = output(place.path(), "sha256sum", &["--check", "--strict", "LIST"]) else {
        return;
    };
    assert_eq!(checked.windows(4).filter(|four| *four == b": OK").count(), names.len());
    for (name, line) in names.iter().zip(list.split(|byte| *byte == b'\n')) {
        let theirs = output(place.path(), "sha256sum", &[OsStr::from_bytes(name)]).unwrap();
        assert_eq!(theirs.strip_suffix(b"\n"), Some(line));
        assert_eq!(ChecksumLine::parse(line, HashKind::Sha256).unwrap().to_bytes(), line);
    }
}

#[test]
fn each_line_has_its_outcome_on_every_backend() {
    let place = place();
    let same = file(place.path(), "same", "hello\n");
    let different = file(place.path(), "different", "hallo\n");
    let (same, different) = (same.display(), different.display());
    let missing = place.path().join("missing").display().to_string();
    let md5 = "b1946ac92492d2347c6235b4d2611184";
    let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let list = format!(
        "# a comment\n{md5}  {same}\n\n{md5} *{same}\r\n{md5}  {different}\n{md5}  {missing}\n\
         nonsense\n{sha256}  {same}\nSHA256 ({same}) = {sha256}\n  {}  {same}\n{}\n{md5} {same}",
        md5.to_uppercase(),
        "x".repeat(100_000),
    );
    let list = file(place.path(), "LIST", list);
    for context in contexts() {
        let options = HashOptions::new(HashKind::Md5).context(&context);
        let outcomes: Vec<_> = check(&options, &list)
            .unwrap()
            .iter()
            .map(|checked| {
                let outcome = match &checked.outcome {
                    CheckOutcome::Same => "same",
                    CheckOutcome::Different { .. } => "different",
                    CheckOutcome::Unreadable(_) => "unreadable",
                    CheckOutcome::Malformed => "malformed",
                    _ => "?",
                };
                (checked.line, outcome)
            })
            .collect();
        let expected = [
            (2, "same"),
            (4, "same"),
            (5, "different"),
            (6, "unreadable"),
            (7, "malformed"),
            (8, "malformed"),
            (9, "same"),
            (10, "same"),
            (11, "malformed"),
            (12, "malformed"),
        ];
        assert_eq!(outcomes, expected);
    }
}

#[test]
fn lists_of_coreutils_are_read_the_tagged_ones_too() {
    let place = place();
    for index in 0..600 {
        file(place.path(), &format!("{index} (a) = b"), index.to_string());
    }
    let script = "md5sum -- [0-9]* > MD5; sha256sum --tag -- [0-9]* > TAGGED";
    if output(place.path(), "md5sum", &["--version"]).is_none() {
        return;
    }
    output(place.path(), "sh", &["-c", script]).unwrap();
    for name in ["MD5", "TAGGED"] {
        let list = std::fs::read_to_string(place.path().join(name)).unwrap();
        // They name the files relative to where they were made.
        let directory = format!("{}/", place.path().display());
        let list = match name {
            "MD5" => list.replace("  ", &format!("  {directory}")),
            _ => list.replace("SHA256 (", &format!("SHA256 ({directory}")),
        };
        let list = file(place.path(), "LIST", list);
        let checked = check(&HashOptions::new(HashKind::Md5), &list).unwrap();
        assert_eq!(checked.len(), 600, "{name}");
        assert!(checked.iter().all(|checked| matches!(checked.outcome, CheckOutcome::Same)));
    }
}

#[test]
fn a_list_that_is_not_there_is_an_error() {
    let place = place();
    let missing = place.path().join("missing");
    let error = check(&HashOptions::new(HashKind::Md5), &missing).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().contains("missing"), "{error}");
}

proptest! {
    #[test]
    fn any_name_comes_back(name in prop::collection::vec(1_u8.., 1..40), is_binary: bool) {
        let hash = "b1946ac92492d2347c6235b4d2611184".parse().unwrap();
        let path = OsStr::from_bytes(&name).into();
        let line = ChecksumLine { kind: HashKind::Md5, hash, path, is_binary };
        let written = line.to_bytes();
        prop_assert!(!written.contains(&b'\n'));
        prop_assert_eq!(ChecksumLine::parse(&written, HashKind::Md5), Some(line));
    }

    #[test]
    fn no_line_is_a_panic(line in prop::collection::vec(any::<u8>(), 0..80)) {
        let parsed = ChecksumLine::parse(&line, HashKind::Md5);
        prop_assert!(parsed.is_none_or(|parsed| !parsed.path.as_os_str().is_empty()));
    }
}
