//! The n-th system call of one kind fails, as strace(1) has it: jobs in processes of their own.

use std::io::{IoSlice, Write as _};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::drive::runtime;
use crate::job::{Job, prepared};
use crate::{errnos, is_thorough, jobs, sweep};

/// Names the job of such a process, and its directory.
const JOB: &str = "CAIO_SWEEP_PROCESS";

/// What such a process says when it begins: what fails before that is no fault of a job.
const BEGINS: &str = "begins";

const ENDS_WELL: &str = "it ends well";

const FAILS: &str = "it fails:";

/// What the jobs ask of the kernel. write(2) is not among them: tokio wakes its driver by one, and
/// panics where that fails.
const CALLS: [&str; 23] = [
    "openat",
    "openat2",
    "preadv",
    "preadv2",
    "pwritev",
    "pwritev2",
    "fsync",
    "fdatasync",
    "renameat2",
    "rename",
    "unlinkat",
    "unlink",
    "mkdir",
    "fchmod",
    "ftruncate",
    "copy_file_range",
    "getdents64",
    "linkat",
    "statx",
    "utimensat",
    "fallocate",
    "lseek",
    "ioctl",
];

/// Longer than this no job takes: it hangs.
const SECONDS_MAX: &str = "60";

/// So many of each thread's first calls of a kind.
fn calls_max() -> u64 {
    if is_thorough() { 40 } else { 3 }
}

#[test]
fn system_calls_that_fail() {
    if let Ok(job) = std::env::var(JOB) {
        return process(&job);
    }
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CAIO_REQUIRE_STRACE").is_none(), "strace is required");
        let _ = writeln!(std::io::stderr(), "SKIPPED system calls that fail: there is no strace");
        return;
    }
    sweep("system calls that fail", |job| {
        let mut faults = 0;
        let made = made(job)?;
        for call in CALLS {
            let most = made.iter().filter(|made| made.call == call).map(|made| made.times).max();
            for errno in errnos() {
                for number in 1..=calls_max().min(most.unwrap_or(0)) {
                    match traced(job, call, &format!("{errno:?}"), number) {
                        Ok(true) => faults += 1,
                        Ok(false) => break,
                        Err(error) => {
                            return Err(format!("{call} number {number} is {errno:?}: {error}"));
                        }
                    }
                }
            }
        }
        Ok(faults)
    });
}

/// How often a thread of a job makes a call.
struct Made {
    thread: String,
    call: String,
    times: u64,
}

/// What each thread of the job calls, where nothing fails.
fn made(job: &Job) -> Result<Vec<Made>, String> {
    let place = prepared();
    let (_, log) = strace(job, place.path(), &["-e", &format!("trace={}", CALLS.join(","))])?;
    let mut made: Vec<Made> = Vec::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(char::is_whitespace) else { continue };
        // The end of a call that was interrupted by another thread's line begins with `<...`.
        let Some((call, _)) = rest.trim_start().split_once('(') else { continue };
        match made.iter_mut().find(|made| made.thread == thread && made.call == call) {
            Some(made) => made.times += 1,
            None => made.push(Made { thread: thread.into(), call: call.into(), times: 1 }),
        }
    }
    if made.is_empty() { Err(format!("strace saw nothing: {log}")) } else { Ok(made) }
}

/// A run of the job in a process of its own, and what strace wrote of it.
fn strace(job: &Job, place: &Path, options: &[&str]) -> Result<(Output, String), String> {
    let log = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let child = Command::new("timeout")
        .args(["--signal=KILL", SECONDS_MAX, "strace", "-f", "-qq", "--seccomp-bpf"])
        .args(options)
        .arg("-o")
        .arg(log.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "kernel::system_calls_that_fail", "--nocapture", "--test-threads=1"])
        .env(JOB, job.name)
        .env("CAIO_SWEEP_DIRECTORY", place)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    Ok((child, std::fs::read_to_string(log.path()).unwrap_or_default()))
}

/// One run of the job with one system call that fails. `false` where no thread made so many.
fn traced(job: &Job, call: &str, errno: &str, number: u64) -> Result<bool, String> {
    let place = prepared();
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:error={errno}:when={number}");
    let (child, log) = strace(job, place.path(), &["-e", &trace, "-e", &inject])?;
    let said = String::from_utf8_lossy(&child.stdout);
    let met = log.matches("(INJECTED)").count();
    if met == 0 {
        return Ok(false);
    }
    if !said.contains(BEGINS) {
        // The loader or the harness met it.
        return Ok(true);
    }
    let ended = |line: &&str| line.contains(ENDS_WELL) || line.contains(FAILS);
    let Some(last) = said.lines().find(ended) else {
        let complaint = String::from_utf8_lossy(&child.stderr);
        return Err(format!("it came to no end: {complaint}\n{said}"));
    };
    let done = last.contains(ENDS_WELL);
    // Where more threads met it, one of them may have been tidying up.
    if done || met == 1 {
        job.examine(place.path(), done)?;
    }
    let place = place.path().to_string_lossy();
    match done || last.contains(&*place) || last.contains("/dev/fd/") {
        true => Ok(true),
        false => Err(format!("the error names no file: {last}")),
    }
}

/// The process of one job.
fn process(name: &str) {
    let job = jobs::all().find(|job| job.name == name).unwrap();
    let directory = std::env::var_os("CAIO_SWEEP_DIRECTORY").unwrap();
    let runtime = runtime();
    // What the engine asks of the kernel before it does anything is no fault of the job.
    runtime.block_on(async { aiofile::default_context() }).unwrap();
    tell(BEGINS);
    match runtime.block_on((job.run)(Path::new(&directory).to_owned())) {
        Ok(()) => tell(ENDS_WELL),
        Err(error) => tell(&format!("{FAILS} {error}")),
    }
}

/// Says something by writev(2), which is not made to fail.
fn tell(line: &str) {
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().unwrap();
    let line = format!("{line}\n");
    let written = std::fs::File::from(stdout).write_vectored(&[IoSlice::new(line.as_bytes())]);
    assert_eq!(written.unwrap(), line.len());
}
