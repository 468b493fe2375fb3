//! `aiofile bench`: our backends against plain system calls and `tokio::fs`, on the user's own
//! disk.
//!
//! Not the comparison with other libraries, which needs them all as dependencies: that is
//! `benches/compare`, on the same harness.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use aiofile_bench::{
    Described, Filter, Interrupt, Machine, Participant, Plan, Results, Scratch, Sizes, Tracer,
    html, participants, suite, table,
};
use caio::Choice;
use nix::sys::resource::{Resource, getrlimit};

use crate::args::{BenchArgs, BenchParticipantArgs};
use crate::failure::Failure;
use crate::output;
use crate::signals;
use crate::size::Size;
use crate::streams;

/// What all of it takes unless `--seconds` says otherwise.
const TOTAL: Duration = Duration::from_secs(170);
const TOTAL_QUICK: Duration = Duration::from_secs(20);

/// Runs the benchmark.
///
/// # Errors
/// For options that do not fit, where the directory is no good, and on a signal.
pub(super) fn run(backend: Option<Choice>, args: &BenchArgs) -> Result<(), Failure> {
    let (plan, wanted) = plan(backend.as_ref(), args)?;
    refuse_few_descriptors()?;
    let reports = Reports::open(args)?;
    let interrupt = Interrupt::watch(signals::ending())
        .map_err(|error| Failure::during("wait for signals", error))?;
    let on_path = |error| Failure::during(args.path.display(), error);
    let machine = Machine::of(&args.path).map_err(on_path)?;
    let scratch = Scratch::new(&args.path).map_err(on_path)?;
    let measured = measure(args, plan, &wanted, machine, &scratch, &interrupt);
    let removed = scratch.remove();
    if let Some(signal) = interrupt.signal() {
        return Err(Failure::Interrupted(signal));
    }
    let results = measured?;
    removed.map_err(|error| Failure::during("remove the scratch files", error))?;
    reports.write(args, &results)?;
    match measured_nothing(&wanted, &results) {
        true => Err(Failure::Failed("no backend of ours could be measured here".to_owned())),
        false => Ok(()),
    }
}

/// Some rows have 64 files open at once, beside what a backend and its runtime take.
const DESCRIPTORS: u64 = 256;

/// With too few descriptors most rows would be refused, each after its time.
fn refuse_few_descriptors() -> Result<(), Failure> {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((few, _)) if few < DESCRIPTORS => Err(Failure::Failed(format!(
            "this process may open {few} files, and a comparison needs {DESCRIPTORS} (raise \
             `ulimit -n`)"
        ))),
        _ => Ok(()),
    }
}

/// Whether none of our backends gave a figure, though one was asked for; else whether nobody did.
fn measured_nothing(wanted: &[Participant], results: &Results) -> bool {
    let ours: Vec<_> = wanted.iter().filter(|one| one.class.is_ours()).collect();
    let counts = |name: &str| ours.is_empty() || ours.iter().any(|one| one.name == name);
    let mut rows = results.cells.iter().flat_map(|cell| &cell.rows);
    !rows.any(|row| counts(&row.participant) && !row.runs.is_empty())
}

/// What a participant's process does.
///
/// # Errors
/// What went wrong, in one line for the row.
pub(super) fn participate(args: &BenchParticipantArgs) -> Result<(), Failure> {
    let report = aiofile_bench::participate(&participants::all(), &args.job);
    output::print(report.map_err(|error| Failure::Failed(error.to_string()))?)
}

/// What is to be run, without its times and sizes, and who is asked whether it works here.
fn plan(backend: Option<&Choice>, args: &BenchArgs) -> Result<(Plan, Vec<Participant>), Failure> {
    let (mut cells, mut all) = (suite::disk(args.quick), participants::all());
    // A whole name picks that participant alone, not `uring-alone` with `uring`.
    let whole = |word: &String| match all.iter().any(|one| one.name == word) {
        true => format!("={word}"),
        false => word.clone(),
    };
    let words: Vec<_> = args.only.iter().map(whole).collect();
    let filter = Filter::new(&words, &cells, &all)
        .map_err(|error| Failure::Usage(format!("--only {error}")))?;
    cells.retain(|cell| filter.wants_cell(cell));
    all.retain(|one| filter.wants(one) && is_asked_for(one, backend));
    all.retain(|one| !args.quick || !one.class.is_aside());
    let plan = Plan {
        cells,
        participants: Vec::new(),
        rounds: args.rounds.map_or(if args.quick { 2 } else { 5 }, usize::from),
        measure: Duration::ZERO,
        warm_up: None,
        seed: args.seed,
        workers: thread::available_parallelism().map_or(1, usize::from),
        tracer: None,
        second_binary: None,
        command: None,
    };
    Ok((plan, all))
}

/// Whether `--backend` leaves this one in; the others always are.
fn is_asked_for(participant: &Participant, choice: Option<&Choice>) -> bool {
    let Some(choice) = choice.filter(|_| participant.class.is_ours()) else { return true };
    choice.candidates().iter().any(|backend| backend.name() == participant.backend)
}

