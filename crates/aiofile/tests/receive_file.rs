//! From pipes and sockets into files: both ends that close, waits, dropped futures, and targets
//! into which the system moves nothing by itself.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use aiofile::fs::receive_file;
use futures_util::FutureExt;
use futures_util::future::join_all;

/// So many bytes, which repeat nowhere soon.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32 / 4).flat_map(u32::to_le_bytes).collect()
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

/// Both ends of each kind of stream, the receiver's first; with and without O_NONBLOCK.
fn streams() -> Vec<(OwnedFd, File)> {
    let mut streams = Vec::new();
    for is_patient in [true, false] {
        let (receiver, sender) = std::io::pipe().unwrap();
        let mut pairs = vec![(OwnedFd::from(receiver), OwnedFd::from(sender))];
        let (receiver, sender) = UnixStream::pair().unwrap();
        pairs.push((receiver.into(), sender.into()));
        let (receiver, sender) = tcp();
        pairs.push((receiver.into(), sender.into()));
        for (receiver, sender) in pairs {
            if !is_patient {
                let flags = rustix::fs::fcntl_getfl(&receiver).unwrap();
                let flags = flags | rustix::fs::OFlags::NONBLOCK;
                rustix::fs::fcntl_setfl(&receiver, flags).unwrap();
            }
            streams.push((receiver, File::from(sender)));
        }
    }
    streams
}

fn target(directory: &Path) -> File {
    File::options().read(true).write(true).create_new(true).open(directory.join("target")).unwrap()
}

fn contents(directory: &Path) -> Vec<u8> {
    std::fs::read(directory.join("target")).unwrap()
}

#[tokio::test]
async fn all_that_is_sent_comes_to_its_offset_until_the_sender_has_gone() {
    for (receiver, mut sender) in streams() {
        let place = tempfile::tempdir().unwrap();
        let (mut to, sent) = (target(place.path()), bytes(5 << 20));
        to.write_all(b"before").unwrap();
        let whole = sent.clone();
        let sending = thread::spawn(move || sender.write_all(&whole).unwrap());
        let received = receive_file(&receiver, &to, 4, u64::MAX).await.unwrap();
        assert_eq!(received, sent.len() as u64);
        sending.join().unwrap();
        assert!(contents(place.path()) == [b"befo", &sent[..]].concat());
        assert_eq!(to.stream_position().unwrap(), 6, "its cursor stays");
        assert_eq!(receive_file(&receiver, &to, 0, 1).await.unwrap(), 0, "it has ended");
    }
}

#[tokio::test]
async fn what_is_not_wanted_stays_in_the_stream() {
    for (receiver, mut sender) in streams() {
        let place = tempfile::tempdir().unwrap();
        let (to, sent) = (target(place.path()), bytes(700_000));
        let whole = sent.clone();
        let sending = thread::spawn(move || sender.write_all(&whole).unwrap());
        assert_eq!(receive_file(&receiver, &to, 0, 0).await.unwrap(), 0);
        for (at, count) in [(0, 1), (1, 65_536), (65_537, 300_001)] {
            assert_eq!(receive_file(&receiver, &to, at, count).await.unwrap(), count);
        }
        assert!(contents(place.path()) == sent[..365_538]);
        let rest = receive_file(&receiver, &to, 365_538, u64::MAX).await.unwrap();
        assert_eq!(rest, 700_000 - 365_538);
        sending.join().unwrap();
        assert!(contents(place.path()) == sent);
    }
}

#[tokio::test]
async fn streams_that_give_nothing_are_waited_for_and_hold_no_thread() {
    // Twice what the pool has threads.
    let (receivers, senders): (Vec<_>, Vec<_>) =
        (0..80).map(|_| UnixStream::pair().unwrap()).unzip();
    let places: Vec<_> = (0..80).map(|_| tempfile::tempdir().unwrap()).collect();
    let files: Vec<_> = places.iter().map(|place| target(place.path())).collect();
    let pairs = receivers.iter().zip(&files);
    let mut waits: Vec<_> =
        pairs.map(|(from, to)| Box::pin(receive_file(from, to, 0, u64::MAX))).collect();
    for _ in 0..5 {
        for wait in &mut waits {
            assert!(wait.as_mut().now_or_never().is_none());
        }
        assert!(aiofile::fs::read("/proc/self/stat").await.is_ok());
    }
    for (number, mut sender) in senders.into_iter().enumerate() {
        sender.write_all(&vec![number as u8; number + 1]).unwrap();
    }
    for (number, received) in join_all(waits).await.into_iter().enumerate() {
        assert_eq!(received.unwrap(), number as u64 + 1);
        assert_eq!(contents(places[number].path()), vec![number as u8; number + 1]);
    }
}

