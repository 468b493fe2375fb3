//! Listing directories, small and large, and what an entry knows.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aiofile::fs::{self, ReadDir};
use futures_util::TryStreamExt;

use super::support::{Twins, assert_same, everywhere, names, on_each_backend, temporary};

async fn listed(path: &Path) -> io::Result<BTreeSet<OsString>> {
    let mut entries = fs::read_dir(path).await?;
    let mut names = BTreeSet::new();
    while let Some(entry) = entries.next_entry().await? {
        assert_eq!(entry.path(), path.join(entry.file_name()));
        assert!(names.insert(entry.file_name()), "no entry comes twice");
    }
    assert!(entries.next_entry().await?.is_none(), "the end stays the end");
    Ok(names)
}

/// So many files, whose names are numbers.
fn many(directory: &Path, count: usize) {
    for number in 0..count {
        std::fs::write(directory.join(number.to_string()), "").unwrap();
    }
}

#[test]
fn entries_are_those_of_std() {
    everywhere(async || {
        let twins = Twins::new();
        for name in names() {
            let path = twins.std.join(&name);
            let expected = std::fs::read_dir(&path);
            let expected =
                expected.map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect());
            assert_same(&name, listed(&path).await, expected);
        }
        for expected in std::fs::read_dir(&twins.std).unwrap().map(Result::unwrap) {
            let mut entries = fs::read_dir(&twins.std).await.unwrap();
            let entry = loop {
                let entry = entries.next().await.unwrap().unwrap();
                if entry.file_name() == expected.file_name() {
                    break entry;
                }
            };
            assert_eq!(entry.ino(), expected.ino());
            assert_eq!(entry.file_type().await.unwrap(), expected.file_type().unwrap());
            let (found, expected) = (entry.metadata().await.unwrap(), expected.metadata().unwrap());
            assert_eq!((found.ino(), found.mode()), (expected.ino(), expected.mode()));
            assert_eq!(found.len(), expected.len());
        }
    });
}

#[test]
fn large_directories_come_whole() {
    for count in [0, 511, 512, 513, 1100] {
        let directory = temporary();
        many(directory.path(), count);
        on_each_backend(async || {
            let names = listed(directory.path()).await.unwrap();
            assert_eq!(names, (0..count).map(|number| number.to_string().into()).collect());
        });
    }
}

#[test]
fn it_is_a_stream_and_costs_a_hop_for_many_entries() {
    let directory = temporary();
    many(directory.path(), 1500);
    on_each_backend(async || {
        let context = aiofile::default_context().unwrap();
        let before = context.metrics();
        let entries = fs::read_dir(directory.path()).await.unwrap();
        let entries: Vec<_> = entries.try_collect().await.unwrap();
        assert_eq!(entries.len(), 1500);
        for entry in &entries {
            assert!(entry.file_type().await.unwrap().is_file());
        }
        let after = context.metrics();
        assert_eq!(after.submitted - before.submitted, 3, "512 + 512 + 476");
    });
}

#[test]
fn a_dropped_future_loses_no_entry() {
    let directory = temporary();
    many(directory.path(), 1200);
    on_each_backend(async || {
        let mut entries = fs::read_dir(directory.path()).await.unwrap();
        let mut seen = BTreeSet::new();
        loop {
            {
                let mut cx = Context::from_waker(Waker::noop());
                if let Poll::Ready(next) = pin!(entries.next_entry()).poll(&mut cx) {
                    let Some(entry) = next.unwrap() else { break };
                    assert!(seen.insert(entry.file_name()));
                    continue;
                }
            }
            let Some(entry) = poll_fn(|cx| entries.poll_next_entry(cx)).await.unwrap() else {
                break;
            };
            assert!(seen.insert(entry.file_name()));
        }
        assert_eq!(seen.len(), 1200);
    });
}

#[test]
fn entries_belong_to_the_directory_that_was_read() {
    on_each_backend(async || {
        let root = temporary();
        let (path, moved) = (root.path().join("old"), root.path().join("new"));
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("file"), "first").unwrap();
        let mut entries: ReadDir = fs::read_dir(&path).await.unwrap();
        let entry = entries.next().await.unwrap().unwrap();
        assert_eq!(entry.metadata().await.unwrap().len(), 5);
        std::fs::rename(&path, &moved).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("file"), "another one").unwrap();
        assert_eq!(entry.metadata().await.unwrap().len(), 5);
        std::fs::remove_file(moved.join("file")).unwrap();
        let error = entry.metadata().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(entry.file_type().await.unwrap().is_file(), "it came with the entry");
    });
}

#[test]
fn a_shutdown_in_the_middle_is_an_error_and_then_the_end() {
    let directory = temporary();
    many(directory.path(), 600);
    on_each_backend(async || {
        let mut entries = fs::read_dir(directory.path()).await.unwrap();
        for _ in 0..512 {
            entries.next().await.unwrap().unwrap();
        }
        let context = aiofile::default_context().unwrap();
        assert_eq!(context.shutdown(std::time::Duration::from_secs(60)).await, 0);
        let error = entries.next_entry().await.unwrap_err();
        let kind = aiofile::Error::of(&error).map(aiofile::Error::kind);
        assert_eq!(kind, Some(aiofile::ErrorKind::Shutdown), "{error}");
        assert!(entries.next_entry().await.unwrap().is_none());
    });
}
