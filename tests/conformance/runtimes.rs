//! Under every runtime, and under none.

use std::thread;
use std::time::Duration;

use aiofile::AioFile;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::harness::{Case, cases};
use crate::support::{Env, HANGS, disk, pattern};

pub(crate) const CASES: &[Case] = cases![
    each tokio_with_many_workers,
    each tokio_on_one_thread,
    each tokio_without_its_drivers,
    each a_local_set,
    each smol_and_plain_block_on,
    each one_runtime_after_the_other,
    each a_runtime_that_ends_while_tasks_of_another_wait,
];

/// What a program does.
async fn work(file: &AioFile) {
    let data = pattern(40_000);
    let pieces = data.chunks(1000).enumerate();
    let writes =
        pieces.map(|(index, piece)| file.write_all_at(piece.to_vec(), index as u64 * 1000));
    join_all(writes).await.into_iter().for_each(|result| result.unwrap());
    file.fdatasync().await.unwrap();
    let reads = (0..40u64).map(|index| file.read_exact_at(1000, index * 1000));
    for (index, found) in join_all(reads).await.into_iter().enumerate() {
        assert_eq!(found.unwrap(), data[index * 1000..][..1000]);
    }
    assert_eq!(file.read_to_end(0).await.unwrap(), data);
}

async fn open_and_work(env: &Env) {
    let place = disk();
    let file = env.file(place.path("data"), "w+").await;
    work(&file).await;
}

fn tokio_with_many_workers(env: &Env) {
    let place = disk();
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks = (0..8).map(|number| {
            let (path, context) = (place.path(&number.to_string()), env.context.clone());
            tokio::spawn(async move {
                let mut options = aiofile::OpenOptions::new();
                options.access("w+").unwrap();
                let file = options.context(&context).open_aio(path).await.unwrap();
                work(&file).await;
            })
        });
        join_all(tasks).await.into_iter().for_each(|result| result.unwrap());
    });
}

fn tokio_on_one_thread(env: &Env) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(open_and_work(env));
}

/// Trap D7: no reactor to watch anything.
fn tokio_without_its_drivers(env: &Env) {
    Builder::new_current_thread().build().unwrap().block_on(open_and_work(env));
    Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(open_and_work(env));
}

fn a_local_set(env: &Env) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let place = disk();
    LocalSet::new().block_on(&runtime, async {
        let file = env.file(place.path("data"), "w+").await;
        tokio::task::spawn_local(async move { work(&file).await }).await.unwrap();
    });
}

fn smol_and_plain_block_on(env: &Env) {
    smol::block_on(open_and_work(env));
    let executor = smol::Executor::new();
    smol::block_on(executor.run(open_and_work(env)));
}

/// Trap D8: who waited for completions went with the first runtime.
fn one_runtime_after_the_other(env: &Env) {
    let place = disk();
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let file = runtime().block_on(env.file(place.path("data"), "w+"));
    for _ in 0..3 {
        runtime().block_on(work(&file));
        smol::block_on(work(&file));
    }
    let (one, other) = (runtime(), runtime());
    one.block_on(work(&file));
    drop(one);
    other.block_on(work(&file));
}

/// Trap D8: whoever was to be woken by way of the first runtime is woken all the same.
fn a_runtime_that_ends_while_tasks_of_another_wait(env: &Env) {
    let place = disk();
    let runtime = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for round in 0..4 {
        let (one, other) = (runtime(), runtime());
        let file = one.block_on(env.file(place.path("data"), "w+"));
        let spawn = |on: &Runtime, times: usize| {
            let file = file.clone();
            on.spawn(async move {
                for number in 0..times as u64 {
                    file.write_all_at(pattern(3000), number * 3000).await.unwrap();
                }
            })
        };
        one.block_on(spawn(&one, 3)).unwrap();
        let waiting: Vec<_> = (0..8).map(|_| spawn(&other, 100)).collect();
        thread::sleep(Duration::from_millis(round));
        one.shutdown_background();
        let ended = async { timeout(HANGS, join_all(waiting)).await };
        let ended = other.block_on(ended).expect("they end by themselves");
        ended.into_iter().for_each(|result| result.unwrap());
    }
}
