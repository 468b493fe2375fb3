//! Lines: whatever ends them, wherever chunks end, however the backend behaves.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod common;

use std::io::Write;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context as TaskContext, Waker};

use aiofile::{AioFile, Context, Error, ErrorKind, LineReader};
use common::{cases, open_in, scratch, unruly};
use futures_util::TryStreamExt;
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// What lines are: pieces between separators, without an empty one at the end.
fn split(text: &[u8], separator: &[u8], crlf: bool) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = (0..rest.len()).find(|at| rest[*at..].starts_with(separator));
        let (line, next) = match end {
            Some(at) => (&rest[..at], &rest[at + separator.len()..]),
            None => (rest, &rest[rest.len()..]),
        };
        let line =
            if crlf && end.is_some() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        lines.push(line.to_vec());
        rest = next;
    }
    lines
}

async fn read_all(mut lines: LineReader) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all.push(line.to_vec());
    }
    all
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap());
static UNRULY: LazyLock<Context> = LazyLock::new(|| unruly(5));

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn lines_are_what_a_naive_split_gives(
        separator in prop::sample::select(vec!["\n", "\r\n", ";", "ab", "aab", "aaaa", "ab\nab"]),
        chunk in prop::sample::select(vec![1, 2, 3, 7, 64, 4096]),
        ahead in 0_usize..4,
        crlf: bool,
        text in "[ab;\r\n]{0,80}",
        on_unruly: bool,
        start in 0_usize..10,
    ) {
        RUNTIME.block_on(async {
            let (_directory, path) = scratch(text.as_bytes());
            let file = match on_unruly {
                true => open_in(&UNRULY, &path, "r").await,
                false => AioFile::open(&path, "r").await.unwrap(),
            };
            let start = start.min(text.len());
            let reader = || {
                let reader = LineReader::new(&file).offset(start as u64).separator(separator);
                reader.crlf(crlf).chunk_size(chunk).read_ahead(ahead)
            };
            let expected = split(&text.as_bytes()[start..], separator.as_bytes(), crlf);
            assert_eq!(read_all(reader()).await, expected);
            let streamed: Vec<Vec<u8>> = reader().try_collect().await.unwrap();
            assert_eq!(streamed, expected);
            let strings: Vec<String> = reader().lines().try_collect().await.unwrap();
            assert_eq!(strings.iter().map(|line| line.as_bytes()).collect::<Vec<_>>(), expected);
        });
    }

    #[test]
    fn positions_limits_and_skipping_hold_on_every_line(
        separator in prop::sample::select(vec!["\n", "ab", "aab"]),
        chunk in prop::sample::select(vec![1, 2, 5, 4096]),
        limit in 0_usize..12,
        text in "[ab\n]{0,60}",
    ) {
        RUNTIME.block_on(async {
            let (_directory, path) = scratch(text.as_bytes());
            let file = AioFile::open(&path, "r").await.unwrap();
            let lines = LineReader::new(&file).separator(separator).chunk_size(chunk);
            let mut lines = lines.max_line_bytes(limit);
            let mut position = 0;
            for expected in split(text.as_bytes(), separator.as_bytes(), false) {
                assert_eq!(lines.position(), position);
                if expected.len() > limit {
                    for _ in 0..2 {
                        let error = Error::from(lines.next_line().await.unwrap_err());
                        assert_eq!(error.kind(), ErrorKind::InvalidData);
                        assert_eq!(error.offset(), Some(position));
                        assert_eq!(lines.position(), position);
                    }
                    assert!(lines.skip_line().await.unwrap());
                } else {
                    assert_eq!(lines.next_line().await.unwrap(), Some(&expected[..]));
                }
                position += (expected.len() + separator.len()) as u64;
                position = position.min(text.len() as u64);
            }
            assert_eq!(lines.position(), text.len() as u64);
            assert_eq!(lines.next_line().await.unwrap(), None);
            assert!(!lines.skip_line().await.unwrap());
        });
    }
}

#[tokio::test]
async fn each_chunk_is_read_once_whatever_the_lines() {
    let text: Vec<u8> = (0..100_000).flat_map(|i| format!("{i}\n").into_bytes()).collect();
    for (text, chunk) in [(&text[..], 4096), (&text[..65536], 4096), (&text[..1_000], 1 << 20)] {
        let (_directory, path) = scratch(text);
        // In place there may be less, where a page has left the cache.
        let context = aiofile::context().in_place(false).build().unwrap();
        let file = open_in(&context, &path, "r").await;
        let before = context.metrics().submitted;
        let lines = read_all(LineReader::new(&file).chunk_size(chunk).read_ahead(0)).await;
        assert_eq!(lines.len(), split(text, b"\n", false).len());
        let reads = context.metrics().submitted - before;
        assert_eq!(reads, text.len().div_ceil(chunk) as u64 + 1);
    }
}

