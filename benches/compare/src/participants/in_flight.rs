//! What operations cost that wait: tasks that all read one pipe with nothing in it, and the
//! resident memory of the process before, with all of them waiting, and after its writer is gone.
//!
//! Three waves, so that memory which is not given back, or which grows from wave to wave, is seen.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use aiofile::AioFile;
use aiofile_bench::participants::on_tokio::several_threads;
use aiofile_bench::participants::ours::{self, Form};
use aiofile_bench::{Job, Report, Result, Routes, Work, open_rings, peak_kib};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

const WAVES: usize = 3;

/// How long everything has to come to rest after the last task has begun, or ended.
const REST: Duration = Duration::from_millis(300);

/// Each read in tokio's blocking pool, most of them in its queue.
pub fn by_spawn_blocking(job: &Job) -> Result<Report> {
    let runtime = several_threads(job)?;
    waves(
        job,
        &runtime,
        |reader| Ok(Arc::new(reader)),
        |reader| async move { spawn_blocking(move || (&*reader).read(&mut [0])).await? },
    )
}

/// No read at all: what of it are the tasks themselves.
pub fn by_bare_tasks(job: &Job) -> Result<Report> {
    let runtime = several_threads(job)?;
    let wait = |gate: Arc<Semaphore>| async move { Ok(gate.acquire().await.map_or(0, |_| 1)) };
    waves(job, &runtime, |reader| Ok(close_with_pipe(reader)), wait)
}

/// Each read through our engine, with as many admitted at a time as the cell says.
pub fn by_aiofile(job: &Job, form: Form) -> Result<Report> {
    let runtime = several_threads(job)?;
    let raised = (job.cell.work == Work::WaitingRaised).then_some(job.cell.in_flight);
    let context = runtime.block_on(async { form.context(raised) })?;
    let share = |reader| Ok(AioFile::from_std_in(&context, reader)?);
    let mut report = waves(job, &runtime, share, |file| async move {
        let (result, _) = file.read_into(Vec::with_capacity(1), 0).await;
        result.map_err(io::Error::other)
    })?;
    ours::describe(&context, Routes::default(), &mut report);
    Ok(report)
}

/// A gate that is closed when the pipe's writer is.
fn close_with_pipe(mut reader: File) -> Arc<Semaphore> {
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    thread::spawn(move || {
        let end = reader.read(&mut [0]);
        waiting.close();
        end
    });
    gate
}

/// Runs the waves: `share` makes of the pipe's reading end what the tasks share, and `read` is what
/// each task does with it, which is to give 0 when the pipe has ended.
fn waves<S, F>(
    job: &Job,
    runtime: &Runtime,
    share: impl Fn(File) -> Result<S>,
    read: impl Fn(S) -> F,
) -> Result<Report>
where
    S: Clone,
    F: Future<Output = io::Result<usize>> + Send + 'static,
{
    let count = job.cell.in_flight;
    let _inside = runtime.enter();
    let mut report = Report { threads: job.workers, seconds: 1.0, ..Report::default() };
    let first = Memory::now()?;
    for wave in 1..=WAVES {
        let (reader, writer) = io::pipe()?;
        let shared = share(File::from(OwnedFd::from(reader)))?;
        let begun = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let (begun, read) = (Arc::clone(&begun), read(shared.clone()));
                runtime.spawn(async move {
                    begun.fetch_add(1, Ordering::Relaxed);
                    read.await
                })
            })
            .collect();
        while begun.load(Ordering::Relaxed) < count {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(REST);
        let held = Memory::now()?;
        report.rings = open_rings()?;
        drop(writer);
        let ended: Result<()> = runtime.block_on(async {
            for task in tasks {
                if task.await?? != 0 {
                    return Err("a read of an empty pipe gave something".into());
                }
            }
            Ok(())
        });
        ended?;
        drop(shared);
        thread::sleep(REST);
        let after = Memory::now()?;
        let each = |bytes: u64| bytes.saturating_sub(first.resident) as f64 / count as f64;
        if wave == 1 {
            report.value = Some(each(held.resident));
            let kernel = held.kernel.saturating_sub(first.kernel) as f64 / count as f64;
            report.note("kernel_bytes_each", kernel);
        }
        report.note(&format!("held_bytes_each_wave_{wave}"), each(held.resident));
        report.note(&format!("after_bytes_each_wave_{wave}"), each(after.resident));
    }
    report.backend = if report.rings > 0 { "io_uring" } else { "threads" }.to_owned();
    report.operations = (count * WAVES) as u64;
    report.peak_kib = peak_kib();
    Ok(report)
}

/// Memory in bytes.
struct Memory {
    /// What this process has resident.
    resident: u64,
    /// What the kernel holds for itself, for all processes of the machine.
    kernel: u64,
}

impl Memory {
    fn now() -> Result<Memory> {
        let kib = |file: &str, name: &str| -> Result<u64> {
            let text = fs::read_to_string(file)?;
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number.ok_or_else(|| format!("{file} has no {name}"))?.parse()?)
        };
        Ok(Memory {
            resident: kib("/proc/self/status", "VmRSS:")? * 1024,
            kernel: kib("/proc/meminfo", "SUnreclaim:")? * 1024,
        })
    }
}

#[cfg(test)]
mod tests {
    use aiofile_bench::{Cell, suite};

    use super::*;
    use crate::participants::tests::job_for_tests;

    #[test]
    fn tasks_that_wait_are_weighed() {
        let mut cell = suite::comparison(true).into_iter().find(Cell::is_waiting).unwrap();
        cell.in_flight = 2000;
        let job = job_for_tests(cell, &std::env::temp_dir());
        for run in [by_bare_tasks, by_spawn_blocking] {
            let report = run(&job).unwrap();
            assert_eq!(report.operations, 6000);
            assert!(report.value.is_some() && report.notes.len() == 7, "{report:?}");
        }
    }
}
