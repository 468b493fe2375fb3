//! Copies of a large file, each by a command in a process of its own, and by a loop of `read` and
//! `write`. What was copied is compared with the source afterwards, outside the time.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use aiofile_bench::{Job, Report, Result, Usage, Work};
use nix::sys::resource::UsageWho;

/// Copies by the command `cp`: as it is, or with `--reflink=never`, which makes it read and write.
pub fn by_cp(job: &Job) -> Result<Report> {
    let never = (job.cell.work == Work::CopyBytes).then_some("--reflink=never");
    let mut command = Command::new("cp");
    command.args(never).arg(job.path()).arg(job.copy_path());
    one_copy(job, UsageWho::RUSAGE_CHILDREN, || finish(&mut command).map(drop))
}

/// Copies by the command `aiofile cp`: as it is, or with `--reflink never`.
pub fn by_aiofile(job: &Job) -> Result<Report> {
    let never = (job.cell.work == Work::CopyBytes).then_some(["--reflink", "never"]);
    let mut command = our_command(job)?;
    command.args(["cp", "--quiet"]).args(never.into_iter().flatten());
    command.arg(job.path()).arg(job.copy_path());
    let copy = || finish(&mut command).map(drop);
    let mut report = one_copy(job, UsageWho::RUSAGE_CHILDREN, copy)?;
    report.backend = "uring".to_owned();
    Ok(report)
}

/// The command `aiofile` with its defaults, whatever this machine's files and variables say.
pub(super) fn our_command(job: &Job) -> Result<Command> {
    let program = job.command.as_ref().ok_or("the command aiofile was not built")?;
    let mut command = Command::new(program);
    command.env_remove("CAIO_IMPL").env("CAIO_CONFIG", "/dev/null");
    Ok(command)
}

/// Copies by `read` and `write` in this process, one block after the other.
pub fn by_loop(job: &Job) -> Result<Report> {
    one_copy(job, UsageWho::RUSAGE_SELF, || {
        let (mut source, mut buffer) = (File::open(job.path())?, vec![0; job.cell.block]);
        let mut target = OpenOptions::new().write(true).create_new(true).open(job.copy_path())?;
        loop {
            let read = source.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            target.write_all(&buffer[..read])?;
        }
    })
}

/// Runs a command to its end; what it printed.
pub(super) fn finish(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", command.get_program().display(), said.trim()).into())
}

/// One copy; none where nothing is to be measured, so that the calls before it can be counted.
fn one_copy(job: &Job, who: UsageWho, copy: impl FnOnce() -> Result<()>) -> Result<Report> {
    let target = job.copy_path();
    if target.exists() {
        fs::remove_file(&target)?;
        nix::unistd::syncfs(&File::open(&job.directory)?)?;
    }
    let mut report = Report { backend: "threads".to_owned(), threads: 1, ..Report::default() };
    if job.operations == Some(0) {
        return Ok(report);
    }
    let (before, start) = (Usage::of(who)?, Instant::now());
    copy()?;
    report.seconds = start.elapsed().as_secs_f64();
    let after = Usage::of(who)?;
    (report.operations, report.bytes) = (1, job.cell.size);
    report.user_us = after.user_us - before.user_us;
    report.system_us = after.system_us - before.system_us;
    report.switches = after.switches - before.switches;
    report.peak_kib = after.peak_kib;
    compare(&job.path(), &target)?;
    fs::remove_file(&target)?;
    Ok(report)
}

fn compare(source: &Path, copy: &Path) -> Result<()> {
    let (mut left, mut right) = (File::open(source)?, File::open(copy)?);
    if left.metadata()?.len() != right.metadata()?.len() {
        return Err("the copy has another length".into());
    }
    let (mut one, mut other) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = left.read(&mut one)?;
        if read == 0 {
            return Ok(());
        }
        right.read_exact(&mut other[..read])?;
        if one[..read] != other[..read] {
            return Err(Error::other("the copy differs from its source").into());
        }
    }
}

#[cfg(test)]
mod tests {
    use aiofile_bench::suite;

    use super::*;
    use crate::participants::tests::job_for_tests;

    #[test]
    fn what_was_copied_is_counted_and_removed_and_one_that_differs_is_refused() {
        let cells = suite::comparison(true);
        let cell = cells.into_iter().find(|cell| cell.work == Work::CopyBytes).unwrap();
        let directory = std::env::temp_dir().join(format!("compare-copy-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let job = job_for_tests(cell, &directory);
        fs::write(job.path(), vec![7; 1 << 20]).unwrap();
        for copy in [by_loop, by_cp] {
            let report = copy(&job).unwrap();
            assert!(report.operations == 1 && report.bytes > 0);
            assert!(!job.copy_path().exists());
        }
        for (content, word) in [(vec![8; 1 << 20], "differs"), (vec![7; 3], "length")] {
            fs::write(job.copy_path(), content).unwrap();
            let error = compare(&job.path(), &job.copy_path()).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
