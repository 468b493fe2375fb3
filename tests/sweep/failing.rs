//! The n-th request to a backend fails, or comes back short, interrupted or not ready.

use std::sync::Arc;

use aiofile::Context;
use caio::backend::pool::ThreadPool;
use caio::{Backend, BufferedWrites, Config};
use caio_testkit::{Faulty, Plan, Skeleton};
use nix::errno::Errno;

use crate::drive::{is_told, run, runtime};
use crate::job::Job;
use crate::uring::uring;
use crate::{PLACES_MAX, errnos, is_thorough, sweep};

/// Answers that are not the last word: a caller hears nothing of them.
const HARMLESS: [Errno; 3] = [Errno::EINTR, Errno::EAGAIN, Errno::ECANCELED];

#[test]
fn requests_that_fail() {
    sweep("requests that fail", |job| {
        let mut faults = 0;
        for inner in inner() {
            for errno in errnos() {
                for fault in [Plan::fail_nth, Plan::fail_all_from] {
                    faults += one_by_one(
                        inner,
                        |plan, place| fault(plan, place, *errno as i32),
                        job,
                        &|error, directory| is_told(error, directory, *errno as i32),
                    )?;
                }
            }
        }
        Ok(faults)
    });
}

#[test]
fn requests_that_are_to_be_made_again() {
    sweep("requests that are to be made again", |job| {
        let mut faults = 0;
        for inner in inner() {
            for errno in HARMLESS {
                faults += one_by_one(
                    inner,
                    |plan, place| plan.fail_nth(place, errno as i32),
                    job,
                    &|error, _| {
                        // Nothing repeats a sync: the kernel tells of a loss once.
                        match error.to_string().contains("sync") {
                            true => Ok(()),
                            false => Err(format!("it was to be made again: {error}")),
                        }
                    },
                )?;
            }
        }
        Ok(faults)
    });
}

#[test]
fn requests_that_are_cut() {
    sweep("requests that are cut", |job| {
        let mut faults = 0;
        for inner in inner() {
            // A byte at a time takes long.
            let plans =
                [Plan::new(1).short(1.0), Plan::new(2).short(0.5), Plan::new(1).one_byte(1.0)];
            for plan in plans.into_iter().take(if is_thorough() { 3 } else { 2 }) {
                let (faulty, context) = over(inner, plan)?;
                if let Some(Err(error)) = run(job, &context, &runtime(), None)?.result {
                    return Err(format!("a short transfer is no error: {error}"));
                }
                faults += faulty.injected().short;
            }
        }
        Ok(faults)
    });
}

/// The job with a fault at each of its requests in turn.
fn one_by_one(
    inner: fn() -> caio::Result<Arc<dyn Backend>>,
    fault: impl Fn(Plan, u64) -> Plan,
    job: &Job,
    judge: &dyn Fn(&std::io::Error, &std::path::Path) -> Result<(), String>,
) -> Result<u64, String> {
    let runtime = runtime();
    for place in 0..PLACES_MAX {
        let (faulty, context) = over(inner, fault(Plan::new(1), place))?;
        let tell = |error| format!("at request {place}: {error}");
        let ended = run(job, &context, &runtime, None).map_err(tell)?;
        match ended.result {
            Some(Err(error)) => judge(&error, &ended.directory).map_err(tell)?,
            _ if faulty.operations() <= place => return Ok(place),
            _ => {}
        }
    }
    Err(format!("it has more than {PLACES_MAX} requests"))
}

/// A context whose backend fails, and that does nothing in place.
fn over(
    inner: fn() -> caio::Result<Arc<dyn Backend>>,
    plan: Plan,
) -> Result<(Arc<Faulty>, Context), String> {
    let inner = inner().map_err(|error| error.to_string())?;
    let faulty = Arc::new(Faulty::new(inner, plan));
    let builder = aiofile::context().custom(Arc::<Faulty>::clone(&faulty)).in_place(false);
    let builder = builder.configure(|config| config.buffered_writes = BufferedWrites::Backend);
    Ok((faulty, builder.build().map_err(|error| error.to_string())?))
}

type Open = fn() -> caio::Result<Arc<dyn Backend>>;

/// The backends that are to fail.
fn inner() -> impl Iterator<Item = Open> {
    let skeleton: Open = || Ok(Arc::new(Skeleton::open(64)));
    let pool: Open = || Ok(Arc::new(ThreadPool::open(&Config::default())?));
    let all: [Open; 3] = [skeleton, pool, uring];
    let count = if is_thorough() && uring().is_ok() { 3 } else { 1 };
    all.into_iter().take(count)
}
