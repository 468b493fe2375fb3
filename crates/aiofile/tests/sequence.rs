//! Writes to a pipe and to the end of a file: in the order of the calls, whichever is polled.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod common;

use std::io::{PipeReader, Read, Write};
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use aiofile::{AioFile, Error, Result, Writer};
use caio::{Capability, Op, Output};
use caio_testkit::Null;
use common::{scratch, unruly};
use futures_util::future::{join_all, try_join_all};
use tokio::time::timeout;

/// Longer than this nothing here takes: it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it hangs")
}

fn pipe() -> (PipeReader, Writer) {
    let (receiver, sender) = std::io::pipe().unwrap();
    let file = AioFile::from_std(std::fs::File::from(OwnedFd::from(sender))).unwrap();
    (receiver, Writer::new(&file))
}

/// Reads all that will come.
fn drain(mut receiver: PipeReader) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        receiver.read_to_end(&mut all).unwrap();
        all
    })
}

fn is_pending(future: Pin<&mut impl Future>) -> bool {
    future.poll(&mut TaskContext::from_waker(Waker::noop())).is_pending()
}

#[tokio::test]
async fn futures_awaited_in_the_reverse_order_complete() {
    let (_directory, path) = scratch(b"");
    let log = Writer::new(AioFile::open(&path, "a").await.unwrap());
    let (receiver, piped) = pipe();
    for writer in [&log, &piped] {
        let mut writes: Vec<_> =
            (0..50).map(|number| writer.write_all(format!("{number},"))).collect();
        while let Some(last) = writes.pop() {
            in_time(last).await.unwrap();
        }
    }
    drop(piped);
    let expected: String = (0..50).map(|number| format!("{number},")).collect();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(drain(receiver).join().unwrap(), expected.as_bytes());
}

#[tokio::test]
async fn a_future_that_is_no_longer_polled_holds_up_no_other() {
    let (receiver, writer) = pipe();
    let large = vec![b'a'; 200_000];
    // One that has begun, and two that have been polled and wait behind it.
    let mut begun = pin!(writer.write_all(large.clone()));
    let mut second = pin!(writer.write_all("second,"));
    let mut third = pin!(writer.write_all("third,"));
    assert!(is_pending(begun.as_mut()) && is_pending(second.as_mut()));
    assert!(is_pending(third.as_mut()));
    let last = tokio::spawn(writer.clone().write_all("last"));
    let drained = drain(receiver);
    in_time(last).await.unwrap().unwrap();
    // Their answers are there, although nothing has polled them meanwhile.
    in_time(begun).await.unwrap();
    in_time(second).await.unwrap();
    in_time(third).await.unwrap();
    assert_eq!(writer.position(), 200_017);
    drop(writer);
    assert!(drained.join().unwrap() == [&large[..], b"second,third,last"].concat());
}

#[tokio::test]
async fn a_dropped_write_is_skipped_unless_it_has_begun() {
    let (receiver, writer) = pipe();
    let large = vec![b'a'; 200_000];
    let mut begun = Box::pin(writer.write_all(large.clone()));
    assert!(is_pending(begun.as_mut()));
    let mut skipped = Box::pin(writer.write_all("skipped"));
    assert!(is_pending(skipped.as_mut()));
    let never_polled = writer.write_all("never polled");
    let last = tokio::spawn(writer.clone().write_all("last"));
    tokio::task::yield_now().await;
    // The first of them has driven the queue so far.
    drop((begun, skipped, never_polled));
    let drained = drain(receiver);
    in_time(last).await.unwrap().unwrap();
    assert_eq!(writer.position(), 200_004);
    drop(writer);
    assert!(drained.join().unwrap() == [&large[..], b"last"].concat());
}

#[tokio::test]
async fn each_write_has_its_own_error_and_the_next_goes_on() {
    let (receiver, writer) = pipe();
    drop(receiver);
    let errors = in_time(join_all((0..5).map(|_| writer.write_all("lost")))).await;
    assert!(
        errors.into_iter().all(|error| Error::from(error.unwrap_err()).raw_os_error() == Some(32))
    );
    assert_eq!(writer.position(), 0);
    assert!(writer.take_gaps().is_empty());
    writer.flush().await.unwrap();
}

