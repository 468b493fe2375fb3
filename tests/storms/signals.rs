//! Every thread of the process gets a signal a thousand times a second while users work.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aiofile::BackendKind;
use caio_testkit::Guards;
use futures_util::future::join_all;
use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use tokio::signal::unix::{SignalKind, signal};

use crate::planted_backend::{Defect, Planted};
use crate::settled::settled;
use crate::user::{BUFFER, User};
use crate::{PATIENCE, backends, caught, gate, in_use, number, place, runtime, seeds};

/// Between two signals of a thread.
const PERIOD: Duration = Duration::from_millis(1);

/// `CAIO_STORM_SIGNALS` is how many operations there are for each backend.
#[test]
fn a_thousand_signals_a_second() {
    let _alone = in_use::alone();
    let wanted = number("CAIO_STORM_SIGNALS", 2_000);
    for kind in backends::all() {
        let (begun, mut operations, mut seen) = (Instant::now(), 0, 0);
        for seed in seeds() {
            let part = part(kind, seed, Defect::None);
            let (done, signals) =
                part.unwrap_or_else(|error| panic!("{kind}, seed {seed}: {error}"));
            (operations, seen) = (operations + done, seen + signals);
            // A handler that was never called has interrupted nothing.
            if operations >= wanted && seen >= 10 {
                break;
            }
        }
        gate("signals", kind.name(), &[("operations", &operations), ("seen", &seen)], begun);
    }
}

#[test]
fn a_lost_write_among_signals_is_found() {
    let _alone = in_use::alone();
    let find =
        || (1..20).try_for_each(|seed| part(BackendKind::Rust, seed, Defect::LostWrite).map(drop));
    caught("signals", "lost_write", &find());
}

/// Some users' work. Returns how many operations that were, and how often the process looked after
/// signals; those that come together count once.
fn part(kind: BackendKind, seed: u64, defect: Defect) -> Result<(u64, u64), String> {
    let planted = Planted::new(backends::open(kind).unwrap(), defect, seed);
    let context = match defect {
        Defect::None => backends::context(kind),
        _ => backends::queued().custom(Arc::new(planted)).build().unwrap(),
    };
    let (place, guards) = (place(), Arc::new(Guards::new(BUFFER, 64)));
    let ended = AtomicBool::new(false);
    let (done, seen) = std::thread::scope(|scope| {
        let done = runtime().block_on(async {
            // With tokio's handler system calls go on where they can: poll(2), io_uring_enter(2)
            // and io_getevents(2) cannot.
            let mut alarms = signal(SignalKind::alarm()).unwrap();
            scope.spawn(|| interrupt_all(&ended));
            let users = (0..4).map(|user| {
                let is_direct = kind == BackendKind::Linux || user % 2 == 0;
                let number = seed * 4 + user;
                User::new(&context, &guards, place.path(), number, is_direct).work(100)
            });
            let users: Vec<_> = users.collect();
            let work = tokio::time::timeout(PATIENCE, join_all(users));
            let mut work = std::pin::pin!(work);
            let mut seen = 0;
            loop {
                tokio::select! {
                    done = &mut work => return (done, seen),
                    _ = alarms.recv() => seen += 1,
                }
            }
        });
        ended.store(true, Ordering::Relaxed);
        done
    });
    let done = done.map_err(|_| format!("it hangs, with {:?} in flight", context.in_flight()))?;
    settled(&context, PATIENCE)?;
    guards.look()?;
    let mut operations = 0;
    for user in done {
        operations += user?.operations;
    }
    Ok((operations, seen))
}

/// Has a timer for each thread, also for those that start later.
fn interrupt_all(ended: &AtomicBool) {
    let mut timers = HashMap::new();
    while !ended.load(Ordering::Relaxed) {
        for thread in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            let thread: i32 = thread.file_name().to_str().unwrap().parse().unwrap();
            timers.entry(thread).or_insert_with(|| timer(thread));
        }
        std::thread::sleep(2 * PERIOD);
    }
}

/// `None` where the thread has gone.
fn timer(thread: i32) -> Option<Timer> {
    let signal =
        SigevNotify::SigevThreadId { signal: Signal::SIGALRM, thread_id: thread, si_value: 0 };
    let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(signal)).ok()?;
    let period = Expiration::IntervalDelayed(PERIOD.into(), PERIOD.into());
    timer.set(period, TimerSetTimeFlags::empty()).ok()?;
    Some(timer)
}
