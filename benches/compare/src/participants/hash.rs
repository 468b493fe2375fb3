//! Hashes of many small files, all by one command in a process of its own.

use std::process::Command;
use std::time::Instant;

use aiofile_bench::{Job, Report, Result, Usage};
use nix::sys::resource::UsageWho::RUSAGE_CHILDREN;

use super::copy::{finish, our_command};

/// Hashes by the command `sha256sum`.
pub fn by_sha256sum(job: &Job) -> Result<Report> {
    one_list(job, Command::new("sha256sum"))
}

/// Hashes by the command `aiofile hash`.
pub fn by_aiofile(job: &Job) -> Result<Report> {
    let mut command = our_command(job)?;
    command.args(["hash", "--quiet", "--algorithm", "sha256"]);
    Ok(Report { backend: "uring".to_owned(), ..one_list(job, command)? })
}

/// One list; none where nothing is to be measured, so that the calls before it can be counted.
fn one_list(job: &Job, mut command: Command) -> Result<Report> {
    let mut report = Report { backend: "threads".to_owned(), threads: 1, ..Report::default() };
    if job.operations == Some(0) {
        return Ok(report);
    }
    let paths = job.small_paths();
    command.args(&paths);
    let (before, start) = (Usage::of(RUSAGE_CHILDREN)?, Instant::now());
    let list = finish(&mut command)?;
    report.seconds = start.elapsed().as_secs_f64();
    let after = Usage::of(RUSAGE_CHILDREN)?;
    let lines = list.iter().filter(|byte| **byte == b'\n').count();
    if lines != paths.len() {
        return Err(format!("{lines} hashes of {} files", paths.len()).into());
    }
    (report.operations, report.bytes) = (lines as u64, job.cell.size);
    report.user_us = after.user_us - before.user_us;
    report.system_us = after.system_us - before.system_us;
    report.switches = after.switches - before.switches;
    report.peak_kib = after.peak_kib;
    Ok(report)
}
