//! `BatchWriter`: what is queued, written and durable, what fails, and who has to be there for it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Wake, Waker};
use std::thread;
use std::time::Duration;

use aiofile_util::{BatchOptions, BatchWriter};
use caio::{Error, OpKind};
use caio_testkit::Plan;
use common::disk::{self, Disk};
use common::{LIMIT, block_on, contexts, place, poll, wait_until};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all, try_join_all};

/// Nothing is written for its age.
fn options() -> BatchOptions {
    BatchOptions::new().interval(Duration::MAX)
}

fn errno(error: &std::io::Error) -> Option<i32> {
    Error::of(error).and_then(Error::raw_os_error)
}

#[test]
fn records_of_many_producers_are_whole_and_in_order_on_every_backend() {
    for context in contexts() {
        let place = place();
        let path = place.path().join("log");
        std::fs::write(&path, "before\n").unwrap();
        let options = options().context(&context).max_bytes(100).queue_bytes(300);
        let log = block_on(options.open(&path)).unwrap();
        let threads: Vec<_> = (0..4)
            .map(|producer| {
                let log = log.clone();
                thread::spawn(move || {
                    for number in 0..500 {
                        let record = format!("{producer} {number}\n");
                        block_on(match number % 100 {
                            98 => log.append_written(record).boxed(),
                            99 => log.append_durable(record).boxed(),
                            _ => log.append(record).boxed(),
                        })
                        .unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let report = block_on(log.close()).unwrap();
        assert_eq!((report.records, report.lost), (2000, 0));
        let written = std::fs::read_to_string(&path).unwrap();
        let mut lines = written.lines();
        assert_eq!(lines.next(), Some("before"));
        let mut next = [0; 4];
        for line in lines {
            let (producer, number) = line.split_once(' ').unwrap();
            let next = &mut next[producer.parse::<usize>().unwrap()];
            assert_eq!(number.parse(), Ok(*next));
            *next += 1;
        }
        assert_eq!(next, [500; 4]);
        assert_eq!(report.bytes as usize, written.len() - 7);
    }
}

#[test]
fn a_part_of_a_record_is_ended_before_the_next_one() {
    for context in contexts() {
        let place = place();
        let path = place.path().join("log");
        let log = |options: BatchOptions| {
            let log = block_on(options.context(&context).open(&path)).unwrap();
            block_on(log.append_written("next\n")).unwrap();
            block_on(log.close()).unwrap();
            std::fs::read_to_string(&path).unwrap()
        };
        let lines = || options().record_end(b'\n').rotate_bytes(22);
        assert_eq!(log(lines()), "next\n");
        // What is whole stays as it is.
        assert_eq!(log(lines()), "next\nnext\n");
        std::fs::write(&path, "whole\npart").unwrap();
        assert_eq!(log(lines()), "whole\npart\nnext\n");
        // Its end counts for the rotation.
        std::fs::write(&path, "whole\nlonger part").unwrap();
        assert_eq!(log(lines()), "next\n");
        let aside = std::fs::read_to_string(place.path().join("log.000001")).unwrap();
        assert_eq!(aside, "whole\nlonger part\n");
        // Records of another kind are not touched.
        std::fs::write(&path, "whole\npart").unwrap();
        assert_eq!(log(options()), "whole\npartnext\n");
    }
}

#[test]
fn a_batch_is_written_when_it_is_full_and_not_before() {
    let disk = Disk::new(Plan::new(1));
    let by_bytes = disk.open(&options().max_bytes(8));
    disk.drive(by_bytes.append("12345")).unwrap();
    assert_eq!(disk.simulated.pending(), 0);
    disk.drive(by_bytes.append("678")).unwrap();
    assert_eq!(disk.simulated.pending(), 1);
    disk.simulated.run();
    assert_eq!(disk.contents(), b"12345678");
    disk.drive(by_bytes.close()).unwrap();

    let by_records = disk.open(&options().max_records(2));
    disk.drive(by_records.append("a")).unwrap();
    assert_eq!(disk.simulated.pending(), 0);
    disk.drive(by_records.append("b")).unwrap();
    disk.simulated.run();
    assert_eq!(disk.contents(), b"12345678ab");
    disk.drive(by_records.close()).unwrap();
}

#[test]
fn where_the_queue_is_full_appends_wait_and_those_that_go_leave_nothing() {
    let disk = Disk::new(Plan::new(1));
    let log = disk.open(&options().queue_bytes(8));
    disk.drive(log.append("12345678")).unwrap();
    let mut dropped = log.append("dropped").boxed();
    let mut waits = log.append("waits").boxed();
    let mut idle = log.append("idle").boxed();
    assert!(poll(&mut dropped).is_none() && poll(&mut waits).is_none());
    assert!(poll(&mut idle).is_none());
    drop(dropped);
    // The write that makes room was begun by the append which filled the queue.
    disk.simulated.run();
    // One that is not polled any more keeps the room from nobody.
    poll(&mut waits).unwrap().unwrap();
    disk.drive(log.append("and more")).unwrap();
    disk.drive(log.flush()).unwrap();
    assert_eq!(disk.contents(), b"12345678waitsand more");
    drop(idle);
    disk.drive(log.close()).unwrap();
    assert_eq!(disk.contents(), b"12345678waitsand more");
}

#[test]
fn many_durable_appends_share_a_sync_and_are_ready_after_it() {
    let disk = Disk::new(Plan::new(1));
    let log = disk.open(&options());
    disk.drive(log.append_durable("first,")).unwrap();
    let mut appends: Vec<_> =
        (0..100).map(|number| log.append_durable(format!("{number:02},")).boxed()).collect();
    let mut dropped = log.append_durable("dropped").boxed();
    assert!(appends.iter_mut().all(|append| poll(append).is_none()));
    assert!(poll(&mut dropped).is_none());
    drop(dropped);
    let durable = || disk.model().durable().to_vec();
    while durable().len() < 6 + 300 + 7 {
        assert!(
            appends.iter_mut().all(|append| poll(append).is_none()) || disk.simulated.pending() > 0
        );
        assert!(disk.simulated.step(), "nothing goes on");
    }
    disk.drive(try_join_all(appends)).unwrap();
    // The first of the hundred was being written while the others came.
    assert!(log.report().syncs <= 3, "{:?}", log.report());
    assert!(durable().ends_with(b"98,99,dropped"));
    disk.drive(log.close()).unwrap();
}

#[test]
fn a_write_that_fails_leaves_nothing_and_is_told_to_all() {
    let disk = Disk::new(Plan::new(1).space(10));
    let log = disk.open(&options());
    let other = log.clone();
    disk.drive(log.append_written("12345678")).unwrap();
    disk.drive(other.append("queued")).unwrap();
    let (first, second) = (log.append_written("first"), log.append_durable("second"));
    for result in disk.drive(join_all([first.boxed(), second.boxed()])) {
        let error = result.unwrap_err();
        assert_eq!(errno(&error), Some(28));
        assert!(error.to_string().contains("3 records"), "{error}");
    }
    assert_eq!(disk.contents(), b"12345678");
    disk.faulty.set_space(1000);
    // The other handle has not told of it yet, and does so once.
    assert_eq!(errno(&disk.drive(other.append("not queued")).unwrap_err()), Some(28));
    disk.drive(other.append("9")).unwrap();
    disk.drive(log.flush()).unwrap();
    assert_eq!(disk.contents(), b"123456789");
    let report = disk.drive(log.close()).unwrap();
    assert_eq!((report.records, report.lost), (2, 3));
    let error = disk.drive(log.append("too late")).unwrap_err();
    assert!(error.to_string().contains("the writer is closed"), "{error}");
}

type Call = fn(&BatchWriter) -> BoxFuture<'_, std::io::Result<()>>;

#[test]
fn flush_sync_and_close_tell_of_a_write_that_failed() {
    let calls: [Call; 3] = [
        |log| log.flush().boxed(),
        |log| log.sync().boxed(),
        |log| async { log.close().await.map(drop) }.boxed(),
    ];
    for call in calls {
        let disk = Disk::new(Plan::new(1).space(0));
        let log = disk.open(&options());
        disk.drive(log.append("lost")).unwrap();
        assert_eq!(errno(&disk.drive(call(&log)).unwrap_err()), Some(28));
        disk.drive(log.close()).unwrap();
        assert_eq!(disk.contents(), b"");
    }
}

#[test]
fn a_part_of_a_record_that_cannot_be_cut_is_told_and_cut_later() {
    let plan = Plan::new(1).space(4).fail_once(OpKind::SetLength, 0, 5);
    let disk = Disk::new(plan);
    let log = disk.open(&options());
    assert_eq!(errno(&disk.drive(log.append_written("123456")).unwrap_err()), Some(28));
    assert_eq!(disk.contents(), b"1234", "the cut has failed");
    disk.faulty.set_space(1000);
    disk.drive(log.append_written("ab")).unwrap();
    assert_eq!(disk.contents(), b"ab");
    disk.drive(log.close()).unwrap();

    let disk = Disk::new(Plan::new(1).space(4).fail_from(OpKind::SetLength, 0, 5));
    let log = disk.open(&options());
    disk.drive(log.append_written("123456")).unwrap_err();
    let error = disk.drive(log.append_written("ab")).unwrap_err();
    assert!(error.to_string().contains("from byte 0 on"), "{error}");
    let error = disk.drive(log.close()).unwrap_err();
    assert!(error.to_string().contains("from byte 0 on"), "{error}");
}

#[test]
fn a_sync_that_failed_stays_failed_and_nothing_tries_it_again() {
    let disk = Disk::new(Plan::new(1).fail_from(OpKind::Fdatasync, 0, 5));
    let log = disk.open(&options());
    assert_eq!(errno(&disk.drive(log.append_durable("unknown,")).unwrap_err()), Some(5));
    let operations = disk.faulty.operations();
    assert_eq!(errno(&disk.drive(log.sync()).unwrap_err()), Some(5));
    assert_eq!(errno(&disk.drive(log.append_durable("refused,")).unwrap_err()), Some(5));
    assert_eq!(disk.faulty.operations(), operations, "nothing is asked again");
    // Other records go on.
    disk.drive(log.append_written("written")).unwrap();
    disk.drive(log.close()).unwrap();
    assert_eq!(disk.contents(), b"unknown,written");
}

#[test]
fn batches_are_synced_by_themselves_where_that_is_wanted() {
    let disk = Disk::new(Plan::new(1));
    let log = disk.open(&options().sync_batches(true));
    disk.drive(log.append_written("record")).unwrap();
    let model = || disk.model();
    wait_until("it is not synced", || {
        disk.simulated.step();
        model().durable() == b"record"
    });
    disk.drive(log.close()).unwrap();
}

#[test]
fn the_interval_writes_what_nobody_waits_for_and_after_the_runtime() {
    for context in contexts() {
        let place = place();
        let path = place.path().join("log");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = BatchOptions::new().context(&context).interval(Duration::from_millis(1));
        let log = runtime.block_on(async {
            let log = options.open(&path).await.unwrap();
            log.append("by its age").await.unwrap();
            log
        });
        // Nothing drives the runtime, and then it is gone.
        wait_until("the interval", || std::fs::read(&path).unwrap() == b"by its age");
        drop(runtime);
        block_on(log.append(", after the runtime")).unwrap();
        let all = b"by its age, after the runtime";
        wait_until("the interval", || std::fs::read(&path).unwrap() == all);
    }
}

#[test]
fn what_is_queued_is_written_when_the_last_handle_goes() {
    for context in contexts() {
        let place = place();
        let path = place.path().join("log");
        let log = block_on(options().context(&context).open(&path)).unwrap();
        block_on(log.append("queued")).unwrap();
        let other = log.clone();
        drop(log);
        block_on(other.append(", twice")).unwrap();
        drop(other);
        wait_until("it is not written", || std::fs::read(&path).unwrap() == b"queued, twice");
        // The file is closed then, and so its lock is gone.
        let open = || block_on(options().context(&context).open(&path));
        wait_until("it is not closed", || open().is_ok());
    }
}

#[test]
fn a_close_that_is_dropped_goes_on() {
    let place = place();
    let path = place.path().join("log");
    let context = common::context();
    let log = block_on(options().context(&context).open(&path)).unwrap();
    block_on(log.append("queued")).unwrap();
    _ = poll(&mut log.close().boxed());
    wait_until("it is not written", || std::fs::read(&path).unwrap() == b"queued");
    assert_eq!(block_on(log.close()).unwrap().records, 1);
}

/// A task whose waker polls it at once, on the thread that wakes; if that is in a poll of it, after
/// that.
struct Inline {
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    woken: AtomicBool,
}

impl Inline {
    fn new(future: BoxFuture<'static, ()>) -> Arc<Self> {
        Arc::new(Self { future: Mutex::new(Some(future)), woken: AtomicBool::new(false) })
    }
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        while self.woken.load(Ordering::SeqCst) {
            let Some(mut future) = self.future.lock().unwrap().take() else { return };
            self.woken.store(false, Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(&self));
            if future.poll_unpin(&mut TaskContext::from_waker(&waker)).is_pending() {
                *self.future.lock().unwrap() = Some(future);
            }
        }
    }
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[test]
fn wakers_may_poll_at_once_and_may_panic() {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let disk = Disk::new(Plan::new(1));
        let log = Arc::new(disk.open(&options()));
        disk.drive(log.append_durable("first")).unwrap();
        let mut panics: Vec<_> = (0..3).map(|_| log.append_durable("x").boxed()).collect();
        let waker = Waker::from(Arc::new(Panics));
        for append in &mut panics {
            assert!(append.poll_unpin(&mut TaskContext::from_waker(&waker)).is_pending());
        }
        let (writer, done) = (Arc::clone(&log), sender.clone());
        let appends = async move {
            for _ in 0..10 {
                writer.append_durable("y").await.unwrap();
            }
            done.send("all appends").unwrap();
        };
        Inline::new(appends.boxed()).wake();
        // Some of it goes on in another thread.
        wait_until("not all is appended", || {
            disk.simulated.run();
            log.report().records == 14
        });
        disk.drive(log.sync()).unwrap();
        disk.drive(log.close()).unwrap();
        sender.send("closed").unwrap();
    });
    assert_eq!(receiver.recv_timeout(LIMIT), Ok("all appends"));
    assert_eq!(receiver.recv_timeout(LIMIT), Ok("closed"));
}

#[test]
fn timeouts_are_not_over_at_once_under_a_paused_clock() {
    for context in contexts() {
        let place = place();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let log = options().context(&context).open(place.path().join("log")).await.unwrap();
            for number in 0..20 {
                let durable = log.append_durable(format!("{number}\n"));
                tokio::time::timeout(LIMIT, durable).await.expect("the clock went on").unwrap();
            }
            let closed = tokio::time::timeout(LIMIT, log.close()).await;
            assert_eq!(closed.expect("the clock went on").unwrap().records, 20);
        });
    }
}

#[test]
fn on_a_simulated_disk_a_paused_clock_shows_how_long_things_take() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let disk = Disk::new(Plan::new(1));
    let step = Duration::from_secs(10);
    runtime.block_on(async {
        let simulated = Arc::clone(&disk.simulated);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(step).await;
                simulated.step();
            }
        });
        let log = disk.options(&options()).open(disk::path()).await.unwrap();
        // A real thread syncs the directory.
        log.append_durable("first").await.unwrap();
        let begun = tokio::time::Instant::now();
        let late = tokio::time::timeout(step / 2, log.append_durable(", given up")).await;
        assert!(late.is_err(), "the disk is slower than that");
        log.append_durable(", second").await.unwrap();
        // A write and a sync for each; the second write comes behind the first sync.
        assert!((step * 2..=step * 6).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        log.close().await.unwrap();
    });
    assert_eq!(disk.contents(), b"first, given up, second");
}

