//! Pipelines for a while, with failures, retries and streams that are dropped: they use no more at
//! the end than near the start.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aiofile::fs::Fs;
use aiofile_util::{OnError, PipelineOptions};
use caio_testkit::{FaultLayer, Plan, Random};
use common::soak::stays_flat;
use common::{file, place};
use futures_util::{Stream, StreamExt};
use tokio::join;

/// How many outcomes there were of each sort of stream.
#[derive(Default)]
struct Told {
    succeeded: AtomicU64,
    failed: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_descriptors_stay_what_they_were() {
    let place = place();
    let mut paths: Vec<_> = (0..60)
        .map(|number| file(place.path(), &number.to_string(), vec![7; number * 5000]))
        .collect();
    paths.push(place.path().join("none"));
    // What is busy is so for a moment, and what is cancelled stays it.
    let faults = FaultLayer::new(Plan::new(1).not_ready(0.002).cancelled_unasked(0.01));
    let context = aiofile::context().layer(Arc::new(faults)).build().unwrap();
    let options = PipelineOptions::new().context(&context).max_bytes(2 << 20).attempts(2);
    let options = options.on_error(OnError::Collect);
    let told: [Told; 3] = Default::default();
    stays_flat(async |until| {
        let work = {
            let context = context.clone();
            move |path: Arc<Path>| {
                let fs = Fs::new(&context);
                async move { Ok(fs.read(&path).await?.len()) }
            }
        };
        let process = |seed: u64| {
            let options = options.clone().ordered(seed.is_multiple_of(2));
            options.process(paths.clone(), work.clone()).map(|one| one.result.is_ok())
        };
        let read = |seed: u64| {
            let options = options.clone().ordered(seed.is_multiple_of(2));
            options.read(paths.clone()).map(|one| one.result.is_ok())
        };
        let chunks = |seed: u64| {
            let options = options.clone().ordered(seed.is_multiple_of(2));
            options.chunks(paths.clone()).map(|one| one.result.is_ok())
        };
        let [of_process, of_read, of_chunks] = &told;
        join!(
            again_and_again(process, of_process, until),
            again_and_again(read, of_read, until),
            again_and_again(chunks, of_chunks, until),
        );
    })
    .await;
    for (name, told) in ["process", "read", "chunks"].iter().zip(&told) {
        let [succeeded, failed] =
            [&told.succeeded, &told.failed].map(|count| count.load(Ordering::Relaxed));
        println!("{name}: {succeeded} succeeded, {failed} failed");
        assert!(succeeded > 0 && failed > 0, "{name}");
    }
}

/// Takes streams to their end, or drops them anywhere.
async fn again_and_again<S: Stream<Item = bool> + Unpin>(
    stream: impl Fn(u64) -> S,
    told: &Told,
    until: Instant,
) {
    let mut random = Random::new(1);
    for seed in 0.. {
        if Instant::now() >= until {
            return;
        }
        let mut stream = stream(seed);
        let most = if seed % 3 == 0 { random.below(40) } else { usize::MAX };
        let mut taken = 0;
        while taken < most
            && let Some(is_ok) = stream.next().await
        {
            taken += 1;
            let count = if is_ok { &told.succeeded } else { &told.failed };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
