//! Syncs whose future is dropped, or whose waker panics: what failed is remembered, the others get
//! the truth, and waiting takes no memory.

use std::fs::File;
use std::io::{PipeReader, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Wake, Waker};
use std::time::Duration;

use aiofile::{AioFile, Error};
use caio::{Backend, Buffer, OpKind, SharedFile};
use caio_testkit::{Faulty, Plan, Simulated};
use futures_util::future::MaybeDone;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::EIO;

use crate::faults;
use crate::harness::{Case, cases};
use crate::support::{
    Env, Place, assert_settled, begun, bounded, disk, multi_thread, output, pattern, polled,
};

pub(crate) const CASES: &[Case] = cases![
    once a_failure_is_remembered_though_its_future_was_dropped,
    once a_sync_that_waits_behind_a_dropped_one_tells_the_truth,
    once a_sync_shared_with_a_dropped_future_tells_the_truth,
    alone a_waker_that_panics_harms_no_other_sync,
    each waiting_for_a_write_keeps_no_wakers,
    each waiting_for_another_sync_keeps_no_wakers,
    once waiting_for_room_keeps_no_wakers,
];

/// A file over a backend that answers late, and where the sync of this number fails with EIO.
struct Failing {
    file: AioFile,
    faulty: Arc<Faulty>,
    _place: Place,
}

impl Failing {
    fn new(inner: Arc<dyn Backend>, kind: OpKind, number: u64) -> Self {
        let delay = Duration::from_millis(60)..Duration::from_millis(80);
        let plan = Plan::new(41).delay(delay).fail_once(kind, number, EIO);
        let faulty = Arc::new(Faulty::new(inner, plan));
        let builder = aiofile::context().custom(Arc::<Faulty>::clone(&faulty)).in_place(false);
        let context = builder.build().unwrap();
        let place = disk();
        let file = File::options().write(true).open(place.file("data", b"data")).unwrap();
        Self { file: AioFile::from_std_in(&context, file).unwrap(), faulty, _place: place }
    }

    async fn sync(&self, kind: OpKind) -> caio::Result<()> {
        match kind {
            OpKind::Fsync => Ok(self.file.fsync().await?),
            _ => Ok(self.file.fdatasync().await?),
        }
    }

    async fn assert_remembered(&self) {
        for kind in [OpKind::Fdatasync, OpKind::Fsync] {
            let error = self.sync(kind).await.expect_err("the data may be lost");
            assert_eq!(error.raw_os_error(), Some(EIO), "{error}");
        }
    }
}

fn a_failure_is_remembered_though_its_future_was_dropped() {
    for kind in [OpKind::Fdatasync, OpKind::Fsync] {
        for inner in faults::inner_with_syncs() {
            bounded(move || {
                let failing = Failing::new(inner, kind, 0);
                multi_thread(2).block_on(async {
                    let sync = begun(failing.sync(kind)).await;
                    assert_eq!(failing.faulty.injected().errors, 1, "it is under way");
                    drop(sync);
                    assert_settled(failing.file.context());
                    failing.assert_remembered().await;
                });
            });
        }
    }
}

#[track_caller]
fn assert_eio(result: std::io::Result<()>) {
    assert_eq!(Error::from(result.unwrap_err()).raw_os_error(), Some(EIO));
}

fn a_sync_that_waits_behind_a_dropped_one_tells_the_truth() {
    for inner in faults::inner_with_syncs() {
        bounded(move || {
            let failing = Failing::new(inner, OpKind::Fdatasync, 0);
            multi_thread(2).block_on(async {
                let sync = begun(failing.file.fdatasync()).await;
                let behind = begun(failing.file.fdatasync()).await;
                let other = failing.file.clone();
                let task = tokio::spawn(async move { other.fsync().await });
                drop(sync);
                assert_eio(output(behind).await);
                assert_eio(task.await.unwrap());
                failing.assert_remembered().await;
            });
        });
    }
}

/// The second sync fails, which two share that came while the first was running.
fn a_sync_shared_with_a_dropped_future_tells_the_truth() {
    for inner in faults::inner_with_syncs() {
        bounded(move || {
            let failing = Failing::new(inner, OpKind::Fdatasync, 1);
            multi_thread(2).block_on(async {
                let first = failing.file.clone();
                let mut first = begun(async move { first.fdatasync().await }).await;
                let mut dropped = begun(failing.file.fdatasync()).await;
                let other = failing.file.clone();
                let other = tokio::spawn(async move { other.fdatasync().await });
                while failing.faulty.injected().errors == 0 {
                    polled(&mut first).await;
                    polled(&mut dropped).await;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                output(first).await.unwrap();
                drop(dropped);
                assert_eio(other.await.unwrap());
                failing.assert_remembered().await;
            });
        });
    }
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the program's panics, as this test wants it to");
    }
}

