//! Files that grow: no line is lost, doubled or cut in two, whatever happens to the file.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use aiofile::{Follow, FollowEvent, LineReader};
use caio::{Ending, Layer, OpInfo, Stage};
use futures_util::{FutureExt, StreamExt};

/// What a writer writes in the longest tests.
const LINES: usize = 10_000;

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    (directory, path)
}

fn appending(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn line(text: &str) -> FollowEvent {
    FollowEvent::Line(text.as_bytes().to_vec())
}

/// Asks for the next event often enough that it waits, and gives up.
async fn waits(lines: &mut Follow) {
    for _ in 0..50 {
        assert_eq!(lines.next_event().now_or_never().map(Result::unwrap), None);
        tokio::task::yield_now().await;
    }
}

/// The same, where it may be that this is told meanwhile.
async fn waits_or(lines: &mut Follow, event: &FollowEvent) {
    for _ in 0..50 {
        if let Some(told) = lines.next_event().now_or_never() {
            assert_eq!(told.as_ref().unwrap(), event);
        }
        tokio::task::yield_now().await;
    }
}

async fn next(lines: &mut Follow) -> String {
    String::from_utf8(lines.next().await.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn half_a_line_is_no_line() {
    let (_directory, path) = scratch();
    let mut log = appending(&path);
    log.write_all(b"whole\nhal").unwrap();
    let mut lines = LineReader::follow(&path);
    assert_eq!(lines.position(), 0);
    assert_eq!(next(&mut lines).await, "whole");
    assert_eq!(lines.position(), 6);
    waits(&mut lines).await;
    log.write_all(b"f").unwrap();
    waits(&mut lines).await;
    assert_eq!(lines.position(), 6, "a half line is not passed over");
    log.write_all(b"\nand\n\n").unwrap();
    for expected in ["half", "and", ""] {
        assert_eq!(next(&mut lines).await, expected);
    }
    assert_eq!(lines.path(), path);
}

#[tokio::test]
async fn separators_may_come_in_pieces() {
    let (_directory, path) = scratch();
    let mut log = appending(&path);
    let mut lines = LineReader::follow(&path).separator("\r\n--\r\n");
    for piece in ["one\r\n-", "-\r", "\ntwo", "\r\n--\r\n"] {
        log.write_all(piece.as_bytes()).unwrap();
        if piece != "\ntwo" && piece != "\r\n--\r\n" {
            waits(&mut lines).await;
        }
    }
    assert_eq!(next(&mut lines).await, "one");
    assert_eq!(next(&mut lines).await, "two");
    let mut lines = LineReader::follow(&path).crlf(true);
    assert_eq!(next(&mut lines).await, "one");
    assert_eq!(next(&mut lines).await, "--");
}

#[tokio::test]
async fn a_renamed_file_is_read_to_its_end_and_then_the_next() {
    let (directory, path) = scratch();
    let mut log = appending(&path);
    log.write_all(b"one\n").unwrap();
    let mut lines = LineReader::follow(&path);
    assert_eq!(lines.next_event().await.unwrap(), line("one"));
    waits(&mut lines).await;
    fs::rename(&path, directory.path().join("log.1")).unwrap();
    assert_eq!(lines.next_event().await.unwrap(), FollowEvent::Removed);
    // The program that writes does not know yet.
    log.write_all(b"two\nno end").unwrap();
    assert_eq!(lines.next_event().await.unwrap(), line("two"));
    waits(&mut lines).await;
    appending(&path).write_all(b"three\n").unwrap();
    assert_eq!(lines.next_event().await.unwrap(), line("no end"));
    assert_eq!(lines.next_event().await.unwrap(), FollowEvent::Rotated);
    assert_eq!(lines.position(), 0);
    assert_eq!(lines.next_event().await.unwrap(), line("three"));
}

#[tokio::test]
async fn a_file_that_is_replaced_in_one_step_is_followed() {
    let (directory, path) = scratch();
    appending(&path).write_all(b"one\n").unwrap();
    let mut lines = LineReader::follow(&path);
    assert_eq!(next(&mut lines).await, "one");
    for number in 0..20 {
        waits(&mut lines).await;
        let fresh = directory.path().join("fresh");
        fs::write(&fresh, format!("{number}\n")).unwrap();
        fs::rename(fresh, &path).unwrap();
        assert_eq!(next(&mut lines).await, number.to_string());
    }
}

#[tokio::test]
async fn a_link_that_is_switched_is_followed() {
    let (directory, path) = scratch();
    let target = |name: &str| directory.path().join(name);
    fs::create_dir(target("elsewhere")).unwrap();
    fs::write(target("elsewhere/a"), "one\n").unwrap();
    fs::write(target("b"), "two\n").unwrap();
    std::os::unix::fs::symlink(target("elsewhere/a"), &path).unwrap();
    let mut lines = LineReader::follow(&path);
    assert_eq!(next(&mut lines).await, "one");
    waits(&mut lines).await;
    std::os::unix::fs::symlink(target("b"), target("link")).unwrap();
    fs::rename(target("link"), &path).unwrap();
    assert_eq!(lines.next_event().await.unwrap(), FollowEvent::Rotated);
    assert_eq!(next(&mut lines).await, "two");
}

#[tokio::test]
async fn a_name_that_comes_back_to_its_file_starts_nothing_over() {
    let (directory, path) = scratch();
    let mut log = appending(&path);
    log.write_all(b"one\n").unwrap();
    let mut lines = LineReader::follow(&path);
    assert_eq!(lines.next_event().await.unwrap(), line("one"));
    let away = directory.path().join("away");
    fs::rename(&path, &away).unwrap();
    assert_eq!(lines.next_event().await.unwrap(), FollowEvent::Removed);
    fs::rename(&away, &path).unwrap();
    log.write_all(b"two\n").unwrap();
    assert_eq!(lines.next_event().await.unwrap(), line("two"));
    fs::remove_file(&path).unwrap();
    fs::remove_dir(directory.path()).unwrap();
    waits_or(&mut lines, &FollowEvent::Removed).await;
    fs::create_dir(directory.path()).unwrap();
    fs::write(&path, "three\n").unwrap();
    assert_eq!(next(&mut lines).await, "three");
}

#[tokio::test]
async fn a_truncated_file_is_read_from_its_start() {
    let (_directory, path) = scratch();
    let mut log = appending(&path);
    log.write_all(b"one\ntwo\nhalf").unwrap();
    let mut lines = LineReader::follow(&path);
    assert_eq!(next(&mut lines).await, "one");
    assert_eq!(next(&mut lines).await, "two");
    waits(&mut lines).await;
    log.set_len(0).unwrap();
    assert_eq!(lines.next_event().await.unwrap(), line("half"), "it will have no end");
    assert_eq!(lines.next_event().await.unwrap(), FollowEvent::Truncated);
    assert_eq!(lines.position(), 0);
    log.write_all(b"1\n").unwrap();
    assert_eq!(lines.next_event().await.unwrap(), line("1"));
}

#[tokio::test]
async fn it_begins_where_it_is_told_to() {
    let (_directory, path) = scratch();
    let mut log = appending(&path);
    log.write_all(b"one\ntwo\nha").unwrap();
    let mut from_offset = LineReader::follow(&path).offset(4);
    assert_eq!(from_offset.position(), 4);
    assert_eq!(next(&mut from_offset).await, "two");
    let mut beyond = LineReader::follow(&path).offset(1000);
    assert_eq!(beyond.next_event().await.unwrap(), FollowEvent::Truncated);
    assert_eq!(next(&mut beyond).await, "one");

    let mut from_end = opened_at_end(&path).await;
    log.write_all(b"lf\nnew\n").unwrap();
    assert_eq!(next(&mut from_end).await, "new");
    let mut from_end = opened_at_end(&path).await;
    log.write_all(b"first after the end\n").unwrap();
    assert_eq!(next(&mut from_end).await, "first after the end");
}

/// Tells whether changes are watched.
#[derive(Debug, Default)]
struct Watched(AtomicBool);

impl Layer for Watched {
    fn stage(&self) -> Stage {
        Stage::Observe
    }

    fn finished(&self, op: &OpInfo, _ending: &Ending<'_>) {
        self.0.fetch_or(op.name() == "watch", Ordering::Release);
    }
}

/// Follows from the end, and has found out where that is.
async fn opened_at_end(path: &Path) -> Follow {
    let watched = Arc::new(Watched::default());
    let layer = Arc::<Watched>::clone(&watched);
    let context = aiofile::context().layer(layer).build().unwrap();
    let mut lines = LineReader::follow(path).from_end().context(&context);
    // When there is nothing more it has changes watched.
    while !watched.0.load(Ordering::Acquire) {
        assert!(lines.next().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    lines
}

#[tokio::test]
async fn what_cannot_be_followed_is_an_error() {
    let (directory, path) = scratch();
    let mut lines = LineReader::follow(&path);
    for _ in 0..2 {
        let error = lines.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
    appending(&path).write_all(b"there\n").unwrap();
    assert_eq!(next(&mut lines).await, "there", "the next call tries again");
    for path in [directory.path(), Path::new("/dev/null"), Path::new("/proc/self/stat")] {
        let error = LineReader::follow(path).next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
    }
}

#[tokio::test]
async fn a_line_that_is_too_long_is_told_and_passed_over() {
    let (_directory, path) = scratch();
    let mut log = appending(&path);
    log.write_all(b"ok\n0123456789").unwrap();
    let mut lines = LineReader::follow(&path).max_line_bytes(5);
    assert_eq!(next(&mut lines).await, "ok");
    let error = lines.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
    waits(&mut lines).await;
    log.write_all(b"more of it\nnext\n").unwrap();
    assert_eq!(next(&mut lines).await, "next");
}

/// How many lines a reader has seen.
type Seen = Arc<AtomicUsize>;

/// A writer that renames its file now and then, once the lines before the last time were seen, and
/// a reader that gives up waiting as often as it likes.
fn every_line_comes_once(read: impl FnOnce(Follow, Seen) -> Vec<usize>) {
    let (directory, path) = scratch();
    let mut log = appending(&path);
    let (lines, seen) = (LineReader::follow(&path), Seen::default());
    let reported = Arc::clone(&seen);
    let writer = thread::spawn(move || {
        let mut rotated = 0;
        for number in 0..LINES {
            let text = format!("{number} {}\n", "x".repeat(number % 70));
            let (head, tail) = text.split_at(number % text.len());
            log.write_all(head.as_bytes()).unwrap();
            log.write_all(tail.as_bytes()).unwrap();
            if number % 500 == 499 {
                while reported.load(Ordering::Acquire) <= rotated {
                    thread::yield_now();
                }
                fs::rename(&path, directory.path().join("old")).unwrap();
                log = appending(&path);
                rotated = number + 1;
            }
        }
        directory
    });
    let read = read(lines, seen);
    drop(writer.join().unwrap());
    assert!(read == (0..LINES).collect::<Vec<_>>(), "{} lines of {LINES}", read.len());
}

async fn numbers(mut lines: Follow, seen: Seen) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut turn = 0;
    while numbers.len() < LINES {
        turn += 1;
        // Every third wait is given up and begun again.
        let line = match turn % 3 {
            0 => lines.next().now_or_never().flatten(),
            1 => StreamExt::next(&mut lines).await,
            _ => lines.next().await,
        };
        let Some(line) = line else { continue };
        let line = String::from_utf8(line.unwrap()).unwrap();
        numbers.push(line.split(' ').next().unwrap().parse().unwrap());
        seen.store(numbers.len(), Ordering::Release);
    }
    numbers
}

#[test]
fn every_line_comes_once_in_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    every_line_comes_once(|lines, seen| {
        let task = runtime.spawn(numbers(lines, seen));
        runtime.block_on(task).unwrap()
    });
}

#[test]
fn every_line_comes_once_without_tokio() {
    every_line_comes_once(|lines, seen| futures_executor::block_on(numbers(lines, seen)));
}
