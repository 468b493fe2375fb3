//! What the store asks of the system where all is to be durable: which calls, in which order, and
//! what is left where one of them fails.
//!
//! Each job runs in a process of its own under strace(1), which writes down its calls and has one
//! of them fail. Without strace, the test is skipped, or fails where `CAIO_REQUIRE_STRACE` is set.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a process of a job says how it ended")]

mod job;
mod traced;

use std::io::Write as _;
use std::process::Command;

use job::{JOBS, Job, State};
use traced::{Ended, run};

#[test]
fn what_is_durable_is_synced_in_order_and_whatever_fails_leaves_the_old_or_the_new() {
    if job::process() {
        return;
    }
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CAIO_REQUIRE_STRACE").is_none(), "strace is required");
        let _ = writeln!(std::io::stderr(), "SKIPPED durable order: there is no strace");
        return;
    }
    for job in &JOBS {
        let traced = run(job, true, None);
        assert_eq!(traced.ended, Ended::Well, "{}", job.name);
        assert_eq!(traced.events(), job.events, "{}", job.name);
        assert_eq!(traced.state, (job.after)(), "{}", job.name);
        // A close that fails would be the loader's.
        let steps = traced.calls.iter().enumerate();
        for (step, call) in steps.filter(|(_, call)| !call.event.starts_with("close")) {
            fail(job, step, call);
        }
        let careless = run(job, false, None);
        let syncs = careless.events().iter().any(|call| call.starts_with("fsync"));
        assert!(!syncs, "{}: nothing asked for a sync", job.name);
    }
}

/// The job with one of its calls failing.
fn fail(job: &Job, step: usize, call: &traced::Call) {
    let at = format!("{}, where {} fails", job.name, call.event);
    let traced = run(job, true, Some(call));
    let (before, after): (State, State) = ((job.before)(), (job.after)());
    let Ended::Badly(error) = traced.ended else { panic!("{at}: it says that it went well") };
    assert!(error.contains("Input/output error"), "{at}: {error}");
    let has_changed = step > job.changes_at();
    assert_eq!(traced.state, if has_changed { after } else { before }, "{at}");
    assert_eq!(traced.staged, [""; 0], "{at}: something is left");
}
