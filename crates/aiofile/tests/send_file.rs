//! From one open file to another: files, pipes and sockets, also full ones.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;

use aiofile::fs::send_file;
use futures_util::FutureExt;

/// A file of so many bytes that repeat nowhere soon, open for reading.
fn source(length: usize) -> (tempfile::TempDir, File, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source");
    let bytes: Vec<u8> = (0..length as u32 / 4).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &bytes).unwrap();
    let file = File::open(path).unwrap();
    (directory, file, bytes)
}

#[tokio::test]
async fn a_part_of_a_file_goes_to_the_cursor_of_another() {
    let (directory, mut from, bytes) = source(3 << 20);
    let path = directory.path().join("target");
    let mut to = File::create(&path).unwrap();
    to.write_all(b"before").unwrap();
    assert_eq!(send_file(&from, 5, &to, 2 << 20).await.unwrap(), 2 << 20);
    to.write_all(b"after").unwrap();
    let sent = std::fs::read(&path).unwrap();
    assert!(sent == [b"before", &bytes[5..][..2 << 20], b"after"].concat());
    assert_eq!(from.stream_position().unwrap(), 0);
}

#[tokio::test]
async fn it_ends_with_the_source() {
    let (directory, from, bytes) = source(10_000);
    let to = File::create(directory.path().join("target")).unwrap();
    assert_eq!(send_file(&from, 9_000, &to, u64::MAX).await.unwrap(), 1_000);
    assert_eq!(send_file(&from, 10_000, &to, 5).await.unwrap(), 0);
    assert_eq!(send_file(&from, 1 << 50, &to, 5).await.unwrap(), 0);
    assert_eq!(send_file(&from, 0, &to, 0).await.unwrap(), 0);
    assert!(std::fs::read(directory.path().join("target")).unwrap() == bytes[9_000..]);
}

#[tokio::test]
async fn a_file_that_is_appended_to_and_one_without_a_length() {
    let (directory, from, bytes) = source(200_000);
    let path = directory.path().join("target");
    let to = File::options().append(true).create(true).open(&path).unwrap();
    assert_eq!(send_file(&from, 0, &to, u64::MAX).await.unwrap(), 200_000);
    assert!(std::fs::read(&path).unwrap() == bytes);

    let version = File::open("/proc/version").unwrap();
    let to = File::create(&path).unwrap();
    let expected = std::fs::read(PathBuf::from("/proc/version")).unwrap();
    assert_eq!(send_file(&version, 0, &to, u64::MAX).await.unwrap(), expected.len() as u64);
    assert_eq!(std::fs::read(&path).unwrap(), expected);
}

#[tokio::test]
async fn full_pipes_are_waited_for_and_hold_no_thread() {
    let (_directory, from, bytes) = source(200_000);
    // Twice what the pool has threads; every other one would wait in a write.
    let pipes: Vec<_> = (0..80).map(|_| std::io::pipe().unwrap()).collect();
    for (_, writer) in pipes.iter().step_by(2) {
        let flags = rustix::fs::fcntl_getfl(writer).unwrap() | rustix::fs::OFlags::NONBLOCK;
        rustix::fs::fcntl_setfl(writer, flags).unwrap();
    }
    let (readers, writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
    let mut waits: Vec<_> =
        writers.iter().map(|writer| Box::pin(send_file(&from, 0, writer, u64::MAX))).collect();
    for _ in 0..5 {
        for wait in &mut waits {
            assert!(wait.as_mut().now_or_never().is_none());
        }
        assert!(aiofile::fs::read("/proc/self/stat").await.is_ok());
    }
    let read = readers.into_iter().map(|mut reader| {
        thread::spawn(move || {
            let mut read = vec![0; 200_000];
            reader.read_exact(&mut read).map(|()| read).unwrap()
        })
    });
    let read: Vec<_> = read.collect();
    for sent in futures_util::future::join_all(waits).await {
        assert_eq!(sent.unwrap(), 200_000);
    }
    for read in read {
        assert!(read.join().unwrap() == bytes);
    }
}

#[tokio::test]
async fn sockets_take_it_too() {
    let (_directory, from, bytes) = source(1 << 20);
    for is_patient in [true, false] {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        writer.set_nonblocking(!is_patient).unwrap();
        let read = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read).unwrap()
        });
        assert_eq!(send_file(&from, 0, &writer, u64::MAX).await.unwrap(), 1 << 20);
        drop(writer);
        assert!(read.join().unwrap() == bytes);
    }
}

#[tokio::test]
async fn what_fails_says_where() {
    let (_directory, from, _) = source(10_000);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let error = send_file(&from, 100, &writer, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
    let error = error.to_string();
    assert!(error.starts_with("send_file /dev/fd/") && error.contains(" at offset 100"), "{error}");

    let error = send_file(&from, u64::MAX, &writer, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let (reader, _writer) = std::io::pipe().unwrap();
    assert!(send_file(&reader, 0, &writer, 10).await.is_err(), "a pipe has no offsets");
}
