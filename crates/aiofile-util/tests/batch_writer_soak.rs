//! `BatchWriter` for a while, with rotation, compression, dropped futures and clones: it uses no
//! more at the end than near the start.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::env;
use std::future::ready;
use std::pin::pin;
use std::time::{Duration, Instant};

use aiofile_util::{BatchOptions, BatchWriter};
use caio_testkit::Usage;
use common::place;
use futures_util::future::select;

/// For how long, in seconds. Unset, for two.
const SECONDS: &str = "CAIO_SOAK_SECONDS";

/// What the allocator may add to a warm process, in bytes, however long it runs.
const GROWN_BYTES_MAX: u64 = 48 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_descriptors_stay_what_they_were() {
    let seconds = env::var(SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let time = Duration::from_secs(seconds);
    let place = place();
    let options = BatchOptions::new().rotate_bytes(8 << 20).keep_files(2).gzip(1);
    let log = options.open(place.path().join("log")).await.unwrap();
    let produce = |until: Instant| {
        let tasks = (0..8).map(|_| tokio::spawn(append_until(log.clone(), until)));
        let tasks: Vec<_> = tasks.collect();
        async {
            for task in tasks {
                task.await.unwrap();
            }
        }
    };
    produce(Instant::now() + time / 4).await;
    let warm = Usage::now().unwrap();
    produce(Instant::now() + time).await;
    let now = Usage::now().unwrap();
    println!("{warm:?}, {now:?}, {:?}", log.report());
    assert!(now.grown_bytes(warm) <= GROWN_BYTES_MAX, "{now:?} after {warm:?}");
    assert!(now.descriptors <= warm.descriptors + 8, "{now:?} after {warm:?}");
    let report = log.close().await.unwrap();
    assert!(report.lost == 0 && report.records > 0, "{report:?}");
}

async fn append_until(log: BatchWriter, until: Instant) {
    let record = [b'x'; 100];
    while Instant::now() < until {
        let log = log.clone();
        for _ in 0..500 {
            log.append(record).await.unwrap();
        }
        log.append_written(record).await.unwrap();
        // One that is polled once and dropped.
        drop(select(pin!(log.append_durable(record)), ready(())).await);
    }
}
