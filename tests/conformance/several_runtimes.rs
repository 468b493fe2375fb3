//! Several live runtimes over one context and one file: each waits for its own futures alone.

use std::io::Write;
use std::thread;

use aiofile::AioFile;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use crate::harness::{Case, cases};
use crate::support::{
    Env, assert_settled, begun, current_thread, disk, multi_thread, output, pattern, pipe, polled,
    room,
};

pub(crate) const CASES: &[Case] = cases![
    each runtimes_that_are_driven_in_turn,
    each a_runtime_that_is_not_driven_holds_up_no_other,
    each three_runtimes_and_smol_at_once,
    each a_future_moves_from_runtime_to_runtime,
    each a_future_moves_to_another_executor_and_back,
    each a_runtime_dropped_with_its_requests_in_flight,
];

const BLOCK: usize = 3000;

/// What a program does with its own part of a file.
async fn work(file: &AioFile, part: u64) {
    let offset = part * BLOCK as u64 * 4;
    let writes = (0..4).map(|n| file.write_all_at(pattern(BLOCK), offset + n * BLOCK as u64));
    join_all(writes).await.into_iter().for_each(|result| result.unwrap());
    file.fdatasync().await.unwrap();
    assert!(file.metadata().await.unwrap().len() >= offset);
    let reads = (0..4).map(|n| file.read_exact_at(BLOCK, offset + n * BLOCK as u64));
    join_all(reads).await.into_iter().for_each(|found| assert_eq!(found.unwrap(), pattern(BLOCK)));
    let mut options = aiofile::OpenOptions::new();
    options.read(true).context(file.context());
    let other = options.open_aio(file.path().unwrap()).await.unwrap();
    assert_eq!(other.read_exact_at(BLOCK, offset).await.unwrap(), pattern(BLOCK));
}

fn runtimes_that_are_driven_in_turn(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let (one, other, several) = (current_thread(), current_thread(), multi_thread(2));
        let file = one.block_on(env.file(place.path("data"), "w+"));
        for _ in 0..3 {
            one.block_on(work(&file, 0));
            other.block_on(work(&file, 1));
            several.block_on(work(&file, 2));
            smol::block_on(work(&file, 3));
        }
    });
}

/// Its own futures wait until it is driven again; the reads of its tasks are in flight meanwhile.
fn a_runtime_that_is_not_driven_holds_up_no_other(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let (silent, mut writer) = pipe();
        let idle = current_thread();
        let file = idle.block_on(env.file(place.path("data"), "w+"));
        let waiting: Vec<_> = idle.block_on(async {
            let reads = (0..4).map(|_| {
                let (context, silent) = (env.context.clone(), silent.clone());
                tokio::spawn(async move { context.read(&silent, room(1), 0..1, 0).await.0 })
            });
            let writes = (0..4u64).map(|n| {
                let file = file.clone();
                tokio::spawn(async move { Ok(file.write_at(vec![7], 1_000_000 + n).await?) })
            });
            let waiting = reads.collect::<Vec<_>>().into_iter().chain(writes.collect::<Vec<_>>());
            let waiting = waiting.collect();
            // Each of them is polled before this task has its next turn.
            tokio::task::yield_now().await;
            waiting
        });
        for round in 0..2 {
            current_thread().block_on(work(&file, 0));
            multi_thread(2).block_on(work(&file, 1));
            smol::block_on(work(&file, 2));
            if round == 0 {
                writer.write_all(&[1; 4]).unwrap();
            }
        }
        for ended in idle.block_on(join_all(waiting)) {
            assert_eq!(ended.unwrap().unwrap(), 1);
        }
    });
}

fn three_runtimes_and_smol_at_once(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let file = smol::block_on(env.file(place.path("data"), "w+"));
        let file = &file;
        thread::scope(|scope| {
            scope.spawn(move || {
                current_thread().block_on(async {
                    for _ in 0..10 {
                        work(file, 0).await;
                    }
                });
            });
            scope.spawn(move || {
                smol::block_on(async {
                    for _ in 0..10 {
                        work(file, 1).await;
                    }
                });
            });
            for part in [2, 6] {
                scope.spawn(move || {
                    let runtime = multi_thread(2);
                    let tasks = (0..4).map(|n| {
                        let file = file.clone();
                        runtime.spawn(async move { work(&file, part + n).await })
                    });
                    let tasks: Vec<_> = tasks.collect();
                    for task in tasks {
                        runtime.block_on(task).unwrap();
                    }
                });
            }
        });
        assert_settled(&env.context);
    });
}