#[tokio::test]
async fn after_a_future_that_is_dropped_the_stream_goes_on() {
    let sent = bytes(1 << 20);
    for (polls, (receiver, mut sender)) in (0..8).flat_map(|_| streams()).enumerate() {
        let place = tempfile::tempdir().unwrap();
        let (to, whole) = (target(place.path()), sent.clone());
        let sending = thread::spawn(move || sender.write_all(&whole).unwrap());
        let mut dropped = Box::pin(receive_file(&receiver, &to, 0, u64::MAX));
        let mut is_over = false;
        for _ in 0..polls {
            is_over = is_over || dropped.as_mut().now_or_never().is_some();
            tokio::task::yield_now().await;
        }
        drop(dropped);
        let other = tempfile::tempdir().unwrap();
        receive_file(&receiver, &target(other.path()), 0, u64::MAX).await.unwrap();
        sending.join().unwrap();
        // What is under way is still being written.
        let (before, after) = (contents(place.path()), contents(other.path()));
        assert!(sent.starts_with(&before) && sent.ends_with(&after), "{polls} polls");
        assert!(!is_over || before.len() == sent.len(), "{polls} polls");
    }
}

#[tokio::test]
async fn what_was_received_before_a_reset_is_written_and_the_reset_is_told() {
    let place = tempfile::tempdir().unwrap();
    let to = target(place.path());
    let (receiver, sender) = tcp();
    (&sender).write_all(b"begun").unwrap();
    let mut wait = Box::pin(receive_file(&receiver, &to, 0, u64::MAX));
    while contents(place.path()) != b"begun" {
        assert!(wait.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    // Something that was not read by then makes the end a reset.
    (&receiver).write_all(b"unread").unwrap();
    while sender.peek(&mut [0; 6]).unwrap() < 6 {}
    drop(sender);
    let error = wait.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    assert!(error.to_string().contains(" at offset 5: "), "{error}");
    assert_eq!(contents(place.path()), b"begun");
}

#[tokio::test]
async fn where_the_system_moves_nothing_it_is_read_and_written() {
    for (receiver, mut sender) in streams() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("target");
        std::fs::write(&path, "before").unwrap();
        // splice(2) does not append.
        let to = File::options().append(true).open(&path).unwrap();
        let sent = bytes(3 << 20);
        let whole = sent.clone();
        let sending = thread::spawn(move || sender.write_all(&whole).unwrap());
        let received = receive_file(&receiver, &to, 0, u64::MAX).await.unwrap();
        assert_eq!(received, sent.len() as u64);
        sending.join().unwrap();
        assert!(contents(place.path()) == [b"before", &sent[..]].concat());
    }
}

#[tokio::test]
async fn what_fails_says_where() {
    for (receiver, mut sender) in streams() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        sender.write_all(b"text").unwrap();
        let error = receive_file(&receiver, &full, 7, u64::MAX).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        let text = error.to_string();
        assert!(
            text.starts_with("receive_file /dev/fd/") && text.contains(" at offset 7"),
            "{text}"
        );

        let error = receive_file(&receiver, &full, u64::MAX, 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let other = UnixStream::pair().unwrap();
        sender.write_all(b"text").unwrap();
        let error = receive_file(&receiver, &other.0, 0, 4).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSeekable, "{error}");
    }
    let place = tempfile::tempdir().unwrap();
    let to = target(place.path());
    let error = receive_file(&to, &to, 0, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("send_file"), "{error}");
}

#[tokio::test]
async fn a_socket_of_tokio_gives_its_bytes_too() {
    let place = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut socket, _) = listener.accept().await.unwrap();
    let sent = bytes(2 << 20);
    let whole = sent.clone();
    let sending = thread::spawn(move || {
        sender.write_all(&whole).unwrap();
        let mut answer = String::new();
        sender.read_to_string(&mut answer).map(|_| answer).unwrap()
    });
    let count = sent.len() as u64;
    assert_eq!(receive_file(&socket, &target(place.path()), 0, count).await.unwrap(), count);
    assert!(contents(place.path()) == sent);
    tokio::io::AsyncWriteExt::write_all(&mut socket, b"thanks").await.unwrap();
    drop(socket);
    assert_eq!(sending.join().unwrap(), "thanks");
}
