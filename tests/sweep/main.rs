//! Every job of a user's, with one fault at each place where there can be one: the n-th operation
//! is refused, the n-th request to a backend fails, the n-th system call fails, the future is
//! dropped at its n-th poll, for n = 0, 1, 2, ... until the job comes through. Whatever meets it, a
//! job ends, its error names the file and the cause, what was acknowledged is there, nothing
//! temporary is left, and no descriptor is lost.
//!
//! `CAIO_SWEEP=copy_dir` takes the jobs with such a name alone, `CAIO_SWEEP_ALL=1` all errnos and
//! all variants.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "each sweep says how many faults it met")]

mod drive;
mod dropped;
mod failing;
#[path = "../common/in_use.rs"]
mod in_use;
mod job;
mod jobs;
mod kernel;
mod refused;
#[path = "../common/settled.rs"]
mod settled;
#[path = "../common/uring.rs"]
mod uring;

use std::time::Instant;

use nix::errno::Errno;

use crate::job::Job;

/// More places than any job has.
const PLACES_MAX: u64 = 2000;

/// Whether everything is tried.
fn is_thorough() -> bool {
    std::env::var_os("CAIO_SWEEP_ALL").is_some()
}

/// Errnos that nothing makes good.
fn errnos() -> &'static [Errno] {
    let all = &[Errno::EIO, Errno::ENOSPC, Errno::EDQUOT, Errno::EFBIG, Errno::EACCES];
    if is_thorough() { all } else { &all[..1] }
}

/// Calls `places` for each job, which tries it at each place and returns how many faults it met.
/// What fails says how to see it again, and nothing of a job may leak a descriptor or a thread.
fn sweep(what: &str, mut places: impl FnMut(&'static Job) -> Result<u64, String>) {
    let _alone = in_use::alone();
    let wanted = std::env::var("CAIO_SWEEP").unwrap_or_default();
    let (begun, mut faults, mut failed) = (Instant::now(), 0, Vec::new());
    // The first runtime opens what the process keeps.
    drop(drive::runtime());
    for job in jobs::all().filter(|job| job.name.contains(&wanted)) {
        let before = in_use::now();
        match places(job) {
            Ok(met) => faults += met,
            Err(error) => failed.push(format!("{}: {error}", job.name)),
        }
        if let Err(error) = in_use::given_back(&before, drive::PATIENCE) {
            failed.push(format!("{}: {error}", job.name));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("gate=sweep what={} faults={faults} seconds={seconds:.1}", what.replace(' ', "_"));
    let again = "again: CAIO_SWEEP=job cargo test -p tests --test sweep";
    assert!(failed.is_empty(), "{what}:\n{}\n{again}", failed.join("\n"));
    assert!(faults > 0 || !wanted.is_empty(), "{what}: no fault was met");
}
