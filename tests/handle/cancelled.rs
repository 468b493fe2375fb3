//! Futures that are dropped before they are done.

use std::io::{Read, SeekFrom};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use aiofile::{Error, File};
use bytes::Bytes;
use futures_util::poll;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::backends::{each, open, pipe_reader, pipe_writer};

const SOON: Duration = Duration::from_millis(30);

#[test]
fn a_write_whose_future_was_dropped_takes_place_once_and_before_the_next() {
    each(async |context| {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = directory.path().join(round.to_string());
            let mut handle = open(context, &path, "w+").await;
            let began = poll!(pin!(handle.write_owned("first "))).is_pending();
            let mut copy = handle.clone();
            handle.write_owned("second").await.unwrap();
            assert_eq!(handle.tell(), 12);
            assert_eq!(std::fs::read(&path).unwrap(), b"first second");
            let start = if began { 0 } else { 6 };
            assert_eq!(copy.tell(), start);
            assert_eq!(copy.read_all().await.unwrap(), &b"first second"[start as usize..]);
        }
    });
}

#[test]
fn a_write_to_a_full_pipe_that_was_given_up_arrives_before_the_next_one() {
    each(async |context| {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut handle = pipe_writer(context, writer).await;
        let large = vec![b'a'; 200_000];
        assert!(timeout(SOON, handle.write_owned(large.clone())).await.is_err());
        assert_eq!(handle.tell(), 0);
        let drain = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        handle.write_owned("end").await.unwrap();
        assert_eq!(handle.tell(), 200_003);
        handle.close().await.unwrap();
        assert_eq!(drain.join().unwrap(), [&large[..], b"end"].concat());
    });
}

#[test]
fn the_error_of_a_write_that_was_given_up_is_told_once() {
    each(async |context| {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut handle = pipe_writer(context, writer).await;
        assert!(timeout(SOON, handle.write_owned(vec![0; 200_000])).await.is_err());
        drop(reader);
        assert_eq!(Error::from(handle.flush().await.unwrap_err()).raw_os_error(), Some(32));
        handle.flush().await.unwrap();
        handle.close().await.unwrap();
    });
}

#[test]
fn waits_that_were_given_up_keep_no_task_in_memory() {
    /// The memory of a task.
    struct Task;
    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }
    fn begin(future: Pin<&mut impl Future>, task: &Arc<Task>) {
        let waker = Waker::from(Arc::clone(task));
        assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
    }
    each(async |context| {
        let (_reader, writer) = std::io::pipe().unwrap();
        let mut handle = pipe_writer(context, writer).await;
        let tasks: [Arc<Task>; 50] = std::array::from_fn(|_| Arc::new(Task));
        for task in &tasks {
            begin(pin!(handle.write(&[0; 200_000])), task);
            begin(pin!(handle.metadata()), task);
            begin(pin!(handle.sync_all()), task);
        }
        let kept = tasks.iter().filter(|task| Arc::strong_count(task) > 1).count();
        // The writing half keeps the latest, unless that was woken already.
        assert!(kept <= 1, "{kept} are kept");
    });
}

#[test]
fn offering_the_same_bytes_again_waits_for_the_same_write() {
    each(async |context| {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut handle = pipe_writer(context, writer).await;
        let large: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        assert!(timeout(SOON, handle.write(&large)).await.is_err());
        assert!(timeout(SOON, handle.write(&large)).await.is_err());
        let drain = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        assert_eq!(handle.write(&large).await.unwrap(), large.len());
        let _ = poll!(pin!(handle.write(b"abandoned")));
        handle.write_all(b" and more").await.unwrap();
        handle.shutdown().await.unwrap();
        assert_eq!(handle.tell(), 200_018);
        handle.close().await.unwrap();
        assert_eq!(drain.join().unwrap(), [&large[..], b"abandoned and more"].concat());
    });
}

