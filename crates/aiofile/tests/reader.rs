//! Chunks: every byte once and in order, whatever the file and the backend are like.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod common;

use std::io::Write;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::task::{Context as TaskContext, Waker};
use std::time::Duration;

use aiofile::{AioFile, Error, ErrorKind, OpenOptions, Reader};
use common::{disk, noise, open_in, scratch, unruly};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};

async fn drain(reader: &mut Reader) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = reader.next_chunk().await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    all
}

#[tokio::test]
async fn every_way_of_reading_gives_every_byte_from_the_offset_on() {
    let contents = noise(100_000);
    let (_directory, path) = scratch(&contents);
    let short = unruly(700);
    let plain = aiofile::context().in_place(false).build().unwrap();
    let usual = aiofile::context().build().unwrap();
    for context in [&usual, &plain, &short] {
        let file = open_in(context, &path, "r").await;
        for (offset, chunk, ahead) in [(0, 4096, 0), (1, 1000, 1), (50_001, 64, 3), (7, 1 << 20, 2)]
        {
            let expected = &contents[offset..];
            let reader =
                || Reader::new(&file).offset(offset as u64).chunk_size(chunk).read_ahead(ahead);
            assert!(drain(&mut reader()).await == expected);
            let streamed: Vec<_> = reader().chunks().try_collect().await.unwrap();
            assert!(streamed.concat() == expected);
            assert!(streamed[..streamed.len() - 1].iter().all(|bytes| bytes.len() == chunk));
            let mut read = Vec::new();
            reader().read_to_end(&mut read).await.unwrap();
            assert!(read == expected);
            let (mut lines, mut buffered) = (reader(), Vec::new());
            while lines.read_until(0, &mut buffered).await.unwrap() > 0 {}
            assert!(buffered == expected);
            assert_eq!(lines.position(), contents.len() as u64);
        }
    }
}

#[tokio::test]
async fn chunks_go_on_from_where_the_reader_stands() {
    let contents = noise(10_000);
    let (_directory, path) = scratch(&contents);
    let file = AioFile::open(&path, "r").await.unwrap();
    let mut reader = Reader::new(&file).chunk_size(1000);
    assert_eq!(reader.fill().await.unwrap(), &contents[..1000]);
    reader.consume(10);
    assert_eq!(reader.position(), 10);
    assert_eq!(reader.next_chunk().await.unwrap().unwrap(), contents[10..1000]);
    reader.seek_to(5_000).unwrap();
    assert_eq!(reader.position(), 5_000);
    assert_eq!(drain(&mut reader).await, contents[5_000..]);
    assert_eq!(reader.position(), 10_000);
    reader.seek_to(20_000).unwrap();
    assert_eq!(reader.fill().await.unwrap(), b"");
    assert_eq!(reader.position(), 20_000);
}

#[tokio::test]
async fn readers_of_one_file_do_not_disturb_each_other() {
    let contents = noise(300_000);
    let (_directory, path) = scratch(&contents);
    let short = unruly(9_000);
    let file = open_in(&short, &path, "r").await;
    let tasks = (0..4).map(|_| {
        let file = file.clone();
        tokio::spawn(async move { drain(&mut Reader::new(&file)).await })
    });
    drop(file.clone());
    for read in try_join_all(tasks).await.unwrap() {
        assert!(read == contents);
    }
}