#[tokio::test]
async fn without_a_separator_the_file_is_one_line_up_to_the_limit() {
    let (_directory, path) = scratch(&[b'x'; 10_000]);
    let file = AioFile::open(&path, "r").await.unwrap();
    let lines = || LineReader::new(&file).separator("").chunk_size(100);
    assert_eq!(read_all(lines()).await, [[b'x'; 10_000]]);
    let error = Error::from(lines().max_line_bytes(9_999).next_line().await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("longer than 9999 bytes"), "{error}");
}

#[tokio::test]
async fn what_is_not_text_is_named_and_stays_in_front_of_the_cursor() {
    let (_directory, path) = scratch("gr\u{fc}n\nb\u{e4}d".replace("\u{e4}", "?").as_bytes());
    let mut bytes = std::fs::read(&path).unwrap();
    let wrong = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[wrong] = 0xe4;
    std::fs::write(&path, &bytes).unwrap();
    let file = AioFile::open(&path, "r").await.unwrap();
    for chunk in [1, 3, 4096] {
        let mut lines = LineReader::new(&file).chunk_size(chunk);
        assert_eq!(lines.next_str().await.unwrap(), Some("gr\u{fc}n"));
        for _ in 0..2 {
            let error = Error::from(lines.next_str().await.unwrap_err());
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert_eq!((error.offset(), lines.position()), (Some(wrong as u64), 6));
        }
        assert_eq!(lines.next_line().await.unwrap(), Some(&b"b\xe4d"[..]));
        assert_eq!(lines.next_str().await.unwrap(), None);
        let mut lines = LineReader::new(&file).chunk_size(chunk).lines();
        assert_eq!(lines.next().await.unwrap().unwrap(), "gr\u{fc}n");
        assert!(lines.next().await.unwrap().is_err());
        assert!(lines.next().await.is_none(), "an error ends the stream");
        assert!(lines.get_mut().skip_line().await.unwrap());
        assert!(lines.next().await.is_none());
    }
}

#[tokio::test]
async fn a_dropped_future_loses_no_byte_of_a_pipe() {
    let (receiver, mut sender) = std::io::pipe().unwrap();
    let file =
        AioFile::from_std(std::fs::File::from(std::os::fd::OwnedFd::from(receiver))).unwrap();
    let mut lines = LineReader::new(&file);
    sender.write_all(b"first\nsec").unwrap();
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"first"[..]));
    for _ in 0..3 {
        let mut line = pin!(lines.next_line());
        let mut cx = TaskContext::from_waker(Waker::noop());
        assert!(line.as_mut().poll(&mut cx).is_pending());
    }
    sender.write_all(b"ond\nthird").unwrap();
    drop(sender);
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"second"[..]));
    assert_eq!(lines.position(), 13);
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"third"[..]));
    assert_eq!(lines.next_line().await.unwrap(), None);
    assert_eq!(Error::from(lines.seek_to(0).unwrap_err()).kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_file_that_grows_goes_on_after_its_end() {
    let (_directory, path) = scratch(b"one\ntw");
    let mut writer = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    let file = AioFile::open(&path, "r").await.unwrap();
    let mut lines = LineReader::new(&file);
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"one"[..]));
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"tw"[..]));
    assert_eq!(lines.next_line().await.unwrap(), None);
    assert_eq!(lines.next_line().await.unwrap(), None);
    writer.write_all(b"o\nthree\n").unwrap();
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"o"[..]));
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"three"[..]));
    assert_eq!(lines.next_line().await.unwrap(), None);
    lines.seek_to(4).unwrap();
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"two"[..]));
}

#[tokio::test]
async fn a_skip_that_was_dropped_is_finished_by_the_next_call() {
    let (receiver, mut sender) = std::io::pipe().unwrap();
    let file =
        AioFile::from_std(std::fs::File::from(std::os::fd::OwnedFd::from(receiver))).unwrap();
    let mut lines = LineReader::new(&file).separator("--");
    sender.write_all(b"a line to be passed over").unwrap();
    {
        let mut skip = pin!(lines.skip_line());
        let mut cx = TaskContext::from_waker(Waker::noop());
        while skip.as_mut().poll(&mut cx).is_pending() {
            if file.context().metrics().completed > 0 {
                break;
            }
        }
    }
    sender.write_all(b" -").unwrap();
    sender.write_all(b"-next").unwrap();
    drop(sender);
    assert_eq!(lines.next_line().await.unwrap(), Some(&b"next"[..]));
}
