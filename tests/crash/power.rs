//! Power cuts: a virtual machine with a kernel of its own works on the disk, and is killed.
//!
//! What the guest has in its memory is gone then, as with a loss of power. What it had written to
//! the disk and not flushed is in the emulator's hands, which has passed it on: so that this is
//! lost as well, the disk is ours, and lets go a part of what came after the last flush.

use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aiofile::BackendKind;
use caio_testkit::Random;

use crate::alone;
use crate::device::{Device, FILE_SYSTEMS};
use crate::examine::{Examined, examine};
use crate::job::{Job, LeftOut, Mark, STEPS};
use crate::jobs;
use crate::machine::{Machine, Order, PATIENCE, Said};
use crate::state::{Replay, State};
use crate::trace::{Note, Trace};
use crate::workload::{LANES_MAX, Workload};

/// How many machines run at the same time, at most.
const MACHINES_MAX: usize = 2;

/// How long after its last word a machine is killed, in milliseconds, at most.
const DELAY_MAX: usize = 30;

/// Cuts as many machines as are wanted, and some without syncs.
pub(crate) fn cut() {
    let Some(machine) = Machine::from_environment() else {
        return println!("SKIPPED: power cuts: .ci/power-cuts makes what a machine needs");
    };
    let (first, cuts) = (number("CAIO_POWER_SEED", 1), number("CAIO_POWER_CUTS", 4));
    let begun = Instant::now();
    let (next, told) = (AtomicU64::new(first), Mutex::new(Told::default()));
    // Each machine keeps about one processor busy.
    let lanes = thread::available_parallelism().map_or(1, usize::from).min(MACHINES_MAX);
    thread::scope(|scope| {
        for _ in 0..lanes {
            _ = scope.spawn(|| cut_some(&machine, &next, first + cuts, &told));
        }
    });
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "gate=power_cuts kernel={} cuts={} acknowledged={} lost={} seconds={:.1}",
        told.kernel,
        told.cuts,
        told.acknowledged,
        told.lost.len(),
        begun.elapsed().as_secs_f64(),
    );
    let again = "again: CAIO_POWER_SEED=seed .ci/power-cuts 1";
    assert!(told.lost.is_empty(), "{}\n{again}", told.lost.join("\n"));
    for (file_system, _) in FILE_SYSTEMS {
        let Some(device) = alone::device(file_system) else { continue };
        let (backend, left_out) = (BackendKind::Thread, LeftOut::Sync);
        let order = Order { file_system: file_system.to_owned(), backend, seed: first, left_out };
        let (examined, kernel) = cut_one(&machine, &device, &order);
        let (lost, caught) = match examined.lost.len() {
            0 => (0, "no"),
            lost => (lost, "yes"),
        };
        println!(
            "gate=power_cuts planted=no_sync kernel={kernel} filesystem={file_system} \
             lost={lost} caught={caught}",
        );
        assert!(lost > 0, "nothing was lost without any sync");
    }
}

/// What came of all cuts.
#[derive(Default)]
struct Told {
    kernel: String,
    cuts: u64,
    acknowledged: u64,
    lost: Vec<String>,
}

/// A number from the environment.
fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Cuts machines with the next seeds, each file system and each backend in turn.
fn cut_some(machine: &Machine, next: &AtomicU64, until: u64, told: &Mutex<Told>) {
    let names = FILE_SYSTEMS.iter().map(|(name, _)| name);
    let devices: Vec<_> = names.filter_map(|name| alone::device(name)).collect();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= until || devices.is_empty() {
            return;
        }
        let place = seed as usize;
        let device = &devices[place % devices.len()];
        let backend = BackendKind::ALL[place / devices.len() % BackendKind::ALL.len()];
        let file_system = device.file_system.to_owned();
        let order = Order { file_system, backend, seed, left_out: LeftOut::Nothing };
        let (examined, kernel) = cut_one(machine, device, &order);
        let lost = examined.lost.iter();
        let lost = lost.map(|(job, error)| format!("{}: {job}: {error}", order.text()));
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.cuts += 1;
        told.acknowledged += examined.acknowledged;
        told.lost.extend(lost);
        told.kernel = kernel;
    }
}

/// Lets a machine work for a while, kills it, and looks at its disk. What it was is told, too.
fn cut_one(machine: &Machine, device: &Device, order: &Order) -> (Examined, String) {
    let jobs: Vec<&Job> = jobs::all().collect();
    let mut random = Random::new(order.seed);
    let many = random.within(1..jobs.len() * STEPS as usize);
    let (mut child, told, kernel) = machine.boot(device, order);
    let (mut notes, mut heard) = (Vec::new(), Instant::now());
    while notes.len() < many {
        match told.recv_timeout(PATIENCE.saturating_sub(heard.elapsed())) {
            Ok(Said::Acknowledged(job, step)) => {
                notes.push((job, step));
                heard = Instant::now();
            }
            Ok(Said::Done) => break,
            // The kernel may complain, which is no news of the work.
            Ok(Said::Kernel(line) | Said::Other(line)) => println!("{}: {line}", order.text()),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                child.kill().unwrap();
                panic!("{}: the work does not go on", order.text());
            }
        }
    }
    thread::sleep(Duration::from_millis(random.below(DELAY_MAX) as u64));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it was killed counts, too.
    for said in told {
        if let Said::Acknowledged(job, step) = said {
            notes.push((job, step));
        }
    }
    let events = device.served.take_events();
    let at = events.len();
    let acknowledged =
        notes.into_iter().map(|(job, step)| Note { job, mark: Mark::Acknowledged, step, at });
    // It may have begun anything that it had not told yet.
    let begun =
        jobs.iter().map(|job| Note { job: job.name, mark: Mark::Begun, step: STEPS - 1, at });
    let notes: Vec<_> = acknowledged.chain(begun).collect();
    let (seed, left_out) = (order.seed, order.left_out);
    let workload = Workload { jobs, seed, left_out, lanes_max: LANES_MAX };
    let base = device.fresh.clone();
    let trace = Trace { workload, base, events, begins: at, notes };
    let state = State::at_the_end(&trace);
    let disk = Replay::new(&trace).to(&state);
    let jobs = &trace.workload.jobs;
    let examined = examine(device, disk.clone(), jobs, order.seed, &trace.notes);
    if !examined.lost.is_empty() && order.left_out == LeftOut::Nothing {
        let image = disk.keep(&format!("power-{}.img", order.text()));
        println!("{}: the disk is {}", order.text(), image.display());
    }
    (examined, kernel)
}