#[test]
fn producers_in_a_loop_let_other_tasks_run() {
    let context = common::context();
    let place = place();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let log = options().context(&context).queue_bytes(usize::MAX);
        let log = log.max_bytes(usize::MAX).open(place.path().join("log")).await.unwrap();
        let producer = log.clone();
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            while stopped.try_recv().is_err() {
                producer.append("x").await.unwrap();
            }
        });
        tokio::task::yield_now().await;
        // On one thread this is reached only if the loop yields.
        stop.send(()).unwrap();
        task.await.unwrap();
        log.close().await.unwrap();
    });
}

#[test]
fn one_file_has_one_writer_and_is_a_regular_one() {
    let context = common::context();
    let place = place();
    let path = place.path().join("log");
    let open = |path: &Path| block_on(options().context(&context).open(path));
    let log = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(error.to_string().contains("another writer"), "{error}");
    block_on(log.close()).unwrap();
    block_on(open(&path).unwrap().close()).unwrap();

    assert_eq!(open(Path::new("/dev/null")).unwrap_err().kind(), ErrorKind::InvalidInput);
    let fifo = place.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = open(&fifo).unwrap_err();
    assert!(error.to_string().contains("it is no regular file"), "{error}");
    let error = block_on(options().max_bytes(0).open(place.path().join("none"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!place.path().join("none").exists());
}

#[test]
fn a_context_that_is_shut_down_fails_what_waits() {
    let place = place();
    let context = common::context();
    let log = block_on(options().context(&context).open(place.path().join("log"))).unwrap();
    block_on(log.append("queued")).unwrap();
    block_on(context.shutdown(LIMIT));
    assert!(block_on(log.append_durable("more")).is_err());
    assert!(block_on(log.close()).is_err());
}
