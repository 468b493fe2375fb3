//! Append: where the cursor is, and records of several writers.

use std::collections::HashSet;
use std::io::SeekFrom;
use std::process::Command;

use futures_util::future::join_all;
use tokio::io::AsyncSeekExt;

use crate::backends::{each, open};

#[test]
fn append_starts_and_stays_at_the_end_of_absent_and_present_files() {
    each(async |context| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut absent = open(context, &path, "a+").await;
        assert_eq!(absent.tell(), 0);
        absent.write_owned("one\n").await.unwrap();
        let mut present = open(context, &path, "a+").await;
        assert_eq!((absent.tell(), present.tell()), (4, 4));
        present.write_owned("two\n").await.unwrap();
        present.seek(SeekFrom::Start(0)).await.unwrap();
        assert_eq!(present.readline().await.unwrap(), "one\n");
        absent.write_owned("three\n").await.unwrap();
        assert_eq!(absent.tell(), 14);
        assert_eq!(present.read_all().await.unwrap(), "two\nthree\n");
        present.write_owned("four\n").await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\nthree\nfour\n");
    });
}

#[test]
fn two_handles_and_another_process_lose_no_record() {
    const RECORDS: usize = 200;
    each(async |context| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let script = "for i in $(seq 0 199); do echo shell $i >> \"$1\"; done";
        let mut shell = Command::new("sh").args(["-c", script, "sh"]).arg(&path).spawn().unwrap();
        join_all(["left", "right"].map(async |name| {
            let mut handle = open(context, &path, "a").await;
            for number in 0..RECORDS {
                handle.write_owned(format!("{name} {number}\n")).await.unwrap();
            }
        }))
        .await;
        assert!(shell.wait().unwrap().success());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: HashSet<_> = text.lines().map(str::to_owned).collect();
        let expected = ["left", "right", "shell"]
            .iter()
            .flat_map(|name| (0..RECORDS).map(move |number| format!("{name} {number}")));
        assert_eq!(lines, expected.collect());
    });
}
