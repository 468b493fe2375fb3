//! Pipelines over disks that fail and that are simulated, and the pauses between their attempts.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::collections::HashSet;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aiofile::fs::Fs;
use aiofile::with_context;
use aiofile_util::{FilePart, OnError, PipelineOptions};
use caio::backend::pool::ThreadPool;
use caio::{Buffer, Config, OpKind};
use caio_testkit::{Faulty, Plan, Random, Simulated};
use tokio::time::Instant;

use common::{block_on, file, place};

fn jobs(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// 10,000 runs in which a read fails and streams are dropped at any point.
#[test]
fn on_a_failing_simulated_disk_nothing_is_lost_or_doubled() {
    const FILES: u64 = 6;
    let names: Vec<_> = (0..FILES).map(|number| format!("file {number}")).collect();
    for seed in 0..10_000 {
        let disk = Arc::new(Simulated::new(seed));
        for name in &names {
            disk.create(name).unwrap();
        }
        let errno = if seed % 2 == 0 { 16 } else { 5 };
        let plan = Plan::new(seed).short(0.3).fail_once(OpKind::Read, seed % 7, errno);
        let faulty = Arc::new(Faulty::new(Arc::<Simulated>::clone(&disk), plan));
        let context = aiofile::context().custom(faulty.clone()).in_place(false).build().unwrap();
        let mut random = Random::new(seed);
        let run = async {
            let (mut left, mut failures) = (names.clone(), 0);
            while !left.is_empty() {
                let options = PipelineOptions::new().jobs(jobs(1 + random.below(4)));
                let options = options.ordered(random.chance(0.5)).on_error(OnError::Collect);
                let mut outcomes = options.read(left.clone());
                let until = random.below(left.len() + 2);
                let mut told = HashSet::new();
                while told.len() < until
                    && let Some(outcome) = outcomes.next().await
                {
                    let name = outcome.path.to_str().unwrap().to_owned();
                    assert!(told.insert(name.clone()), "{name} is told once");
                    match outcome.result {
                        Ok(_) => left.retain(|other| *other != name),
                        Err(_) => failures += 1,
                    }
                }
            }
            failures
        };
        let failures = disk.drive(with_context(&context, run));
        assert!(failures <= faulty.injected().errors, "seed {seed}");
    }
}

#[test]
fn a_transient_fault_of_the_disk_is_no_outcome() {
    let disk = Arc::new(Simulated::new(1));
    disk.create("one").unwrap();
    let plan = Plan::new(1).fail_once(OpKind::Open, 0, 16).fail_once(OpKind::Read, 0, 16);
    let faulty = Arc::new(Faulty::new(Arc::<Simulated>::clone(&disk), plan));
    let context = aiofile::context().custom(faulty.clone()).in_place(false).build().unwrap();
    let options = PipelineOptions::new().context(&context).attempts(3);
    let (mut files, mut chunks) = (options.read(["one"]), options.chunks(["one"]));
    // The pauses are no matter of the disk, which goes on by itself meanwhile.
    let (whole, part) = std::thread::scope(|scope| {
        let both = scope.spawn(|| block_on(async { (files.next().await, chunks.next().await) }));
        while !both.is_finished() {
            disk.run();
            std::thread::yield_now();
        }
        both.join().unwrap()
    });
    let (whole, part) = (whole.unwrap(), part.unwrap());
    assert_eq!((whole.result.unwrap().len(), whole.attempts), (0, 3));
    assert_eq!((part.result.unwrap(), part.attempts), (FilePart::End { length: 0 }, 1));
    assert_eq!(faulty.injected().errors, 2);
}

/// Lengths come from the simulated disk, whose files no path of the system leads to.
#[test]
fn on_a_simulated_disk_the_limit_on_bytes_holds() {
    let disk = Arc::new(Simulated::new(1));
    let context = aiofile::context().custom(disk.clone()).in_place(false).build().unwrap();
    let names: Vec<_> = (0..8).map(|number| format!("simulated {number}")).collect();
    for name in &names {
        let file = disk.create(name).unwrap();
        disk.drive(context.write(&file, Buffer::from(vec![7; 40]), 0..40, 0)).0.unwrap();
    }
    let held = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (shared, inside) = (Arc::clone(&held), context.clone());
    let work = move |path: Arc<Path>| {
        let (held, context) = (Arc::clone(&shared), inside.clone());
        async move {
            let now = held.0.fetch_add(1, Ordering::Relaxed) + 1;
            held.1.fetch_max(now, Ordering::Relaxed);
            let contents = Fs::new(&context).read(&path).await;
            held.0.fetch_sub(1, Ordering::Relaxed);
            contents
        }
    };
    let options = PipelineOptions::new().context(&context).jobs(jobs(8));
    for (limit, most) in [(100, 2..=2), (40, 1..=1), (1, 1..=1), (u64::MAX, 3..=8)] {
        held.1.store(0, Ordering::Relaxed);
        let options = options.clone().max_bytes(limit).on_error(OnError::Collect);
        let mut outcomes = options.process(names.clone(), work.clone());
        disk.drive(async {
            while let Some(outcome) = outcomes.next().await {
                assert_eq!(outcome.result.unwrap().len(), 40);
            }
        });
        let at_once = held.1.load(Ordering::Relaxed);
        assert!(most.contains(&at_once), "{at_once} at once within {limit} bytes");
        assert_eq!((outcomes.progress().done, outcomes.progress().bytes), (8, 320));
    }
}

/// The pauses go by the clock of the runtime: of each stream they are 10, 20, 40, 80 and 160 ms.
#[tokio::test(start_paused = true)]
async fn pauses_go_by_a_paused_clock() {
    let begun = Instant::now();
    let options = PipelineOptions::new().attempts(6);
    let busy = |_| async { Err::<(), _>(io::Error::from_raw_os_error(16)) };
    let outcome = options.process(["busy"], busy).next().await.unwrap();
    assert_eq!((outcome.result.is_err(), outcome.attempts), (true, 6));
    assert_pauses(begun.elapsed());

    let plan = |kind| (0..5).fold(Plan::new(1), |plan, number| plan.fail_once(kind, number, 16));
    let place = place();
    let path = file(place.path(), "one", "contents");
    for kind in [OpKind::Open, OpKind::Read] {
        let pool = ThreadPool::open(&Config::default()).unwrap();
        let faulty = Arc::new(Faulty::new(Arc::new(pool), plan(kind)));
        let context = aiofile::context().custom(faulty).in_place(false).build().unwrap();
        let options = options.clone().context(&context);
        let begun = Instant::now();
        let outcome = options.read([path.clone()]).next().await.unwrap();
        assert_eq!((&outcome.result.unwrap()[..], outcome.attempts), (&b"contents"[..], 6));
        assert_pauses(begun.elapsed());
    }
    let faulty =
        Faulty::new(Arc::new(ThreadPool::open(&Config::default()).unwrap()), plan(OpKind::Open));
    let context = aiofile::context().custom(Arc::new(faulty)).in_place(false).build().unwrap();
    let begun = Instant::now();
    let mut chunks = options.context(&context).chunks([path]);
    let part = chunks.next().await.unwrap();
    assert!(part.result.is_ok() && part.attempts == 6, "{part:?}");
    assert_pauses(begun.elapsed());
}

/// tokio's timers round up to a millisecond.
fn assert_pauses(elapsed: Duration) {
    let pauses = Duration::from_millis(310);
    assert!((pauses..pauses + Duration::from_millis(10)).contains(&elapsed), "{elapsed:?}");
}
