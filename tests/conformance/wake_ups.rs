//! Wake-ups: an answer comes by one, and nothing wakes up in vain.

use std::time::{Duration, Instant};

use caio_testkit::variants;
use nix::time::{ClockId, clock_gettime};

use crate::harness::{Case, cases};
use crate::support::{Env, current_thread, disk, eventually, multi_thread, pattern, pipe, room};

pub(crate) const CASES: &[Case] = cases![
    each answers_of_a_disk_come_by_a_wake_up,
    alone a_wait_takes_few_wake_ups,
    once_alone idle_contexts_wake_no_thread,
];

/// Trap B3: what the kernel completes later wakes nobody. Somebody who looks after all queues finds
/// it, after two looks, which are twenty milliseconds apart.
fn answers_of_a_disk_come_by_a_wake_up(env: &Env) {
    const READS: u64 = 50;
    let place = disk();
    let path = place.file("data", &pattern(READS as usize * 4096));
    let runtime = current_thread();
    let Some(file) = runtime.block_on(env.direct(&path)) else { return };
    let reads = async || {
        let mut times = Vec::new();
        for block in 0..READS {
            let begun = Instant::now();
            assert_eq!(file.read_exact_at(4096, block * 4096).await.unwrap().len(), 4096);
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        times[times.len() / 2]
    };
    // A busy machine spoils some tries, and wake-ups that do not come all of them.
    let fast = |median: Duration| median < Duration::from_millis(15);
    eventually("answers come in a runtime", || fast(runtime.block_on(reads())));
    eventually("answers come outside of a runtime", || fast(smol::block_on(reads())));
}

/// Trap B13: somebody sleeps a millisecond, looks, and sleeps again, or does not even sleep.
fn a_wait_takes_few_wake_ups(env: &Env) {
    const WAIT: Duration = Duration::from_millis(500);
    let env = env.queued();
    let (silent, _writer) = pipe();
    let place = disk();
    let path = place.file("data", &pattern(4096));
    let runtime = multi_thread(2);
    let (file, context) = (runtime.block_on(env.file(&path, "r")), env.context.clone());
    let waits = runtime.spawn(async move { context.read(&silent, room(1), 0..1, 0).await.0 });
    runtime.block_on(file.read_exact_at(4096, 0)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let computed = || Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap());
    let (before, begun) = ((sleeps(), computed()), Instant::now());
    std::thread::sleep(WAIT);
    let (sleeps, computed) = (sleeps().saturating_sub(before.0), computed() - before.1);
    // Longer where the machine is busy.
    let waited = begun.elapsed();
    assert!(!waits.is_finished());
    // Whoever looks after the queues does so fifty times in a second.
    let most = 60.0 * waited.div_duration_f64(WAIT);
    assert!((sleeps as f64) < most, "{sleeps} wake-ups in {waited:?}");
    assert!(computed < waited / 4, "{computed:?} of computing in {waited:?}");
    waits.abort();
}

/// How often the threads of this process but its first one have gone to sleep, which takes a
/// wake-up each time.
fn sleeps() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let others = threads.filter(|entry| *entry.file_name() != *std::process::id().to_string());
    let statuses =
        others.filter_map(|entry| std::fs::read_to_string(entry.path().join("status")).ok());
    let count = |status: String| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line?.trim().parse().ok()
    };
    statuses.filter_map(count).sum()
}

/// A context of every variant, used and kept, beside a runtime that waits.
fn idle_contexts_wake_no_thread() {
    let place = disk();
    let path = place.file("data", &pattern(4096));
    let contexts: Vec<_> = variants().iter().filter_map(|it| Env::open(it).ok()).collect();
    let runtime = multi_thread(2);
    let files: Vec<_> =
        contexts.iter().map(|env| runtime.block_on(env.file(&path, "r+"))).collect();
    for file in &files {
        runtime.block_on(file.write_all_at(pattern(4096), 0)).unwrap();
        assert_eq!(smol::block_on(file.read_exact_at(4096, 0)).unwrap(), pattern(4096));
    }
    // Whoever looks after the queues ends after a second, and pools keep their threads for ten.
    eventually("the threads that look after queues end", || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let mut names =
            threads.filter_map(|it| std::fs::read_to_string(it.path().join("comm")).ok());
        !names.any(|name| name.starts_with("caio-driver"))
    });
    // A thread of a pool may just be on its way to sleep, or end.
    eventually("nothing wakes up for a second", || {
        let before = sleeps();
        std::thread::sleep(Duration::from_secs(1));
        sleeps() == before
    });
}
