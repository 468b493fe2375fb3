//! What the participants on tokio have in common: the multi-thread runtime, a task for each lane,
//! and, where fairness is looked at, a timer beside them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::{MissedTickBehavior, interval};

use super::WORKERS;
use crate::cell::{Job, Work};
use crate::lane::{Lane, Window};
use crate::report::Report;
use crate::stage::{self, Result};

/// Runs a job whose lanes are tasks: `prepare` opens what they share and gives the maker of the
/// tasks. They run on the multi-thread runtime.
pub fn on_tokio<P, S, F>(job: &Job, prepare: P) -> Result<Report>
where
    P: AsyncFn(&Job) -> Result<S> + Sync,
    S: FnMut(Lane) -> F,
    F: Future<Output = io::Result<Lane>> + Send + 'static,
{
    on(runtime, job, prepare)
}

/// The same on a runtime that is made so.
pub fn on<P, S, F>(runtime: fn() -> io::Result<Runtime>, job: &Job, prepare: P) -> Result<Report>
where
    P: AsyncFn(&Job) -> Result<S> + Sync,
    S: FnMut(Lane) -> F,
    F: Future<Output = io::Result<Lane>> + Send + 'static,
{
    let worst_late_us = Arc::new(AtomicU64::new(0));
    let mut report = stage::run(job, 1, job.cell.in_flight, |seat| {
        runtime()?.block_on(async {
            let task_of = prepare(seat.job).await?;
            let lanes = seat.ready();
            let window = lanes[0].window();
            let tasks: Vec<_> = lanes.into_iter().map(task_of).map(tokio::spawn).collect();
            if job.cell.is_fairness() {
                tokio::spawn(watch_the_timer(window, Arc::clone(&worst_late_us))).await?;
            }
            let mut ended = Vec::new();
            for task in tasks {
                ended.push(task.await??);
            }
            Ok(ended)
        })
    })?;
    if job.cell.is_fairness() {
        let late_ms = worst_late_us.load(Ordering::Relaxed) as f64 / 1000.0;
        report.notes.insert("timer_late_ms".to_owned(), late_ms);
        report.value = (job.cell.work == Work::FairnessTimer).then_some(late_ms);
    }
    Ok(report)
}

/// The runtime that everyone on tokio gets.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()
}

/// All tasks on the thread that waits for them, as the runtimes with a ring for each thread do it.
#[cfg(feature = "ours")]
pub fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Ticks every millisecond and notes the worst lateness of those ticks that were due within the
/// window. tokio's own clock has steps of a millisecond, which is in it.
async fn watch_the_timer(window: Window, worst_us: Arc<AtomicU64>) {
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < window.close {
        let due = ticks.tick().await.into_std();
        if due >= window.open {
            worst_us.fetch_max(due.elapsed().as_micros() as u64, Ordering::Relaxed);
        }
    }
}
