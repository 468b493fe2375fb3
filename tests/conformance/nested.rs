//! Futures that a nested executor drives inside of a worker of tokio's, which meanwhile looks at
//! neither its reactor nor its tasks.

use std::thread;

use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::harness::{Case, cases};
use crate::support::{Env, current_thread, disk, multi_thread, pattern};

pub(crate) const CASES: &[Case] = cases![
    each both_workers_in_a_nested_block_on,
    each both_workers_in_a_block_on_of_their_runtime,
    each many_cached_reads_in_a_nested_block_on,
    each direct_reads_in_a_nested_block_on_of_one_thread,
    each a_nested_block_on_inside_of_another_runtimes_task,
];

/// Every worker of the runtime is blocked: its reactor is not driven.
fn both_workers_in_a_nested_block_on(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let runtime = multi_thread(2);
        let tasks = (0..2).map(|number| {
            let (env, path) = (env.clone(), place.path(&number.to_string()));
            runtime.spawn(async move {
                futures_executor::block_on(async {
                    let file = env.file(&path, "w+").await;
                    for number in 0..20u64 {
                        file.write_all_at(pattern(3000), number * 3000).await.unwrap();
                    }
                    assert_eq!(file.read_exact_at(3000, 0).await.unwrap(), pattern(3000));
                });
            })
        });
        let tasks: Vec<_> = tasks.collect();
        runtime.block_on(join_all(tasks)).into_iter().for_each(|ended| ended.unwrap());
    });
}

fn both_workers_in_a_block_on_of_their_runtime(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let runtime = multi_thread(2);
        let tasks = (0..2).map(|number| {
            let (env, path) = (env.clone(), place.path(&number.to_string()));
            runtime.spawn(async move {
                block_in_place(|| {
                    Handle::current().block_on(async {
                        let file = env.file(&path, "w+").await;
                        let writes = (0..20u64)
                            .map(|number| file.write_all_at(pattern(3000), number * 3000));
                        join_all(writes).await.into_iter().for_each(|result| result.unwrap());
                        file.fsync().await.unwrap();
                    });
                });
            })
        });
        let tasks: Vec<_> = tasks.collect();
        runtime.block_on(join_all(tasks)).into_iter().for_each(|ended| ended.unwrap());
    });
}

/// More than a task's budget allows for, which a nested executor does not renew. What is not done
/// in place may wait each time until the engine finds that the runtime is not driven.
fn many_cached_reads_in_a_nested_block_on(env: &Env) {
    for workers in [0, 2] {
        env.bounded(move |env| {
            let place = disk();
            let path = place.file("data", &pattern(4096));
            let reads = if env.context.config().in_place { 1000 } else { 150 };
            let runtime = if workers == 0 { current_thread() } else { multi_thread(workers) };
            let (env, path) = (env.clone(), path.clone());
            let task = runtime.spawn(async move {
                futures_executor::block_on(async {
                    let file = env.file(&path, "r").await;
                    for _ in 0..reads {
                        assert_eq!(file.read_exact_at(4096, 0).await.unwrap(), pattern(4096));
                    }
                });
            });
            runtime.block_on(task).unwrap();
        });
    }
}

fn direct_reads_in_a_nested_block_on_of_one_thread(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(64 * 4096));
        current_thread().block_on(async {
            let Some(file) = env.direct(&path).await else { return };
            // The runtime's reactor is told of the queue before it is left alone.
            assert_eq!(file.read_exact_at(4096, 0).await.unwrap().len(), 4096);
            futures_executor::block_on(async {
                for block in 0..10u64 {
                    let found = file.read_exact_at(4096, block * 4096).await.unwrap();
                    assert_eq!(found, pattern(64 * 4096)[block as usize * 4096..][..4096]);
                }
                let reads = (0..64u64).map(|block| file.read_exact_at(4096, block * 4096));
                join_all(reads).await.into_iter().for_each(|found| drop(found.unwrap()));
            });
        });
    });
}

/// A runtime of its own on a thread of its own, whose task waits for another thread that works.
fn a_nested_block_on_inside_of_another_runtimes_task(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let path = place.file("data", b"");
        current_thread().block_on(async {
            let file = env.file(&path, "r+").await;
            file.write_all_at("first", 0).await.unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    current_thread().block_on(async {
                        for number in 0..20 {
                            file.write_all_at(pattern(3000), number * 3000).await.unwrap();
                        }
                        file.fdatasync().await.unwrap();
                    });
                });
            });
            assert_eq!(file.read_exact_at(3000, 0).await.unwrap(), pattern(3000));
        });
    });
}