fn a_waker_that_panics_harms_no_other_sync(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", b"");
        multi_thread(2).block_on(async {
            for _ in 0..5 {
                let file = env.file(&path, "r+").await;
                file.write_all_at(pattern(1 << 20), 0).await.unwrap();
                let spawn = || {
                    let file = file.clone();
                    tokio::spawn(async move { file.fdatasync().await })
                };
                let first = spawn();
                tokio::task::yield_now().await;
                let mut bad = [pin!(file.fdatasync()), pin!(file.fdatasync())];
                let waker = Waker::from(Arc::new(Panics));
                for sync in &mut bad {
                    // A task that had its share wakes itself in the poll.
                    let mut cx = TaskContext::from_waker(&waker);
                    drop(catch_unwind(AssertUnwindSafe(|| sync.as_mut().poll(&mut cx).is_ready())));
                }
                let others = [spawn(), spawn()];
                first.await.unwrap().unwrap();
                for other in others {
                    other.await.unwrap().unwrap();
                }
                file.fsync().await.unwrap();
            }
        });
    });
}

/// A waker that does nothing and tells how often it is kept.
#[derive(Default)]
struct Kept(AtomicUsize);

impl Wake for Kept {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls 100,000 times with two wakers in turn. As many are kept as there are places to wait in.
async fn assert_keeps_no_wakers<T>(mut future: Pin<&mut impl Future<Output = T>>) {
    let kept = [Arc::new(Kept::default()), Arc::new(Kept::default())];
    let wakers = kept.clone().map(Waker::from);
    for _ in 0..1000 {
        for number in 0..100 {
            let mut cx = TaskContext::from_waker(&wakers[number % 2]);
            assert!(future.as_mut().poll(&mut cx).is_pending());
        }
        // A future that finds the budget spent looks at nothing else.
        tokio::task::yield_now().await;
    }
    let count: usize = kept.iter().map(Arc::strong_count).sum();
    assert!(count <= 16, "{count} wakers of one future are kept");
}

/// A pipe that is full, its reading end, and a write to it that waits for that.
async fn full_pipe(
    env: &Env,
) -> (SharedFile, PipeReader, Pin<Box<MaybeDone<impl Future<Output = ()>>>>) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let capacity = fcntl(&writer, FcntlArg::F_GETPIPE_SZ).unwrap();
    writer.write_all(&vec![1; capacity.unsigned_abs() as usize]).unwrap();
    let writer = SharedFile::new(File::from(OwnedFd::from(writer)), "pipe").unwrap();
    let (context, pipe) = (env.context.clone(), writer.clone());
    let write = begun(async move {
        let (result, _) = context.write(&pipe, Buffer::from(vec![1]), 0..1, 0).await;
        drop(result);
    });
    (writer, reader, write.await)
}

fn waiting_for_a_write_keeps_no_wakers(env: &Env) {
    env.bounded(|env| {
        let env = env.queued();
        multi_thread(2).block_on(async {
            let (pipe, reader, write) = full_pipe(&env).await;
            assert_keeps_no_wakers(pin!(env.context.sync(&pipe, true))).await;
            let kept = Arc::new(Kept::default());
            let waker = Waker::from(Arc::clone(&kept));
            for number in 0..20_000 {
                let given_up = pin!(env.context.sync(&pipe, true));
                let _ = given_up.poll(&mut TaskContext::from_waker(&waker));
                if number % 50 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let count = Arc::strong_count(&kept);
            assert!(count <= 16, "{count} wakers of futures that were dropped are kept");
            drop(reader);
            output(write).await;
        });
    });
}

fn waiting_for_another_sync_keeps_no_wakers(env: &Env) {
    env.bounded(|env| {
        let env = env.queued();
        multi_thread(2).block_on(async {
            let (pipe, reader, write) = full_pipe(&env).await;
            let first = begun(env.context.sync(&pipe, true)).await;
            assert_keeps_no_wakers(pin!(env.context.sync(&pipe, true))).await;
            drop(reader);
            output(write).await;
            let _ = output(first).await;
        });
    });
}

/// Over a disk that does nothing until it is told to, and for one request at a time.
fn waiting_for_room_keeps_no_wakers() {
    bounded(|| {
        let disk = Arc::new(Simulated::new(43));
        let builder = aiofile::context().custom(Arc::<Simulated>::clone(&disk)).in_place(false);
        let context = builder.max_requests(1).build().unwrap();
        let file = disk.create("data").unwrap();
        let write = || context.write(&file, Buffer::from(vec![1; 100]), 0..100, 0);
        multi_thread(2).block_on(async {
            let first = begun(write()).await;
            let mut second = pin!(write());
            assert_keeps_no_wakers(second.as_mut()).await;
            disk.run();
            assert_eq!(output(first).await.0.unwrap(), 100);
            assert_eq!(disk.drive(second).0.unwrap(), 100);
        });
    });
}