#[test]
fn a_read_of_a_stream_that_was_given_up_loses_nothing() {
    each(async |context| {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut reading = pipe_reader(context, reader).await;
        let mut writing = pipe_writer(context, writer).await;
        assert!(timeout(SOON, reading.readline()).await.is_err());
        writing.write_owned("par").await.unwrap();
        assert!(timeout(SOON, reading.readline()).await.is_err());
        assert_eq!(reading.tell(), 0);
        assert_eq!(reading.read_bytes(2).await.unwrap(), "pa");
        assert!(timeout(SOON, reading.read_exact_bytes(9)).await.is_err());
        writing.write_owned("tial\nline\nrest").await.unwrap();
        assert_eq!(reading.readline().await.unwrap(), "rtial\n");
        let mut line = String::new();
        reading.read_line(&mut line).await.unwrap();
        assert_eq!(line, "line\n");
        assert!(timeout(SOON, reading.read_all()).await.is_err());
        assert_eq!(reading.tell(), 13);
        writing.close().await.unwrap();
        assert_eq!(reading.read_all().await.unwrap(), "rest");
        assert_eq!(reading.read_bytes(1).await.unwrap(), "");
        assert_eq!(reading.tell(), 17);
    });
}

#[test]
fn a_read_that_was_given_up_does_not_answer_with_what_was_there_before_a_write() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        for _ in 0..50 {
            std::fs::write(file.path(), "old old old").unwrap();
            let mut handle = open(context, file.path(), "r+").await;
            let _ = poll!(pin!(handle.fill_buf()));
            let _ = poll!(pin!(handle.readline()));
            handle.seek(SeekFrom::Start(0)).await.unwrap();
            let mut copy: File = handle.clone();
            copy.write_owned("new").await.unwrap();
            assert_eq!(handle.readline().await.unwrap(), "new old old");
            handle.seek(SeekFrom::Start(0)).await.unwrap();
            let _ = poll!(pin!(handle.fill_buf()));
            handle.truncate(3).await.unwrap();
            let mut text = String::new();
            handle.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "new");
        }
    });
}

#[test]
fn dropping_a_handle_with_a_write_under_way_returns_at_once() {
    each(async |context| {
        let (_reader, writer) = std::io::pipe().unwrap();
        let mut handle = pipe_writer(context, writer).await;
        assert!(timeout(SOON, handle.write_owned(Bytes::from(vec![0; 200_000]))).await.is_err());
        drop(handle);
    });
}

/// Trap A17: what was begun is polled once more when it has ended, and that is a panic.
#[test]
fn after_the_end_of_its_context_a_handle_gives_errors_and_nothing_panics() {
    each(async |context| {
        let build = || {
            let builder = aiofile::context().backend(context.info().backend);
            builder.in_place(context.config().in_place).build().unwrap()
        };
        let scratch = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(scratch.path(), "contents").unwrap();
        for reads in [true, false] {
            let own = build();
            let mut handle = open(&own, scratch.path(), "r+").await;
            let _ = match reads {
                true => poll!(pin!(handle.fill_buf())).map(drop),
                false => poll!(pin!(handle.write_owned("x"))).map(drop),
            };
            own.shutdown(Duration::from_secs(60)).await;
            assert_ended(&mut handle).await;
        }
        let own = build();
        let ((reader, _writer), (_reader, writer)) =
            (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let (mut reading, mut writing) =
            (pipe_reader(&own, reader).await, pipe_writer(&own, writer).await);
        assert!(timeout(SOON, reading.read(&mut [0])).await.is_err());
        assert!(timeout(SOON, writing.write(&[0; 200_000])).await.is_err());
        own.shutdown(Duration::ZERO).await;
        assert_ended(&mut reading).await;
        assert_ended(&mut writing).await;
    });
}

/// All of it over and over: the first error may be that of what was under way.
async fn assert_ended(handle: &mut File) {
    for round in 0..3 {
        let ended = [
            handle.flush().await,
            handle.read(&mut [0]).await.map(drop),
            handle.write(&[0; 200_000]).await.map(drop),
            handle.write(b"other").await.map(drop),
            handle.seek(SeekFrom::Current(0)).await.map(drop),
            handle.sync_all().await,
            handle.set_len(0).await,
        ];
        if round > 0 {
            assert!(ended[1].is_err() && ended[2].is_err() && ended[3].is_err(), "{ended:?}");
            assert!(ended[5].is_err() && ended[6].is_err(), "{ended:?}");
        }
        let mut copy = handle.clone();
        assert!(copy.read(&mut [0]).await.is_err());
    }
    let _ = timeout(Duration::from_secs(60), handle.close()).await.expect("it ends");
    assert!(handle.read(&mut [0]).await.is_err());
}
