//! Wakers and destructors of buffers that panic inside the engine: they harm no other operation and
//! no shutdown. Each case has a process of its own, which such a panic must not end either.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use aiofile::{AioFile, Writer};
use bytes::Bytes;
use caio::{Buffer, Context, Op, SharedFile};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::io::AsyncWriteExt;

use crate::harness::{Case, cases};
use crate::support::{
    Env, HANGS, begun, bounded, current_thread, disk, multi_thread, output, pattern, room, shared,
};

pub(crate) const CASES: &[Case] = cases![
    alone a_waker_that_panics_harms_no_other_operation,
    alone a_destructor_that_panics_harms_no_other_operation,
    alone a_destructor_in_the_queue_that_panics_harms_no_other_operation,
    alone panics_without_a_runtime_harm_no_other_operation,
    alone a_waker_that_panics_takes_no_wake_from_another,
    alone a_waker_that_panics_stops_no_clock,
];

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the program's panics, as this test wants it to");
    }
}

/// The owner of a buffer. Dropped while the thread panics it does not panic as well, since that
/// would end the process.
struct Explosive(Vec<u8>);

impl AsRef<[u8]> for Explosive {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Explosive {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a destructor panics, as this test wants it to");
    }
}

fn explosive(length: usize) -> Buffer {
    Buffer::from(Bytes::from_owner(Explosive(vec![7; length])))
}

/// Polls each once with a waker that panics. Returns those that wait: a task that had its share
/// wakes itself in the poll, and such a future is spoilt.
fn with_panicking_waker(futures: Vec<BoxFuture<'static, ()>>) -> Vec<BoxFuture<'static, ()>> {
    let waker = Waker::from(Arc::new(Panics));
    let mut cx = TaskContext::from_waker(&waker);
    let mut waiting = Vec::new();
    for mut future in futures {
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll_unpin(&mut cx)));
        if matches!(polled, Ok(Poll::Pending)) {
            waiting.push(future);
        }
    }
    waiting
}

/// Drops what may hold such a buffer still.
fn drop_explosive<T>(value: T) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(value))));
}

fn reads(context: &Context, file: &SharedFile, count: u64) -> Vec<BoxFuture<'static, ()>> {
    let read = |number: u64| {
        let (context, file) = (context.clone(), file.clone());
        async move {
            let (result, _) = context.read(&file, room(4096), 0..4096, number * 4096).await;
            assert_eq!(result.unwrap(), 4096);
        }
        .boxed()
    };
    (0..count).map(read).collect()
}

/// The end of a context: nothing is left, and nothing has to be waited for.
async fn end(context: &Context) {
    let started = Instant::now();
    assert_eq!(context.shutdown(2 * HANGS).await, 0);
    assert!(started.elapsed() < HANGS, "the shutdown waited in vain");
}

fn a_waker_that_panics_harms_no_other_operation(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let file = shared(&place.file("data", &pattern(64 * 1024)));
        for round in 0..10 {
            let context = env.queued().context;
            let runtime = if round % 2 == 0 { multi_thread(2) } else { current_thread() };
            runtime.block_on(async {
                let innocent = reads(&context, &file, 16);
                let (before, after) =
                    (tokio::spawn(join_all(innocent)), reads(&context, &file, 16));
                tokio::task::yield_now().await;
                let bad = with_panicking_waker(reads(&context, &file, 3));
                join_all(after).await;
                before.await.unwrap();
                // Their answers are there all the same.
                join_all(bad).await;
                end(&context).await;
            });
        }
    });
}

/// A write whose future is dropped while the kernel or a pool has its buffer.
fn a_destructor_that_panics_harms_no_other_operation(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let file = shared(&place.file("data", &pattern(64 * 1024)));
        for round in 0..10 {
            let context = env.queued().context;
            let runtime = if round % 2 == 0 { multi_thread(2) } else { current_thread() };
            runtime.block_on(async {
                let before = tokio::spawn(join_all(reads(&context, &file, 16)));
                for number in 0..4u64 {
                    let write = context.write(&file, explosive(4096), 0..4096, number * 4096);
                    drop_explosive(begun(write).await);
                }
                join_all(reads(&context, &file, 16)).await;
                before.await.unwrap();
                end(&context).await;
            });
        }
    });
}