/// An operation of each kind that takes a while, and what makes the last of them end.
fn operations(env: &Env, file: &AioFile) -> (Vec<BoxFuture<'static, ()>>, std::io::PipeWriter) {
    let (silent, writer) = pipe();
    let context = env.context.clone();
    let [a, b, c, d] = [file.clone(), file.clone(), file.clone(), file.clone()];
    let operations = vec![
        async move { a.write_all_at(pattern(BLOCK), 0).await.unwrap() }.boxed(),
        async move { assert_eq!(b.read_at(BLOCK, 9000).await.unwrap().len(), BLOCK) }.boxed(),
        async move { c.fdatasync().await.unwrap() }.boxed(),
        async move { assert!(d.len().await.unwrap() > 0) }.boxed(),
        async move { assert_eq!(context.read(&silent, room(1), 0..1, 0).await.0.unwrap(), 1) }
            .boxed(),
    ];
    (operations, writer)
}

fn a_future_moves_from_runtime_to_runtime(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let path = place.file("data", &pattern(100_000));
        let runtimes = [current_thread(), multi_thread(2), current_thread()];
        let file = runtimes[0].block_on(env.file(&path, "r+"));
        for _ in 0..5 {
            let (operations, mut writer) = operations(&env, &file);
            let mut moved = Vec::new();
            for operation in operations {
                moved.push(runtimes[0].block_on(begun(operation)));
            }
            // Polled in the second one too, and awaited in the third; the first two stand still.
            for future in &mut moved {
                runtimes[1].block_on(polled(future));
            }
            writer.write_all(b"x").unwrap();
            runtimes[2].block_on(async {
                for future in moved {
                    output(future).await;
                }
            });
        }
    });
}

fn a_future_moves_to_another_executor_and_back(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let path = place.file("data", &pattern(100_000));
        let runtime = current_thread();
        let file = smol::block_on(env.file(&path, "r+"));
        for round in 0..6 {
            let (operations, mut writer) = operations(&env, &file);
            let mut moved = Vec::new();
            for operation in operations {
                moved.push(match round % 2 {
                    0 => runtime.block_on(begun(operation)),
                    _ => smol::block_on(begun(operation)),
                });
            }
            writer.write_all(b"x").unwrap();
            for operation in moved {
                match round % 2 {
                    0 => smol::block_on(output(operation)),
                    _ => runtime.block_on(output(operation)),
                }
            }
        }
    });
}

/// What the tasks of a runtime have submitted is cancelled with them; a future that was polled
/// there and lies elsewhere goes on.
fn a_runtime_dropped_with_its_requests_in_flight(env: &Env) {
    env.bounded(|env| {
        let (env, place) = (env.queued(), disk());
        let path = place.file("data", &pattern(100_000));
        let other = current_thread();
        let file = other.block_on(env.file(&path, "r+"));
        for workers in [0, 2, 0, 2] {
            let runtime = if workers == 0 { current_thread() } else { multi_thread(workers) };
            let (operations, mut writer) = operations(&env, &file);
            let kept = runtime.block_on(async {
                let (silent, _unused) = pipe();
                for n in 0..16u64 {
                    let (context, silent) = (env.context.clone(), silent.clone());
                    tokio::spawn(async move { context.read(&silent, room(1), 0..1, 0).await.0 });
                    let file = file.clone();
                    tokio::spawn(async move { file.write_all_at(pattern(BLOCK), n).await });
                }
                tokio::task::yield_now().await;
                let mut kept = Vec::new();
                for operation in operations {
                    kept.push(begun(operation).await);
                }
                kept
            });
            drop(runtime);
            writer.write_all(b"x").unwrap();
            other.block_on(async {
                for future in kept {
                    output(future).await;
                }
                work(&file, 1).await;
            });
        }
        assert_settled(&env.context);
    });
}
