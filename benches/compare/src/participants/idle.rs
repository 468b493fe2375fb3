//! What an engine costs that has worked and has nothing more to do: processor time and context
//! switches of the process over two seconds in which nobody asks it for anything.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use tokio::task::spawn_blocking;

use super::on_tokio::runtime;
use crate::cell::Job;
use crate::report::Report;
use crate::stage::{Result, count_rings, switches, system_us, user_us};

/// How long nothing is done.
const IDLE: Duration = Duration::from_secs(2);

/// Until what the last operation left to do is done.
const REST: Duration = Duration::from_millis(200);

/// tokio with its blocking pool.
pub fn by_spawn_blocking(job: &Job) -> Result<Report> {
    let file = Arc::new(job.open()?);
    run(job, async || {
        let file = Arc::clone(&file);
        let read = move || std::os::unix::fs::FileExt::read_at(&*file, &mut [0; 4096], 0);
        spawn_blocking(read).await?.map(|_| ())
    })
}

/// Does `work` some hundred times and then nothing.
pub fn run(job: &Job, work: impl AsyncFn() -> io::Result<()>) -> Result<Report> {
    let runtime = runtime()?;
    runtime.block_on(async {
        for _ in 0..500 {
            work().await?;
        }
        io::Result::Ok(())
    })?;
    // Neither in the runtime nor with its timer: this thread is not there while it sleeps.
    thread::sleep(REST);
    let idle = if job.measure_ms < 1000 { Duration::from_millis(job.measure_ms) } else { IDLE };
    let rings = count_rings()?;
    let before = getrusage(UsageWho::RUSAGE_SELF)?;
    thread::sleep(idle);
    let after = getrusage(UsageWho::RUSAGE_SELF)?;
    let us = user_us(&after) + system_us(&after) - user_us(&before) - system_us(&before);
    // Going to sleep here is one of them.
    let switched = (switches(&after) - switches(&before) - 1).max(0) as f64;
    let seconds = idle.as_secs_f64().max(0.001);
    let mut report = Report {
        backend: if rings > 0 { "io_uring" } else { "threads" }.to_owned(),
        threads: std::fs::read_dir("/proc/self/task")?.count(),
        rings,
        operations: 500,
        total_operations: 500,
        seconds,
        value: Some(us / 1000.0 / seconds),
        peak_rss_kib: after.max_rss() as u64,
        ..Report::default()
    };
    report.notes.insert("switches_per_s".to_owned(), switched / seconds);
    drop(runtime);
    Ok(report)
}