/// Writes to a pipe that is full, and what waits behind them for room.
fn a_destructor_in_the_queue_that_panics_harms_no_other_operation(env: &Env) {
    const MORE_THAN_A_PIPE_HOLDS: usize = 1 << 18;
    env.bounded(|env| {
        let place = disk();
        let file = shared(&place.file("data", &pattern(64 * 1024)));
        for _ in 0..5 {
            let context = env.with(|builder| builder.max_requests(4).in_place(false)).context;
            let (_reader, writer) = std::io::pipe().unwrap();
            let pipe = SharedFile::new(File::from(OwnedFd::from(writer)), "pipe").unwrap();
            multi_thread(2).block_on(async {
                let mut waiting = Vec::new();
                for _ in 0..8 {
                    let buffer = explosive(MORE_THAN_A_PIPE_HOLDS);
                    let op = Op::write(buffer, 0..MORE_THAN_A_PIPE_HOLDS, 0).unwrap();
                    waiting.push(begun(context.submit(Some(&pipe), op)).await);
                }
                waiting.into_iter().for_each(drop_explosive);
                let others = begun(join_all(reads(&context, &file, 16))).await;
                output(others).await;
                end(&context).await;
            });
        }
    });
}

fn panics_without_a_runtime_harm_no_other_operation(env: &Env) {
    let variant = env.variant;
    bounded(move || {
        let place = disk();
        let file = shared(&place.file("data", &pattern(64 * 1024)));
        for _ in 0..5 {
            let context = variant.build(Context::builder().in_place(false)).unwrap();
            let bad = with_panicking_waker(reads(&context, &file, 3));
            let waker = Waker::noop();
            for number in 0..4u64 {
                let write = context.write(&file, explosive(4096), 0..4096, number * 4096);
                let mut write = Box::pin(write);
                let polled = catch_unwind(AssertUnwindSafe(|| {
                    pin!(write.as_mut()).poll(&mut TaskContext::from_waker(waker)).is_ready()
                }));
                drop(polled);
                drop_explosive(write);
            }
            futures_executor::block_on(join_all(reads(&context, &file, 16)));
            futures_executor::block_on(join_all(bad));
            futures_executor::block_on(end(&context));
        }
    });
}

/// Two tasks wait for one write: the first with a waker that panics. The pipe is full, and emptied
/// when both wait.
fn a_waker_that_panics_takes_no_wake_from_another(env: &Env) {
    const MORE_THAN_A_PIPE_HOLDS: usize = 1 << 18;
    env.bounded(|env| {
        // The order in which a writer wakes those who wait is not known.
        for _ in 0..16 {
            let (file, mut handle, rest) = pipe_with_writers(env);
            let writer = Writer::new(&file);
            let mut bad = writer.write_all(vec![1; MORE_THAN_A_PIPE_HOLDS]).boxed();
            let good = writer.write_all(vec![2; 10]);
            let mut bad_on_handle = handle.write_all(&[3; MORE_THAN_A_PIPE_HOLDS]).boxed();
            let panics = Waker::from(Arc::new(Panics));
            let mut cx = TaskContext::from_waker(&panics);
            assert!(bad.poll_unpin(&mut cx).is_pending());
            let on_handle = catch_unwind(AssertUnwindSafe(|| bad_on_handle.poll_unpin(&mut cx)));
            drop((on_handle, bad_on_handle));
            multi_thread(1).block_on(async {
                let good = begun(good).await;
                let flush = begun(handle.flush()).await;
                let reading = std::thread::spawn(move || rest.for_each(drop));
                output(good).await.unwrap();
                output(flush).await.unwrap();
                bad.await.unwrap();
                drop((writer, handle, file));
                reading.join().unwrap();
            });
        }
    });
}

/// A pipe's writing end as a file by offset and as one with a cursor, and what comes out of it.
fn pipe_with_writers(env: &Env) -> (AioFile, aiofile::File, impl Iterator<Item = u8> + use<>) {
    let (reader, writer) = std::io::pipe().unwrap();
    let open = |end: &std::io::PipeWriter| {
        let end = File::from(OwnedFd::from(end.try_clone().unwrap()));
        AioFile::from_std_in(&env.context, end).unwrap()
    };
    let (file, handle) = (open(&writer), open(&writer).into_file());
    (file, handle, std::io::BufReader::new(reader).bytes().map(Result::unwrap))
}

fn a_waker_that_panics_stops_no_clock(env: &Env) {
    env.bounded(|_| {
        let mut bad = pin!(caio::delay(Duration::from_millis(1)));
        let panics = Waker::from(Arc::new(Panics));
        assert!(bad.as_mut().poll(&mut TaskContext::from_waker(&panics)).is_pending());
        futures_executor::block_on(caio::delay(Duration::from_millis(20))).unwrap();
        futures_executor::block_on(caio::delay(Duration::from_millis(1))).unwrap();
    });
}