fn measure(
    args: &BenchArgs,
    mut plan: Plan,
    wanted: &[Participant],
    machine: Machine,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<Results, Failure> {
    let sizes = Sizes::new(args.size.map(|size| size.0), machine.free).map_err(Failure::Usage)?;
    sizes.apply(&mut plan.cells);
    if !args.quick {
        plan.tracer = Tracer::find(scratch.path(), interrupt);
    }
    let mut described = Vec::new();
    for participant in wanted {
        let description = plan.describe(participant, scratch, interrupt);
        plan.participants.extend(description.is_ok().then_some(*participant));
        described.push(Described::new(participant, description));
    }
    match args.seconds {
        Some(seconds) => plan.measure = seconds,
        None => plan.fit(if args.quick { TOTAL_QUICK } else { TOTAL }),
    }
    output::remark(format_args!("{}", estimate(&plan, args.path.as_path())));
    let cells = plan.run(scratch, interrupt);
    let cells = cells.map_err(|error| Failure::Failed(error.to_string()))?;
    let settings = settings(&plan, sizes, args.quick);
    Ok(Results { machine, settings, participants: described, cells })
}

fn estimate(plan: &Plan, path: &Path) -> String {
    let seconds = plan.estimate().as_secs_f64().ceil();
    let (runs, each) = (plan.runs(), plan.measure.as_secs_f64());
    format!("{runs} runs of {each:.2} s below {}: about {seconds} s", path.display())
}

fn settings(plan: &Plan, sizes: Sizes, quick: bool) -> BTreeMap<String, String> {
    let calls = match plan.tracer {
        Some(tracer) => format!("counted by {}, in runs of their own", tracer.name()),
        None if quick => "not counted in a quick run".to_owned(),
        None => "not counted: neither perf nor strace works here".to_owned(),
    };
    let warm_up = plan.warm_up().as_secs_f64();
    let settings = [
        ("rounds", plan.rounds.to_string()),
        ("each run", format!("{:.3} s after {warm_up:.3} s", plan.measure.as_secs_f64())),
        ("files", Size(sizes.data).to_string()),
        ("seed", plan.seed.to_string()),
        ("system calls", calls),
        ("version", format!("aiofile {}{}", env!("CARGO_PKG_VERSION"), unoptimized())),
    ];
    settings.map(|(name, value)| (name.to_owned(), value)).into()
}

fn unoptimized() -> &'static str {
    if cfg!(debug_assertions) {
        ", built without optimization: the figures mean nothing"
    } else {
        ""
    }
}

/// The files that the reports go to, open before anything is measured.
struct Reports {
    html: Option<File>,
    json: Option<File>,
}

impl Reports {
    /// Opens them. What is in them stays until there is something to write.
    ///
    /// # Errors
    /// Where a report could not be written in the end, as far as that can be known.
    fn open(args: &BenchArgs) -> Result<Self, Failure> {
        if json_to_stdout(args) || args.json.is_none() {
            streams::check(std::io::stdout()).map_err(|error| Failure::of_stdout(&error))?;
        }
        let open = |path: &PathBuf| {
            let file = File::options().write(true).create(true).truncate(false).open(path);
            file.map_err(|error| Failure::during(format_args!("open {}", path.display()), error))
        };
        let json = args.json.as_ref().filter(|_| !json_to_stdout(args));
        Ok(Self {
            html: args.html.as_ref().map(open).transpose()?,
            json: json.map(open).transpose()?,
        })
    }

    /// The table comes first: it is there whatever becomes of the files.
    fn write(self, args: &BenchArgs, results: &Results) -> Result<(), Failure> {
        let json = match &args.json {
            Some(_) => Some(results.json().map_err(|error| Failure::during("write JSON", error))?),
            None => None,
        };
        let json = json.map(|json| format!("{json:#}\n"));
        match &json {
            Some(json) if json_to_stdout(args) => output::print(json)?,
            _ => output::print(table::text(results, args.details))?,
        }
        if let (Some(file), Some(path)) = (self.html, &args.html) {
            save(file, path, html::page(results).as_bytes())?;
        }
        if let (Some(file), Some(path), Some(json)) = (self.json, &args.json, &json) {
            save(file, path, json.as_bytes())?;
        }
        Ok(())
    }
}

fn json_to_stdout(args: &BenchArgs) -> bool {
    args.json.as_deref() == Some(Path::new("-"))
}

fn save(mut file: File, path: &Path, content: &[u8]) -> Result<(), Failure> {
    let is_regular = file.metadata().is_ok_and(|found| found.is_file());
    let written = if is_regular { file.set_len(0) } else { Ok(()) };
    let written = written.and_then(|()| file.write_all(content));
    written.map_err(|error| Failure::during(format_args!("write {}", path.display()), error))?;
    output::remark(format_args!("{} written", path.display()));
    Ok(())
}
