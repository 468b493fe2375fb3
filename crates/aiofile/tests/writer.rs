//! Writers: the order of the calls, what a failed write leaves, and what a buffer never loses.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::single_range_in_vec_init, reason = "one range is meant")]

mod common;

use std::io::Read;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Waker};
use std::time::{Duration, Instant};

use aiofile::{AioFile, BufferedWriter, Error, ErrorKind, Writer};
use common::{noise, open_in, scratch, unruly};
use futures_util::future::{join_all, try_join_all};
use tokio::io::{AsyncWrite, AsyncWriteExt};

fn is_send_and_sync(_: &(impl Send + Sync)) {}

#[tokio::test]
async fn concurrent_writes_keep_the_order_of_the_calls_without_overlap() {
    let contexts = [unruly(3), aiofile::context().build().unwrap()];
    for (context, mode) in [(0, "w+"), (1, "w+"), (1, "a+")] {
        let (_directory, path) = scratch(b"");
        let file = open_in(&contexts[context], &path, mode).await;
        let writer = Writer::new(&file);
        is_send_and_sync(&writer);
        let records: Vec<String> =
            (0..100).map(|i| format!("<{i}{}>", "x".repeat(i % 7))).collect();
        let mut writes: Vec<_> =
            records.iter().map(|record| writer.clone().write_all(record.clone())).collect();
        // Who is polled first has no say.
        writes.reverse();
        try_join_all(writes).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), records.concat());
        assert_eq!(writer.position(), records.concat().len() as u64);
    }
}

#[tokio::test]
async fn a_pipe_gets_the_pieces_in_order_also_when_one_is_given_up() {
    let (mut receiver, sender) = std::io::pipe().unwrap();
    let file = AioFile::from_std(std::fs::File::from(OwnedFd::from(sender))).unwrap();
    let writer = Writer::new(&file);
    let first = writer.write_all("first ");
    let given_up = writer.write_all("given up ");
    let third = writer.write_all("third");
    drop(given_up);
    let third = tokio::spawn(third);
    tokio::task::yield_now().await;
    first.await.unwrap();
    third.await.unwrap().unwrap();
    assert_eq!(writer.position(), 11);
    drop((writer, file));
    let mut text = String::new();
    receiver.read_to_string(&mut text).unwrap();
    assert_eq!(text, "first third");
}

#[tokio::test]
async fn a_failed_write_moves_no_cursor() {
    let full = AioFile::open("/dev/full", "r+").await.unwrap();
    let writer = Writer::new(&full);
    for _ in 0..2 {
        assert_eq!(
            Error::from(writer.write_all("lost").await.unwrap_err()).raw_os_error(),
            Some(28)
        );
        assert_eq!(Error::from(writer.write("lost").await.unwrap_err()).raw_os_error(), Some(28));
        assert_eq!(writer.position(), 0);
    }
    let failed = join_all((0..5).map(|_| writer.write_all("lost"))).await;
    assert!(failed.iter().all(Result::is_err));
    assert_eq!(writer.position(), 0, "nothing was written behind them");
    assert!(writer.take_gaps().is_empty());
    let beyond = Writer::new(&full).offset(i64::MAX as u64);
    assert_eq!(
        Error::from(beyond.write_all("ab").await.unwrap_err()).kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(beyond.position(), i64::MAX as u64);
}

#[tokio::test]
async fn a_gap_is_never_silent() {
    let (_directory, path) = scratch(b"");
    let file = AioFile::open(&path, "w+").await.unwrap();
    let writer = Writer::new(&file).offset(10);
    let (given_up, later) = (writer.write_all("given up"), writer.write_all("later"));
    drop(given_up);
    let error = Error::from(writer.write_all("refused").await.unwrap_err());
    assert_eq!((error.kind(), error.offset()), (ErrorKind::InvalidData, Some(10)));
    assert!(error.to_string().contains("10..18"), "{error}");
    assert!(writer.flush().await.is_err() && writer.sync().await.is_err());
    later.await.unwrap();
    assert_eq!(writer.position(), 23);
    assert_eq!(writer.take_gaps(), [10..18]);
    file.write_all_at("restored", 10).await.unwrap();
    writer.write_all("!").await.unwrap();
    writer.sync().await.unwrap();
    assert_eq!(&std::fs::read(&path).unwrap()[10..], b"restoredlater!");
}

#[tokio::test]
async fn the_failure_of_what_lies_behind_a_gap_takes_the_gap_back() {
    let (_directory, path) = scratch(b"");
    let file = AioFile::open(&path, "w+").await.unwrap();
    let writer = Writer::new(&file);
    let (first, second, third) =
        (writer.write_all("a"), writer.write_all("b"), writer.write_all("c"));
    drop(second);
    drop(first);
    assert_eq!(writer.position(), 3);
    drop(third);
    assert_eq!(writer.position(), 0);
    writer.write_all("fine").await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"fine");
}

