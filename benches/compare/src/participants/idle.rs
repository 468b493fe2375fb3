//! What an engine costs that has worked and has nothing more to do: processor time and context
//! switches of the process over two seconds in which it is not asked for anything.

use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use aiofile_bench::participants::on_tokio::several_threads;
use aiofile_bench::participants::ours::{self, Form};
use aiofile_bench::{Job, Report, Result, Routes, Usage, open_rings};
use tokio::task::spawn_blocking;

/// How long nothing is done.
const IDLE: Duration = Duration::from_secs(2);

/// Until what the last operation left to do is done.
const REST: Duration = Duration::from_millis(200);

/// tokio with its blocking pool.
pub fn by_spawn_blocking(job: &Job) -> Result<Report> {
    let file = Arc::new(job.open()?);
    run(job, async || {
        let file = Arc::clone(&file);
        Ok(spawn_blocking(move || file.read_at(&mut [0; 4096], 0)).await?.map(|_| ())?)
    })
}

/// Our engine.
pub fn by_aiofile(job: &Job, form: Form) -> Result<Report> {
    let used = OnceLock::new();
    let mut report = run(job, async || {
        let context = used.get_or_init(|| form.context(None)).clone()?;
        let file = ours::open(job, &context).await?;
        file.read_into(vec![0; 4096], 0).await.0?;
        Ok(())
    })?;
    let context = used.into_inner().ok_or("no context was made")??;
    ours::describe(&context, Routes::default(), &mut report);
    Ok(report)
}

/// Does `work` some hundred times and then nothing.
fn run(job: &Job, work: impl AsyncFn() -> Result<()>) -> Result<Report> {
    let runtime = several_threads(job)?;
    let worked: Result<()> = runtime.block_on(async {
        for _ in 0..500 {
            work().await?;
        }
        Ok(())
    });
    worked?;
    // Neither in the runtime nor with its timer: this thread is not there while it sleeps.
    thread::sleep(REST);
    let idle = if job.measure_ms < 1000 { job.measure() } else { IDLE };
    let rings = open_rings()?;
    let before = Usage::now()?;
    thread::sleep(idle);
    let after = Usage::now()?;
    let us = after.user_us + after.system_us - before.user_us - before.system_us;
    // Going to sleep here is one of them.
    let switches = (after.switches - before.switches - 1.0).max(0.0);
    let seconds = idle.as_secs_f64().max(0.001);
    let mut report = Report {
        backend: if rings > 0 { "io_uring" } else { "threads" }.to_owned(),
        threads: std::fs::read_dir("/proc/self/task")?.count(),
        rings,
        operations: 500,
        seconds,
        value: Some(us / 1000.0 / seconds),
        peak_kib: after.peak_kib,
        ..Report::default()
    };
    report.note("switches_per_s", switches / seconds);
    drop(runtime);
    Ok(report)
}
