//! Each layer for a while, all at once, with failures, dropped futures and timeouts: they use no
//! more at the end than near the start.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs::File;
use std::future::ready;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aiofile::fs::Fs;
use aiofile::{AioFile, Context, ContextBuilder};
use aiofile_util::FileManager;
#[cfg(feature = "tracing")]
use aiofile_util::layer::Trace;
use aiofile_util::layer::{
    Breaker, Layer, Limit, OpMetrics, Priority, Rate, Retry, Timeout, with_priority,
};
use caio_testkit::{FaultLayer, Plan};
use common::soak::stays_flat;
use common::{file, place};
use futures_util::future::{Either, select};
use tokio::task::JoinSet;

/// What one context does, and how often.
#[derive(Clone)]
struct Subject {
    name: &'static str,
    context: Context,
    path: PathBuf,
    succeeded: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_descriptors_stay_what_they_were() {
    let place = place();
    let subject = |name, context| Subject {
        name,
        context,
        path: file(place.path(), name, [7; 8192]),
        succeeded: Arc::default(),
        failed: Arc::default(),
    };
    let mut subjects: Vec<_> = layers()
        .into_iter()
        .map(|(name, layer)| subject(name, with_faults(aiofile::context().layer(layer))))
        .collect();
    let manager = manager();
    subjects.push(subject("manager", manager.context().clone()));
    stays_flat(|until| {
        let tasks = subjects.iter().flat_map(|subject| [subject.clone(), subject.clone()]);
        let tasks: JoinSet<_> = tasks.map(|subject| use_files(subject, until)).collect();
        async { drop(tasks.join_all().await) }
    })
    .await;
    for Subject { name, succeeded, failed, .. } in &subjects {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        println!("{name}: {} succeeded, {} failed", of(succeeded), of(failed));
        assert!(of(succeeded) > 0 && of(failed) > 0, "{name}");
    }
    let report = manager.shutdown(Duration::from_secs(60)).await;
    assert!(report.given_up.is_empty(), "{report}");
}

fn layers() -> Vec<(&'static str, Arc<dyn Layer>)> {
    let millisecond = Duration::from_millis(1);
    vec![
        ("metrics", Arc::new(OpMetrics::new())),
        #[cfg(feature = "tracing")]
        ("trace", Arc::new(Trace::new().slow(millisecond))),
        ("timeout", Arc::new(Timeout::new().reads(millisecond))),
        ("retry", Arc::new(Retry::new().attempts(3).pause(millisecond / 10))),
        ("breaker", Arc::new(Breaker::new().failures(2).pause(millisecond))),
        ("rate", Arc::new(Rate::new().operations(20_000).operations_burst(10).bytes(64 << 20))),
        ("limit", Arc::new(Limit::new().reads(2).writes(1).priority(Priority::Low, 1))),
    ]
}

/// All that a configuration can have at once.
fn manager() -> FileManager {
    let builder = aiofile::context().configure(|config| {
        config.limits.reads = Some(2);
        config.limits.low_priority = Some(1);
        config.rates.operations_per_second = Some(50_000);
        config.retry.attempts = Some(2);
        config.breaker.failures = Some(4);
        config.breaker.pause_ms = Some(1);
        config.timeouts.reads_ms = Some(5);
        config.metrics.enabled = Some(true);
    });
    let faults = Plan::new(1).not_ready(0.01).cancelled_unasked(0.01);
    FileManager::build(builder.layer(Arc::new(FaultLayer::new(faults)))).unwrap()
}

/// Transient faults and lasting ones.
fn with_faults(builder: ContextBuilder) -> Context {
    let faults = Plan::new(1).not_ready(0.02).cancelled_unasked(0.02);
    builder.layer(Arc::new(FaultLayer::new(faults))).build().unwrap()
}

async fn use_files(subject: Subject, until: Instant) {
    let Subject { context, path, succeeded, failed, .. } = subject;
    let std = File::options().read(true).write(true).open(&path).unwrap();
    let file = AioFile::from_std_in(&context, std).unwrap();
    // A read of it ends when its future is dropped, or its deadline is over.
    let (silent, _writer) = std::io::pipe().unwrap();
    let silent = AioFile::from_std_in(&context, File::from(OwnedFd::from(silent))).unwrap();
    let fs = Fs::new(&context);
    for number in 0_u64.. {
        if Instant::now() >= until {
            return;
        }
        let ended = match number % 16 {
            0 => file.write_all_at("data", number % 8192).await,
            1 => fs.read(&path).await.map(drop),
            2 => fs.read("/proc/none").await.map(drop),
            3 => with_priority(Priority::Low, file.read_at(100, 0)).await.map(drop),
            4 => {
                let patience = pin!(tokio::time::sleep(Duration::from_millis(2)));
                match select(pin!(silent.read_at(8, 0)), patience).await {
                    Either::Left((read, _)) => read.map(drop),
                    Either::Right(_) => Ok(()),
                }
            }
            5 | 6 => {
                drop(select(pin!(file.read_at(4096, 0)), ready(())).await);
                drop(select(pin!(file.write_all_at("data", 0)), ready(())).await);
                Ok(())
            }
            _ => file.read_at(4096, number % 4096).await.map(drop),
        };
        let count = if ended.is_ok() { &succeeded } else { &failed };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