#[tokio::test]
async fn as_tokios_writer_it_writes_everything_once() {
    let contents = noise(3 << 20);
    let (_directory, path) = scratch(b"");
    let file = AioFile::open(&path, "w+").await.unwrap();
    let mut writer = Writer::new(&file).offset(1);
    writer.write_all(&b""[..]).await.unwrap();
    AsyncWriteExt::write_all(&mut writer, &contents).await.unwrap();
    AsyncWriteExt::shutdown(&mut writer).await.unwrap();
    assert!(std::fs::read(&path).unwrap()[1..] == contents);

    // A call that is given up while it waits for an earlier write may write all the same, once.
    let (mut receiver, sender) = std::io::pipe().unwrap();
    let file = AioFile::from_std(std::fs::File::from(OwnedFd::from(sender))).unwrap();
    let mut writer = Writer::new(&file);
    let mut first = pin!(writer.write_all("x".repeat(200_000)));
    let mut cx = TaskContext::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut cx).is_pending(), "a pipe holds less");
    assert!(Pin::new(&mut writer).poll_write(&mut cx, b"given up").is_pending());
    let drained = std::thread::spawn(move || {
        let mut text = String::new();
        receiver.read_to_string(&mut text).unwrap();
        text
    });
    first.await.unwrap();
    AsyncWriteExt::write_all(&mut writer, b", and other").await.unwrap();
    drop((writer, file));
    assert!(
        drained.join().unwrap() == ["x".repeat(200_000).as_str(), "given up, and other"].concat()
    );
}

#[tokio::test]
async fn a_buffered_writer_writes_whole_buffers_and_the_rest_when_flushed() {
    let (_directory, path) = scratch(b"");
    let context = aiofile::context().build().unwrap();
    let file = open_in(&context, &path, "w+").await;
    let before = context.metrics();
    let mut writer = BufferedWriter::new(&file).capacity(1000);
    let mut expected = Vec::new();
    for number in 0..1_000 {
        let line = format!("{number}\n");
        writer.write_all(&line).await.unwrap();
        expected.extend_from_slice(line.as_bytes());
        assert_eq!(writer.position(), expected.len() as u64);
    }
    assert!(writer.unflushed() > 0);
    writer.flush().await.unwrap();
    assert_eq!(writer.unflushed(), 0);
    let after = context.metrics();
    let writes = after.in_place + after.submitted - before.in_place - before.submitted;
    assert_eq!(writes, expected.len().div_ceil(1000) as u64);
    assert!(std::fs::read(&path).unwrap() == expected);
}

