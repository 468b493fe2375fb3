//! tokio's traits, by their own helpers.

use std::io::{IoSlice, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use aiofile::File;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader,
};

use crate::backends::{each, open};

fn needs_threads_and_traits<T>()
where
    T: tokio::io::AsyncRead + tokio::io::AsyncBufRead + AsyncWrite + AsyncSeek,
    T: Send + Sync + Unpin + Clone + 'static,
{
}

#[test]
fn a_handle_goes_wherever_tokio_wants_it() {
    needs_threads_and_traits::<File>();
    each(async |context| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut handle = open(context, &path, "w+").await;
        let data: Vec<u8> = (0..3_000_000u32).map(|i| (i / 7) as u8).collect();
        tokio::io::copy(&mut &data[..], &mut handle).await.unwrap();
        handle.flush().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), data);
        handle.rewind().await.unwrap();
        let mut back = Vec::new();
        assert_eq!(handle.read_to_end(&mut back).await.unwrap(), data.len());
        assert!(back == data);
        assert_eq!(handle.seek(SeekFrom::End(-3)).await.unwrap(), 2_999_997);
        let mut tail = Vec::new();
        BufReader::new(&mut handle).read_to_end(&mut tail).await.unwrap();
        assert_eq!(tail, data[2_999_997..]);
        assert!(handle.seek(SeekFrom::End(-3_000_001)).await.is_err());
        assert_eq!(handle.stream_position().await.unwrap(), 3_000_000);
    });
}

#[test]
fn one_vectored_write_takes_all_parts() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut handle = open(context, file.path(), "w").await;
        let parts = ["one", "", " two", " three"].map(|part| IoSlice::new(part.as_bytes()));
        assert_eq!(handle.write_vectored(&parts).await.unwrap(), 13);
        assert_eq!(handle.write(b"").await.unwrap(), 0);
        assert_eq!(std::fs::read(file.path()).unwrap(), b"one two three");
    });
}

#[test]
fn a_seek_that_was_begun_and_not_completed_is_forgotten() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut handle = open(context, file.path(), "w+").await;
        handle.write_owned("0123456789").await.unwrap();
        handle.seek(SeekFrom::Start(2)).await.unwrap();
        Pin::new(&mut handle).start_seek(SeekFrom::End(-1)).unwrap();
        assert_eq!(handle.read_bytes(1).await.unwrap(), "2");
        assert_eq!(handle.stream_position().await.unwrap(), 3);
        assert!(Pin::new(&mut handle).start_seek(SeekFrom::Start(u64::MAX)).is_err());
        assert_eq!(handle.tell(), 3);
    });
}

/// Each half must be woken although the other one may wait for the same write.
#[test]
fn the_halves_of_a_split_handle_work_in_two_tasks() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let handle = open(context, file.path(), "w+").await;
        let (mut reader, mut writer) = tokio::io::split(handle);
        let writing = tokio::spawn(async move {
            for _ in 0..500 {
                writer.write_all(&[7; 300]).await.unwrap();
            }
        });
        let reading = tokio::spawn(async move {
            let mut bytes = [0; 100];
            for _ in 0..500 {
                // The cursor is shared, so there is seldom anything to read.
                let _ = reader.read(&mut bytes).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let both = async { tokio::join!(writing, reading) };
        let (wrote, read) = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
        wrote.unwrap();
        read.unwrap();
        assert_eq!(std::fs::metadata(file.path()).unwrap().len(), 150_000);
    });
}

#[test]
fn lines_and_raw_reads_share_one_cursor() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "first\nsecond\nthird").unwrap();
        let mut handle = open(context, file.path(), "r+").await;
        let mut line = String::new();
        AsyncBufReadExt::read_line(&mut handle, &mut line).await.unwrap();
        assert_eq!((line.as_str(), handle.tell()), ("first\n", 6));
        assert_eq!(handle.read_bytes(3).await.unwrap(), "sec");
        handle.write_owned("OND").await.unwrap();
        assert_eq!(handle.readline().await.unwrap(), "\n");
        assert_eq!(handle.readline().await.unwrap(), "third");
        assert_eq!(std::fs::read(file.path()).unwrap(), b"first\nsecOND\nthird");
    });
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn the_end_of_a_write_wakes_both_who_wait_for_it() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        for _ in 0..100 {
            let mut handle = open(context, file.path(), "w+").await;
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            let mut writing = Context::from_waker(&waker);
            if Pin::new(&mut handle).poll_write(&mut writing, b"data").is_ready() {
                continue;
            }
            let end = std::future::poll_fn(|cx| {
                Pin::new(&mut handle).poll_fill_buf(cx).map(|bytes| bytes.unwrap().len())
            });
            assert_eq!(end.await, 0);
            assert!(woken.0.load(Ordering::SeqCst) > 0);
            let written = Pin::new(&mut handle).poll_write(&mut writing, b"data");
            assert!(matches!(written, Poll::Ready(Ok(4))));
            assert_eq!((handle.tell(), file.path().metadata().unwrap().len()), (4, 4));
        }
    });
}

#[test]
fn a_reader_that_gives_up_leaves_the_writer_its_wake_up() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        for _ in 0..20 {
            let mut handle = open(context, file.path(), "w+").await;
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            let mut writing = Context::from_waker(&waker);
            let mut reading = Context::from_waker(Waker::noop());
            if Pin::new(&mut handle).poll_write(&mut writing, b"data").is_ready()
                || Pin::new(&mut handle).poll_fill_buf(&mut reading).is_ready()
            {
                continue;
            }
            for _ in 0..60_000 {
                if woken.0.load(Ordering::SeqCst) > 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert!(woken.0.load(Ordering::SeqCst) > 0);
        }
    });
}

#[test]
fn what_was_read_ahead_yields_to_the_writes_of_a_clone() {
    each(async |context| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\nb\nc\nd\n").unwrap();
        let mut handle = open(context, file.path(), "r+").await;
        let mut clone = handle.clone();
        assert_eq!(handle.readline().await.unwrap(), "a\n");
        clone.write_owned("A\nB\nC").await.unwrap();
        assert_eq!(handle.readline().await.unwrap(), "B\n");
        clone.write_all(b"\nD").await.unwrap();
        assert_eq!(handle.fill_buf().await.unwrap(), b"C\nD\n");
        clone.truncate(6).await.unwrap();
        assert_eq!(handle.read_all().await.unwrap(), "C\n");
    });
}
