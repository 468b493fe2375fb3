//! Many states of many traces, on each backend.

use std::collections::BTreeMap;
use std::env;
use std::time::Instant;

use aiofile::{BackendKind, Context};

use crate::alone;
use crate::device::{Device, FILE_SYSTEMS};
use crate::disk::Disk;
use crate::examine::examine;
use crate::job::{Job, LeftOut};
use crate::jobs;
use crate::state::{Replay, State};
use crate::trace::Trace;
use crate::workload::{LANES_MAX, Workload};

/// How many states are tried unless that is said.
const STATES: u64 = 72;

/// How many states of one trace are tried.
const OF_A_TRACE: u64 = 40;

/// Jobs that a file system without a journal does not take. Two do not sync the directory, which
/// may then name what took a file's place; one needs extents.
const WITH_JOURNAL: [&str; 3] =
    ["written_atomically", "written_atomically_with_data", "written_to_what_was_allocated"];

/// What was lost.
#[derive(Default)]
struct Failures {
    count: u64,
    /// The first one of each job.
    told: BTreeMap<&'static str, String>,
}

/// What is tried on one file system.
pub(crate) fn try_all(file_system: &'static str) {
    let wanted = env::var("CAIO_CRASH_STATE").ok();
    let wanted = wanted.as_deref().map(Wanted::parse);
    if wanted.as_ref().is_some_and(|wanted| wanted.file_system != file_system) {
        return;
    }
    let Some(device) = alone::device(file_system) else { return };
    let mut failed = Failures::default();
    for kind in BackendKind::ALL {
        if wanted.as_ref().is_some_and(|wanted| wanted.backend != kind.name()) {
            continue;
        }
        let Some(context) = context(kind) else { continue };
        let place = Tried { device: &device, context: &context, kind };
        match &wanted {
            Some(wanted) => place.one(wanted, &mut failed),
            None => place.several(&mut failed),
        }
    }
    let (count, told) = (failed.count, failed.told.values().cloned().collect::<Vec<_>>());
    assert!(count == 0, "{count} failures, the first of each job:\n{}", told.join("\n"));
}

/// A context with this backend, where it works.
pub(crate) fn context(kind: BackendKind) -> Option<Context> {
    match aiofile::context().backend(kind).build() {
        Ok(context) => Some(context),
        Err(error) => {
            assert!(!caio_testkit::required_backend(kind), "{kind} is required: {error}");
            println!("SKIPPED: crash states with {kind}: {error}");
            None
        }
    }
}

/// One state, as a failure names it: `ext4:uring:17:3`.
struct Wanted {
    file_system: String,
    backend: String,
    seed: u64,
    number: u64,
}

impl Wanted {
    fn parse(text: &str) -> Self {
        let parts: Vec<_> = text.split(':').collect();
        let [file_system, backend, seed, number] = parts[..] else {
            panic!("CAIO_CRASH_STATE is {text:?}, and not like ext4:uring:17:3");
        };
        Self {
            file_system: file_system.to_owned(),
            backend: backend.to_owned(),
            seed: seed.parse().unwrap(),
            number: number.parse().unwrap(),
        }
    }
}

/// A number from the environment.
fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

struct Tried<'a> {
    device: &'a Device,
    context: &'a Context,
    kind: BackendKind,
}

impl Tried<'_> {
    /// Its share of all states, in traces of different seeds.
    fn several(&self, failed: &mut Failures) {
        let shares = (FILE_SYSTEMS.len() * BackendKind::ALL.len()) as u64;
        // Without a journal some traces lose what no sync can save: see docs/testing.md.
        let (states, mut seed) = match self.device.has_journal() {
            true => (number("CAIO_CRASH_STATES", STATES), number("CAIO_CRASH_SEED", 1)),
            false => (STATES, 1),
        };
        let mut left = states.div_ceil(shares);
        let (begun, states, before) = (Instant::now(), left, failed.count);
        let mut acknowledged = 0;
        while left > 0 {
            let numbers = 0..left.min(OF_A_TRACE);
            left -= numbers.end;
            acknowledged += self.of_a_trace(seed, numbers, failed);
            seed += 1;
        }
        println!(
            "gate=crash_states filesystem={} backend={} states={states} \
             acknowledged={acknowledged} lost={} seconds={:.1}",
            self.device.file_system,
            self.kind,
            failed.count - before,
            begun.elapsed().as_secs_f64(),
        );
    }

    fn one(&self, wanted: &Wanted, failed: &mut Failures) {
        let numbers = wanted.number..wanted.number + 1;
        let acknowledged = self.of_a_trace(wanted.seed, numbers, failed);
        println!("{acknowledged} acknowledged steps were looked for");
    }

    /// Tries the states with these numbers of one trace. How many acknowledged steps there were.
    fn of_a_trace(&self, seed: u64, numbers: std::ops::Range<u64>, failed: &mut Failures) -> u64 {
        let has_journal = self.device.has_journal();
        let jobs = jobs::all().filter(|job| has_journal || !WITH_JOURNAL.contains(&job.name));
        let jobs: Vec<&Job> = jobs.collect();
        let lanes_max = if has_journal { LANES_MAX } else { 1 };
        let workload = Workload { jobs, seed, left_out: LeftOut::Nothing, lanes_max };
        let trace = Trace::record(self.device, self.context, workload).unwrap();
        let state = if has_journal { State::new } else { State::bare };
        let mut states: Vec<_> = numbers.map(|number| state(&trace, number)).collect();
        states.sort_by_key(|state| state.flushed);
        let (mut replay, mut acknowledged) = (Replay::new(&trace), 0);
        for state in states {
            let disk = replay.to(&state);
            let before = trace.notes.iter().filter(|note| note.at <= state.at);
            let notes: Vec<_> = before.copied().collect();
            let jobs = &trace.workload.jobs;
            let examined = examine(self.device, disk.clone(), jobs, seed, &notes);
            acknowledged += examined.acknowledged;
            let name = format!("{}:{}:{seed}:{}", self.device.file_system, self.kind, state.number);
            for (job, error) in examined.lost {
                failed.count += 1;
                failed.told.entry(job).or_insert_with(|| tell(job, &error, &name, &disk));
            }
        }
        acknowledged
    }
}

/// Keeps the disk, and says how to see it again.
fn tell(job: &str, error: &str, state: &str, disk: &Disk) -> String {
    let image = disk.keep(&format!("crash-{state}.img"));
    format!(
        "{job}: {error}\n    the disk is {}\n    again: CAIO_CRASH_STATE={state} \
         cargo test -p tests --test crash -- _keeps_",
        image.display(),
    )
}