#[tokio::test]
async fn bytes_that_could_not_be_written_stay_and_the_error_repeats() {
    let full = AioFile::open("/dev/full", "r+").await.unwrap();
    let mut writer = BufferedWriter::new(&full).capacity(8);
    writer.write_all("four").await.unwrap();
    for _ in 0..3 {
        assert_eq!(Error::from(writer.flush().await.unwrap_err()).raw_os_error(), Some(28));
        assert_eq!(
            Error::from(writer.write_all("more").await.unwrap_err()).raw_os_error(),
            Some(28)
        );
        assert_eq!((writer.unflushed(), writer.position()), (4, 4));
    }
    assert_eq!(writer.discard(), 4);
    writer.flush().await.unwrap();
    assert_eq!(writer.position(), 0);
    writer.write_all("again").await.unwrap();
    assert!(writer.shutdown().await.is_err());
}

#[tokio::test]
async fn a_flush_that_was_dropped_goes_on() {
    let (_directory, path) = scratch(b"");
    let context = unruly(1);
    let file = open_in(&context, &path, "w+").await;
    let mut writer = BufferedWriter::new(&file).capacity(64);
    for round in 0..20 {
        writer.write_all(format!("{round:02},")).await.unwrap();
        let mut flush = pin!(writer.flush());
        let _ = flush.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
    }
    writer.flush().await.unwrap();
    let expected: String = (0..20).map(|round| format!("{round:02},")).collect();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
}

/// A writer of 4 bytes whose bytes have no place in any file, which shows at once.
async fn writer_that_fails(path: &std::path::Path) -> BufferedWriter {
    let file = AioFile::open(path, "w").await.unwrap();
    let mut writer = BufferedWriter::new(&file).offset(i64::MAX as u64 - 2).capacity(4);
    writer.write_all("abcd").await.unwrap();
    assert_eq!(writer.unflushed(), 4);
    writer
}

#[tokio::test]
async fn the_error_of_a_write_begun_while_the_buffer_fills_is_returned_by_the_next_call() {
    let (_directory, path) = scratch(b"");
    for way in 0..7 {
        let mut writer = writer_that_fails(&path).await;
        let kind = |error: std::io::Error| Error::from(error).kind();
        let found = match way {
            0 => writer.write_all("more").await.map_err(kind),
            1 => writer.write_all("").await.map_err(kind),
            2 => writer.flush().await.map_err(kind),
            3 => writer.sync().await.map_err(kind),
            4 => AsyncWriteExt::write(&mut writer, b"more").await.map(drop).map_err(kind),
            5 => AsyncWriteExt::flush(&mut writer).await.map_err(kind),
            _ => writer.shutdown().await.map_err(kind),
        };
        assert_eq!(found, Err(ErrorKind::InvalidInput), "{way}");
        assert_eq!(writer.unflushed(), 4, "{way}");
        assert!(writer.flush().await.is_err(), "it repeats");
        assert_eq!(writer.discard(), 4);
        writer.flush().await.unwrap();
    }
    let mut writer = writer_that_fails(&path).await;
    assert_eq!(writer.discard(), 4);
    writer.write_all("a").await.unwrap();

    // Found while later bytes are taken, on the way through a backend.
    let full = AioFile::open("/dev/full", "w").await.unwrap();
    let mut writer = BufferedWriter::new(&full).capacity(4);
    writer.write_all("abcd").await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = loop {
        match writer.write_all("").await {
            Ok(()) => assert!(Instant::now() < deadline, "no call returns the error"),
            Err(error) => break Error::from(error),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!((error.raw_os_error(), writer.unflushed()), (Some(28), 4));
}

#[tokio::test]
async fn dropping_a_buffered_writer_writes_nothing_and_never_panics() {
    let (_directory, path) = scratch(b"");
    let file = AioFile::open(&path, "w").await.unwrap();
    let mut writer = BufferedWriter::new(&file);
    writer.write_all("forgotten").await.unwrap();
    assert_eq!(writer.unflushed(), 9);
    drop(writer);
    drop(writer_that_fails(&path).await);
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    // Another place is taken for what is under way.
    let mut writer = BufferedWriter::new(&file).offset(100).capacity(4);
    writer.write_all("abcd").await.unwrap();
    let writer = writer.offset(0);
    assert_eq!(writer.position(), writer.unflushed() as u64);
}