#[tokio::test]
async fn made_up_files_and_devices_are_read_to_their_end() {
    for path in ["/proc/cpuinfo", "/proc/self/mountinfo", "/proc/version", "/dev/null"] {
        let file = AioFile::open(path, "r").await.unwrap();
        for chunk in [10, 64 << 10] {
            let mut tries = 0..1000;
            loop {
                let mut reader = Reader::new(&file).chunk_size(chunk).read_ahead(4);
                let read = drain(&mut reader).await;
                // The processors' clocks differ between two reads, and so may what is mounted.
                let same = read == std::fs::read(path).unwrap();
                if same || (path.ends_with("cpuinfo") && !read.is_empty()) {
                    break;
                }
                assert!(tries.next().is_some(), "{path} by {chunk}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    let zero = AioFile::open("/dev/zero", "r").await.unwrap();
    let mut reader = Reader::new(&zero).chunk_size(100);
    assert_eq!(reader.next_chunk().await.unwrap().unwrap(), [0; 100][..]);
}

#[tokio::test]
async fn a_pipe_gives_what_it_has_and_loses_nothing_when_dropped() {
    let (receiver, mut sender) = std::io::pipe().unwrap();
    let file = AioFile::from_std(std::fs::File::from(OwnedFd::from(receiver))).unwrap();
    let mut reader = Reader::new(&file).read_ahead(4);
    sender.write_all(b"some").unwrap();
    assert_eq!(reader.next_chunk().await.unwrap().unwrap(), "some");
    {
        let mut chunk = pin!(reader.next_chunk());
        assert!(chunk.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(Error::from(reader.seek_to(0).unwrap_err()).kind(), ErrorKind::InvalidInput);
    sender.write_all(b" more").unwrap();
    assert_eq!(reader.next_chunk().await.unwrap().unwrap(), " more");
    assert_eq!(reader.position(), 9);
    drop(sender);
    assert_eq!(reader.next_chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_changes_its_length_is_read_to_where_it_ends_then() {
    let (_directory, path) = scratch(&[1; 5_000]);
    for in_place in [true, false] {
        let context = aiofile::context().in_place(in_place).build().unwrap();
        let handle = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        handle.set_len(5_000).unwrap();
        let file = open_in(&context, &path, "r").await;
        let mut reader = Reader::new(&file).chunk_size(1_000).read_ahead(2);
        assert_eq!(reader.next_chunk().await.unwrap().unwrap().len(), 1_000);
        handle.set_len(7_500).unwrap();
        assert_eq!(drain(&mut reader).await.len(), 6_500);
        handle.set_len(8_000).unwrap();
        assert_eq!(reader.next_chunk().await.unwrap().unwrap().len(), 500);
        assert_eq!(reader.next_chunk().await.unwrap(), None);
        handle.set_len(100).unwrap();
        assert_eq!(reader.next_chunk().await.unwrap(), None);
        reader.seek_to(90).unwrap();
        assert_eq!(reader.next_chunk().await.unwrap().unwrap().len(), 10);
    }
}

#[tokio::test]
async fn an_empty_read_does_nothing_and_errors_leave_the_position() {
    let context = aiofile::context().build().unwrap();
    let (_directory, path) = scratch(b"x");
    let file = open_in(&context, &path, "r").await;
    let before = context.metrics();
    assert_eq!(Reader::new(&file).read(&mut []).await.unwrap(), 0);
    assert_eq!(context.metrics(), before);

    let error = Error::from(Reader::new(&file).chunk_size(0).fill().await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let mut closed = file.clone();
    closed.close().await.unwrap();
    assert_eq!(
        Error::from(Reader::new(&closed).fill().await.unwrap_err()).kind(),
        ErrorKind::Closed
    );

    let directory = AioFile::open("/", "r").await.unwrap();
    let mut reader = Reader::new(&directory).offset(3);
    for _ in 0..2 {
        assert_eq!(Error::from(reader.next_chunk().await.unwrap_err()).raw_os_error(), Some(21));
        assert_eq!(reader.position(), 3);
    }
    let mut chunks = reader.chunks();
    assert!(chunks.try_next().await.is_err());
    assert!(chunks.next().await.is_none(), "an error ends the stream");
}

#[tokio::test]
async fn what_is_cached_is_read_in_place_and_only_when_asked_for() {
    let contents = noise(1 << 20);
    let (_directory, path) = scratch(&contents);
    let context = aiofile::context().build().unwrap();
    let file = open_in(&context, &path, "r").await;
    let before = context.metrics();
    let mut reader = Reader::new(&file).read_ahead(8);
    reader.fill().await.unwrap();
    let after = context.metrics();
    // Where the file system reads nothing in place, the chunks ahead are on their way instead.
    if after.in_place > before.in_place {
        assert_eq!(after.bytes_read - before.bytes_read, 64 << 10);
        assert_eq!(after.submitted, before.submitted);
    } else {
        println!("skipped: no read in place on this file system");
    }
}

#[tokio::test]
async fn direct_files_are_read_by_blocks_and_given_by_bytes() {
    let contents = noise(20_000);
    let directory = disk();
    let path = directory.path().join("direct");
    std::fs::write(&path, &contents).unwrap();
    let Ok(file) = OpenOptions::new().read(true).direct(true).open_aio(&path).await else {
        println!("skipped: no O_DIRECT here");
        return;
    };
    for (offset, chunk, ahead) in [(0, 4096, 2), (5, 1, 0), (4097, 5000, 1), (19_999, 64 << 10, 3)]
    {
        let mut reader =
            Reader::new(&file).offset(offset as u64).chunk_size(chunk).read_ahead(ahead);
        assert!(drain(&mut reader).await == contents[offset..], "{offset} {chunk} {ahead}");
        assert_eq!(reader.position(), 20_000);
    }
}
