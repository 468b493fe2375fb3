//! Copies of a large file or of a tree of small ones, each by a command in a process of its own, or
//! in this one. What was copied is compared with the source afterwards, outside the time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Error, Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use aiofile::fs::Fs;
use aiofile_bench::{Job, Report, Result, Usage, Work};
use nix::sys::resource::UsageWho;
use tokio::runtime::Builder;

/// Copies by the command `cp`: as it is, or with `--reflink=never`, which makes it read and write.
pub fn by_cp(job: &Job) -> Result<Report> {
    let never = (job.cell.work == Work::CopyBytes).then_some("--reflink=never");
    let mut command = Command::new("cp");
    command.args(recursive(job)).args(never).arg(job.path()).arg(job.copy_path());
    one_copy(job, UsageWho::RUSAGE_CHILDREN, || finish(&mut command).map(drop))
}

/// Copies by the command `aiofile cp`: as it is, or with `--reflink never`.
pub fn by_aiofile(job: &Job) -> Result<Report> {
    let never = (job.cell.work == Work::CopyBytes).then_some(["--reflink", "never"]);
    let mut command = our_command(job)?;
    command.args(["cp", "--quiet"]).args(recursive(job)).args(never.into_iter().flatten());
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

fn recursive(job: &Job) -> Option<&'static str> {
    (job.cell.work == Work::CopyTree).then_some("-r")
}

/// Copies a tree by `aiofile::fs::copy_dir` in this process, which keeps what `cp -r` keeps.
pub fn by_copy_dir(job: &Job) -> Result<Report> {
    let runtime = Builder::new_multi_thread().worker_threads(job.workers).enable_all().build()?;
    let context = runtime.block_on(async { aiofile::default_context() })?;
    let mut report = one_copy(job, UsageWho::RUSAGE_SELF, || {
        runtime.block_on(Fs::new(&context).copy_dir(job.path(), job.copy_path()))?;
        Ok(())
    })?;
    context.info().backend.name().clone_into(&mut report.backend);
    Ok(report)
}

/// Copies by `read` and `write` in this process, one block after the other; a tree by std, one file
/// after the other.
pub fn by_loop(job: &Job) -> Result<Report> {
    one_copy(job, UsageWho::RUSAGE_SELF, || {
        if job.cell.work == Work::CopyTree {
            return Ok(copy_tree(&job.path(), &job.copy_path())?);
        }
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

fn copy_tree(source: &Path, target: &Path) -> io::Result<()> {
    fs::create_dir(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let target = target.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_tree(&entry.path(), &target)?,
            false => _ = fs::copy(entry.path(), target)?,
        }
    }
    Ok(())
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
        remove(job)?;
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
    let is_tree = job.cell.work == Work::CopyTree;
    (report.operations, report.bytes) =
        (if is_tree { job.small_files() } else { 1 }, job.cell.size);
    report.user_us = after.user_us - before.user_us;
    report.system_us = after.system_us - before.system_us;
    report.switches = after.switches - before.switches;
    report.peak_kib = after.peak_kib;
    match is_tree {
        true => compare_trees(&job.path(), &target)?,
        false => compare(&job.path(), &target)?,
    }
    remove(job)?;
    Ok(report)
}

fn remove(job: &Job) -> io::Result<()> {
    match job.cell.work {
        Work::CopyTree => fs::remove_dir_all(job.copy_path()),
        _ => fs::remove_file(job.copy_path()),
    }
}

fn compare_trees(source: &Path, copy: &Path) -> Result<()> {
    if fs::read_dir(source)?.count() != fs::read_dir(copy)?.count() {
        return Err("the copy has another number of entries".into());
    }
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let copy = copy.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => compare_trees(&entry.path(), &copy)?,
            false if fs::read(entry.path())? == fs::read(copy)? => {}
            false => return Err("a copy differs from its source".into()),
        }
    }
    Ok(())
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

    #[test]
    fn a_tree_is_copied_and_one_that_differs_is_refused() {
        let cells = suite::comparison(true);
        let cell = cells.into_iter().find(|cell| cell.work == Work::CopyTree).unwrap();
        let directory = std::env::temp_dir().join(format!("compare-tree-{}", std::process::id()));
        let job = job_for_tests(cell, &directory);
        fs::create_dir_all(job.path().join("below")).unwrap();
        fs::write(job.path().join("below/file"), "contents").unwrap();
        for copy in [by_loop, by_cp, by_copy_dir] {
            let report = copy(&job).unwrap();
            assert_eq!((report.operations, report.bytes), (1250, 1250 * 4096));
            assert!(!job.copy_path().exists());
        }
        for (content, word) in [(Some("content."), "differs"), (None, "number")] {
            fs::create_dir_all(job.copy_path().join("below")).unwrap();
            let path = job.copy_path().join("below/file");
            match content {
                Some(content) => fs::write(path, content).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
            let error = compare_trees(&job.path(), &job.copy_path()).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
