//! `BatchWriter` for a while, with rotation, compression, dropped futures and clones: it uses no
//! more at the end than near the start.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::future::ready;
use std::pin::pin;
use std::time::Instant;

use aiofile_util::{BatchOptions, BatchWriter};
use common::place;
use common::soak::stays_flat;
use futures_util::future::select;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_descriptors_stay_what_they_were() {
    let place = place();
    let options = BatchOptions::new().rotate_bytes(8 << 20).keep_files(2).gzip(1);
    let log = options.open(place.path().join("log")).await.unwrap();
    stays_flat(|until| {
        let tasks = (0..8).map(|_| tokio::spawn(append_until(log.clone(), until)));
        let tasks: Vec<_> = tasks.collect();
        async {
            for task in tasks {
                task.await.unwrap();
            }
        }
    })
    .await;
    let report = log.close().await.unwrap();
    println!("{report:?}");
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
