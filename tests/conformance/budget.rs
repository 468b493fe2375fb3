//! Tokio's cooperative budget: an operation that finds it spent neither deadlocks nor waits for
//! ever, and a task that has much to do lets the others have their turn.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aiofile::AioFile;
use caio::{Buffer, Context, Op, SharedFile, flags};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use tokio::task::coop;

use crate::harness::{Case, cases};
use crate::support::{Env, current_thread, disk, multi_thread, pattern, room, shared};

pub(crate) const CASES: &[Case] = cases![
    each spent_in_block_on_of_several_workers,
    each spent_in_block_on_of_one_thread,
    each spent_in_a_task_of_several_workers,
    each spent_in_a_task_of_one_thread,
    each a_task_with_60_000_reads_lets_others_have_their_turn,
];

/// Takes what is left of the task's budget, as ready receives of a channel do.
async fn spend_budget() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    while coop::has_budget_remaining() {
        sender.send(()).unwrap();
        receiver.recv().await.unwrap();
    }
}

type Operation = fn(Context, SharedFile, PathBuf) -> BoxFuture<'static, ()>;

/// One operation of every kind.
const OPERATIONS: &[Operation] = &[
    |context, file, _| async move { read(&context, &file).await }.boxed(),
    |context, file, _| async move { write(&context, &file).await }.boxed(),
    |context, file, _| {
        let read = Op::read(room(4096), 0..4096, 0).unwrap();
        async move { assert!(context.submit(Some(&file), read).await.result.is_ok()) }.boxed()
    },
    |context, file, _| {
        let buffers = vec![room(10), room(20)];
        async move { assert_eq!(context.read_vectored(&file, buffers, 0).await.0.unwrap(), 30) }
            .boxed()
    },
    |context, file, _| {
        let buffers = vec![Buffer::from(vec![1; 10]), Buffer::from(vec![2; 20])];
        async move { assert_eq!(context.write_vectored(&file, buffers, 0).await.0.unwrap(), 30) }
            .boxed()
    },
    |context, file, _| async move { context.sync(&file, false).await.unwrap() }.boxed(),
    |context, file, _| async move { context.sync(&file, true).await.unwrap() }.boxed(),
    |context, _, path| async move { open(&context, &path, flags::O_RDONLY).await }.boxed(),
    |context, _, path| async move { open(&context, &path, flags::O_CREAT).await }.boxed(),
    |context, file, _| async move { context.close(file, true).await.unwrap() }.boxed(),
    |context, file, _| {
        async move { assert!(context.metadata(&file).await.unwrap().is_file()) }.boxed()
    },
    |context, file, _| async move { context.set_length(&file, 4096).await.unwrap() }.boxed(),
    |context, _, path| async move { drop(context.read_file(&path).await.unwrap()) }.boxed(),
];

async fn read(context: &Context, file: &SharedFile) {
    assert_eq!(context.read(file, room(4096), 0..4096, 0).await.0.unwrap(), 4096);
}

async fn write(context: &Context, file: &SharedFile) {
    let buffer = Buffer::from(pattern(4096));
    assert_eq!(context.write(file, buffer, 0..4096, 0).await.0.unwrap(), 4096);
}

async fn open(context: &Context, path: &Path, flags: i32) {
    drop(context.open(path, flags, 0o600).await.unwrap());
}

/// Each operation as the first one of its context: that is where a reactor is told of a queue.
/// Each is followed by another one, which finds the queue watched.
fn each_operation(env: &Env, run: fn(BoxFuture<'static, ()>)) {
    env.bounded(move |env| {
        let place = disk();
        let path = place.file("data", &pattern(4096));
        for in_place in [true, false] {
            if in_place && !env.context.config().in_place {
                continue;
            }
            for operation in OPERATIONS {
                let context = env.another(|builder| builder.in_place(in_place));
                let (file, path) = (shared(&path), path.clone());
                run(async move {
                    spend_budget().await;
                    operation(context.clone(), file, path.clone()).await;
                    let file = shared(&path);
                    spend_budget().await;
                    read(&context, &file).await;
                    spend_budget().await;
                    write(&context, &file).await;
                }
                .boxed());
            }
        }
    });
}

fn spent_in_block_on_of_several_workers(env: &Env) {
    each_operation(env, |program| multi_thread(2).block_on(program));
}

fn spent_in_block_on_of_one_thread(env: &Env) {
    each_operation(env, |program| current_thread().block_on(program));
}

fn spent_in_a_task_of_several_workers(env: &Env) {
    each_operation(env, |program| {
        let runtime = multi_thread(2);
        runtime.block_on(runtime.spawn(program)).unwrap();
    });
}

fn spent_in_a_task_of_one_thread(env: &Env) {
    each_operation(env, |program| {
        let runtime = current_thread();
        runtime.block_on(runtime.spawn(program)).unwrap();
    });
}

/// Counted in turns, not in time: between two turns of another task no more reads end than a few
/// times the budget of a task, which is 128 operations.
fn a_task_with_60_000_reads_lets_others_have_their_turn(env: &Env) {
    const READS: usize = 60_000;
    const BETWEEN_TURNS_MAX: usize = 512;
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(4096));
        current_thread().block_on(async {
            let file: AioFile = env.file(&path, "r").await;
            let (turns, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            let other = tokio::spawn({
                let (turns, done) = (Arc::clone(&turns), Arc::clone(&done));
                async move {
                    while !done.load(Ordering::Relaxed) {
                        turns.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                }
            });
            let timer = tokio::spawn(tokio::time::sleep(Duration::from_millis(1)));
            let reads = (0..READS as u64).map(|n| file.read_at(4, n % 1000));
            let mut reads: FuturesUnordered<_> = reads.collect();
            let (mut seen, mut since, mut most) = (0, 0, 0);
            let mut ended_with_timer = None;
            for ended in 0..READS {
                assert_eq!(reads.next().await.unwrap().unwrap().len(), 4);
                let now = turns.load(Ordering::Relaxed);
                since = if now == seen { since + 1 } else { 0 };
                (seen, most) = (now, most.max(since));
                if ended_with_timer.is_none() && timer.is_finished() {
                    ended_with_timer = Some(ended);
                }
            }
            done.store(true, Ordering::Relaxed);
            other.await.unwrap();
            assert!(most <= BETWEEN_TURNS_MAX, "{most} reads ended between two turns of a task");
            assert!(ended_with_timer.is_some(), "a timer of 1 ms waited for all the reads");
        });
    });
}
