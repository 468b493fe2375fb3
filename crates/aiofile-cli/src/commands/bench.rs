//! `aiofile bench`: our backends against plain system calls and `tokio::fs`, on the user's own
//! disk.
//!
//! Not the comparison with other libraries, which needs them all as dependencies: that is
//! `benches/compare`.

mod cell;
mod filter;
mod histogram;
mod html;
mod interrupt;
mod job;
mod lane;
mod machine;
mod meter;
mod participant;
mod pattern;
mod results;
mod rounds;
mod scratch;
mod statistics;
mod table;
mod tracer;

use std::path::Path;
use std::time::Duration;

use caio::Choice;

use crate::args::{BenchArgs, BenchParticipantArgs};
use crate::failure::Failure;
use crate::output;

use cell::Cell;
use filter::Filter;
use interrupt::Interrupt;
use job::{Job, Report};
use machine::Machine;
use participant::Participant;
use results::Results;
use rounds::Plan;
use scratch::Scratch;
use tracer::Tracer;

/// What all of it takes unless `--seconds` says otherwise.
const TOTAL: Duration = Duration::from_secs(170);
const TOTAL_QUICK: Duration = Duration::from_secs(20);

/// Runs the benchmark.
///
/// # Errors
/// For options that do not fit, where the directory is no good, and on a signal.
pub(super) fn run(backend: Option<Choice>, args: &BenchArgs) -> Result<(), Failure> {
    let cells = cell::all(args.quick);
    let filter = Filter::new(&args.only, &cells).map_err(Failure::Usage)?;
    let cells: Vec<_> = cells.into_iter().filter(|cell| filter.wants_cell(cell)).collect();
    let wanted = Participant::all().filter(|one| filter.wants(*one) && asked_for(*one, &backend));
    let wanted: Vec<_> = wanted.filter(|one| !(args.quick && one.is_alone())).collect();
    let interrupt =
        Interrupt::watch().map_err(|error| Failure::during("wait for signals", error))?;
    let on_path = |error| Failure::during(args.path.display(), error);
    let machine = Machine::of(&args.path).map_err(on_path)?;
    let scratch = Scratch::new(&args.path).map_err(on_path)?;
    let measured = measure(args, cells, &wanted, machine, &scratch, &interrupt);
    let removed = scratch.remove();
    if let Some(signal) = interrupt.signal() {
        return Err(Failure::Interrupted(signal));
    }
    let results = measured?;
    removed.map_err(|error| Failure::during("remove the scratch files", error))?;
    report(args, &results)
}

/// What a participant's process does.
///
/// # Errors
/// What went wrong, in one line for the row.
pub(super) fn participate(args: &BenchParticipantArgs) -> Result<(), Failure> {
    let report = || -> participant::Result<Report> {
        interrupt::follow_parent()?;
        let job: Job = serde_json::from_str(&args.job)?;
        job.participant.run(&job)
    };
    let report = report().map_err(|error| Failure::Failed(error.to_string()))?;
    let text = serde_json::to_string(&report);
    output::print(text.map_err(|error| Failure::Failed(error.to_string()))?)
}

/// Whether `--backend` leaves this one in; the others always are.
fn asked_for(participant: Participant, choice: &Option<Choice>) -> bool {
    match (participant, choice) {
        (Participant::Ours { backend, .. }, Some(choice)) => choice.candidates().contains(&backend),
        _ => true,
    }
}

fn measure(
    args: &BenchArgs,
    cells: Vec<Cell>,
    wanted: &[Participant],
    machine: Machine,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Results, Failure> {
    let sizes = scratch::sizes(args.size.map(|size| size.0), machine.free);
    let mut plan = Plan {
        cells,
        participants: Vec::new(),
        rounds: args.rounds.map_or(if args.quick { 2 } else { 5 }, usize::from),
        measure: Duration::ZERO,
        sizes: sizes.map_err(Failure::Usage)?,
        seed: args.seed,
        tracer: None,
    };
    if !args.quick {
        plan.tracer = Tracer::find(scratch.path(), interrupt);
    }
    let participants: Vec<_> = wanted
        .iter()
        .map(|one| (*one, rounds::describe(&plan, *one, scratch, interrupt)))
        .collect();
    let works = |(one, description): &(Participant, Result<String, String>)| {
        description.is_ok().then_some(*one)
    };
    plan.participants = participants.iter().filter_map(works).collect();
    match args.seconds {
        Some(seconds) => plan.measure = seconds,
        None => plan.fit(if args.quick { TOTAL_QUICK } else { TOTAL }),
    }
    output::remark(format_args!("{}", estimate(&plan, args.path.as_path())));
    let bar = rounds::progress_bar();
    let cells = plan.run(scratch, interrupt, &bar);
    bar.finish_and_clear();
    let cells = cells.map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(Results { machine, settings: settings(&plan, args.quick), participants, cells })
}

fn estimate(plan: &Plan, path: &Path) -> String {
    let seconds = plan.estimate().as_secs_f64().ceil();
    let (runs, each) = (plan.runs(), plan.measure.as_secs_f64());
    format!("{runs} runs of {each:.2} s below {}: about {seconds} s", path.display())
}

fn settings(plan: &Plan, quick: bool) -> Vec<(&'static str, String)> {
    let calls = match plan.tracer {
        Some(tracer) => format!("counted by {}, in runs of their own", tracer.name()),
        None if quick => "not counted in a quick run".to_owned(),
        None => "not counted: neither perf nor strace works here".to_owned(),
    };
    let warm_up = plan.warm_up().as_secs_f64();
    vec![
        ("rounds", plan.rounds.to_string()),
        ("each run", format!("{:.3} s after {warm_up:.3} s", plan.measure.as_secs_f64())),
        ("files", crate::size::Size(plan.sizes.data).to_string()),
        ("seed", plan.seed.to_string()),
        ("system calls", calls),
        ("version", format!("aiofile {}{}", env!("CARGO_PKG_VERSION"), unoptimized())),
    ]
}

fn unoptimized() -> &'static str {
    if cfg!(debug_assertions) {
        ", built without optimization: the figures mean nothing"
    } else {
        ""
    }
}

fn report(args: &BenchArgs, results: &Results) -> Result<(), Failure> {
    let to_stdout = args.json.as_deref() == Some(Path::new("-"));
    if let Some(path) = &args.html {
        let page = html::page(results).map_err(|error| Failure::during("draw", error))?;
        save(path, page.as_bytes())?;
    }
    if let Some(path) = args.json.as_ref().filter(|_| !to_stdout) {
        save(path, format!("{:#}\n", results.json()).as_bytes())?;
    }
    if to_stdout {
        return output::print(format_args!("{:#}\n", results.json()));
    }
    output::print(table::render(results, args.details))
}

fn save(path: &Path, content: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, content).map_err(|error| Failure::during(path.display(), error))?;
    output::remark(format_args!("{} written", path.display()));
    Ok(())
}