#[test]
fn a_hundred_thousand_dropped_writes_leave_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (receiver, writer) = pipe();
        let mut given_up: Vec<_> = (0..100_000).map(|_| writer.write_all("x")).collect();
        // From both ends and from within.
        drop(given_up.swap_remove(50_000));
        given_up.drain(..25_000);
        drop(given_up);
        for _ in 0..100_000 {
            drop(writer.write_all("x"));
        }
        in_time(writer.write_all("kept")).await.unwrap();
        let unpolled: Vec<_> = (0..100_000).map(|_| writer.write_all("x")).collect();
        drop(writer);
        drop(unpolled);
        assert_eq!(drain(receiver).join().unwrap(), b"kept");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_on_several_threads_write_each_record_once() {
    const TASKS: usize = 8;
    const RECORDS: usize = 100;
    let (directory, path) = scratch(b"");
    let (receiver, piped) = pipe();
    let drained = drain(receiver);
    let short = unruly(3);
    let mut options = aiofile::OpenOptions::new();
    options.append(true).create(true);
    let log = Writer::new(options.open_aio(&path).await.unwrap());
    let other = directory.path().join("short");
    let cut = Writer::new(options.context(&short).open_aio(&other).await.unwrap());
    for writer in [&piped, &log, &cut] {
        let tasks = (0..TASKS).map(|task| {
            let writer = writer.clone();
            tokio::spawn(async move {
                for record in 0..RECORDS {
                    let mut writes: Vec<_> = ["<", &format!("[{task}:{record}]"), ">"]
                        .map(|part| writer.write_all(part.to_owned()))
                        .into();
                    // Some are given up, and the rest is polled from behind.
                    if record % 3 == 0 {
                        drop(writes.remove(1));
                    }
                    writes.reverse();
                    for write in writes {
                        write.await?;
                    }
                }
                Result::<()>::Ok(())
            })
        });
        for done in in_time(try_join_all(tasks)).await.unwrap() {
            done.unwrap();
        }
    }
    drop(piped);
    for found in
        [drained.join().unwrap(), std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap()]
    {
        let text = String::from_utf8(found).unwrap();
        assert_eq!(text.matches('<').count(), TASKS * RECORDS);
        assert_eq!(text.matches('>').count(), TASKS * RECORDS);
        for (task, record) in (0..TASKS).flat_map(|task| (0..RECORDS).map(move |r| (task, r))) {
            let count = text.matches(&format!("[{task}:{record}]")).count();
            // Another task may have begun what was then given up.
            let is_right = if record % 3 == 0 { count <= 1 } else { count == 1 };
            assert!(is_right, "{task}:{record} is there {count} times");
        }
    }
}

#[tokio::test]
async fn small_writes_that_wait_are_written_as_one_and_datagrams_are_not() {
    let (_directory, path) = scratch(b"");
    let context = aiofile::context().in_place(false).build().unwrap();
    let file = common::open_in(&context, &path, "a").await;
    let writer = Writer::new(&file);
    let before = context.metrics().submitted;
    let records: Vec<String> = (0..1_000).map(|number| format!("{number},")).collect();
    let writes = records.iter().map(|record| writer.write_all(record.clone()));
    in_time(try_join_all(writes)).await.unwrap();
    assert_eq!(context.metrics().submitted - before, 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), records.concat());

    let (near, far) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let file = AioFile::from_std(std::fs::File::from(OwnedFd::from(near))).unwrap();
    let writer = Writer::new(&file);
    in_time(try_join_all(["one", "two", "three"].map(|text| writer.write_all(text))))
        .await
        .unwrap();
    let mut message = [0; 20];
    let lengths = [(); 3].map(|()| far.recv(&mut message).unwrap());
    assert_eq!(lengths, [3, 3, 5]);
}

/// Accepts so many bytes and then answers that there is no space.
fn limited(space: usize) -> Null {
    let space = AtomicUsize::new(space);
    Null::answering(Capability::all(8), move |op, file| match (op, file) {
        (Op::Write { buffer, range, .. }, Some(file)) => {
            match space.load(Ordering::SeqCst).min(range.len()) {
                0 => Err(std::io::Error::from_raw_os_error(28)),
                bytes => {
                    space.fetch_sub(bytes, Ordering::SeqCst);
                    let written = &buffer.as_slice()[range.start..][..bytes];
                    file.file().write_all(written).map(|()| Output::Bytes(bytes))
                }
            }
        }
        _ => Err(std::io::ErrorKind::Unsupported.into()),
    })
}

#[tokio::test]
async fn writes_done_as_one_have_their_own_outcomes() {
    let (_directory, path) = scratch(b"");
    let builder = aiofile::context().custom(std::sync::Arc::new(limited(10)));
    let context = builder.in_place(false).build().unwrap();
    let log = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    let writer = Writer::new(AioFile::from_std_in(&context, log).unwrap());
    let (first, empty) = (writer.write_all("aaaa"), writer.write_all(""));
    let (second, cut) = (writer.write_all("bbbb"), writer.write("cccc"));
    let given_up = writer.write_all("xxxx");
    let (last, none) = (writer.write_all("dddd"), writer.write_all(""));
    drop(given_up);
    assert_eq!(Error::from(in_time(last).await.unwrap_err()).raw_os_error(), Some(28));
    in_time(first).await.unwrap();
    in_time(empty).await.unwrap();
    in_time(second).await.unwrap();
    assert_eq!(in_time(cut).await.unwrap(), 2);
    in_time(none).await.unwrap();
    assert_eq!(writer.position(), 10);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "aaaabbbbcc");
}
