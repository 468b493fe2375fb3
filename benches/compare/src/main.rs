//! Compares aiofile with the other ways of doing file I/O from Rust: the same files, the same
//! offsets, the same run.
//!
//! The package stands outside the workspace, so that the peers' dependencies stay out of its lock
//! file; the harness is the crate `aiofile-bench`. `README.md` says what each row does and how it
//! is measured; `./run` is the one command that builds and runs everything.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use aiofile_bench::{
    Described, Filter, Interrupt, Machine, MemoryGroup, Participant, Plan, Result, Results,
    Scratch, Tracer, Work, date, participate, suite, table, version_of,
};
use clap::{Parser, Subcommand};
use nix::sys::signal::Signal::{SIGINT, SIGTERM};

mod participants;
mod targets;

/// Threads that tokio and the two-thread rows work on.
const WORKERS: usize = 2;

/// The plain rows that ours are shown beside.
const BASELINES: [&str; 7] =
    ["pread", "pread-2", "ring", "ring-2", "spawn_blocking", "fio:libaio", "cp"];

/// Compare aiofile with its peers and with plain system calls.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// A smoke run of less than a minute: small files, short runs, one round; its figures mean
    /// nothing
    #[arg(long)]
    quick: bool,
    /// Only cells and participants whose name holds one of these words; a word that fits no cell
    /// picks participants and the other way round; `=name` fits the whole name
    #[arg(long, value_delimiter = ',')]
    filter: Vec<String>,
    /// Runs of each participant on each cell
    #[arg(long)]
    rounds: Option<usize>,
    /// Where the scratch files are made; must be on a disk
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Write everything that was measured here
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the offsets begin: the same seed, the same work
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Milliseconds that count in a run
    #[arg(long)]
    measure_ms: Option<u64>,
    /// MiB of the file of the cells owned-ranges
    #[arg(long, value_parser = clap::value_parser!(u64).range(32..))]
    large_mib: Option<u64>,
    /// Do not count system calls
    #[arg(long)]
    no_calls: bool,
    /// The binary built with tokio's unstable io_uring
    #[arg(long)]
    second_binary: Option<PathBuf>,
    /// The command `aiofile`, for the copies
    #[arg(long)]
    command: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Role {
    /// Run one participant in this process (this is how the program starts itself)
    #[command(hide = true, name = aiofile_bench::COMMAND)]
    Participant { job: String },
    /// List the cells and the participants
    List,
    /// Print again what a run found
    Report {
        /// What `--json` wrote
        runs: PathBuf,
        /// As a section of Markdown
        #[arg(long)]
        markdown: bool,
    },
    /// Hold what a run found against what the engine is to reach; ends with 1 where it misses it
    Targets {
        /// What `--json` wrote
        runs: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.role {
        Some(Role::Participant { job }) => println!("{}", participate(&participants::all(), job)?),
        Some(Role::List) => list(),
        Some(Role::Report { runs, markdown: true }) => {
            let results = load(runs)?;
            let demands = targets::markdown(&targets::check(&results));
            print!("{}", table::markdown(&results, &BASELINES, &demands));
        }
        Some(Role::Report { runs, .. }) => print_text(&load(runs)?),
        Some(Role::Targets { runs }) => {
            let checked = targets::check(&load(runs)?);
            print!("{}", targets::text(&checked));
            if checked.iter().any(|one| one.verdict == targets::Verdict::Missed) {
                return Err("Something is missed.".into());
            }
        }
        None => compare(arguments)?,
    }
    Ok(())
}

fn list() {
    suite::comparison(false).iter().for_each(|cell| println!("cell         {}", cell.name));
    for participant in participants::all() {
        println!("participant  {:<18}{}", participant.name, participant.does);
    }
}

fn load(path: &Path) -> Result<Results> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    Results::from_json(&text)
        .map_err(|error| format!("{} is not a run's file: {error}", path.display()).into())
}

fn print_text(results: &Results) {
    print!("{}", table::text(results, true));
    println!("\nHow many times better we are than each; ** where we are behind\n");
    print!("{}", table::ratios(results, &BASELINES).text());
    let lost = table::lost(results);
    print!("\nCells that we lose\n\n{}", if lost.is_empty() { "None.\n" } else { &lost });
}

fn compare(arguments: &Arguments) -> Result<()> {
    let mut plan = plan(arguments)?;
    let interrupt = Interrupt::watch([SIGINT, SIGTERM])?;
    let machine = Machine::of(&arguments.dir)?;
    if machine.file_system.starts_with("tmpfs") {
        return Err(format!("{} is in memory; choose a disk with --dir", machine.path).into());
    }
    let scratch = Scratch::new(&arguments.dir)?;
    if !arguments.no_calls && !arguments.quick {
        plan.tracer = Tracer::find(scratch.path(), &interrupt);
        if plan.tracer.is_none() {
            println!("System calls are not counted: neither perf nor strace works here.");
        }
    }
    if let Some(cell) = plan.cells.iter().find(|cell| cell.memory_max > 0)
        && let Err(error) = MemoryGroup::new(cell.memory_max)
    {
        println!("Memory is not bounded, since no cgroup can be made: {error}.");
    }
    let cells = plan.run(&scratch, &interrupt);
    scratch.remove()?;
    let described = |one| Described::new(one, Ok(String::new()));
    let participants = plan.participants.iter().map(described).collect();
    let results = Results { machine, settings: settings(&plan), participants, cells: cells? };
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", results.json()?))?;
    }
    print_text(&results);
    Ok(())
}

fn plan(arguments: &Arguments) -> Result<Plan> {
    let (mut cells, mut participants) = (suite::comparison(arguments.quick), available(arguments));
    if let Some(mib) = arguments.large_mib {
        let large = cells.iter_mut().filter(|cell| cell.work == Work::OwnedRange);
        large.for_each(|cell| cell.size = mib << 20);
    }
    let filter = Filter::new(&arguments.filter, &cells, &participants)
        .map_err(|error| format!("{error}; see `compare list`"))?;
    cells.retain(|cell| filter.wants_cell(cell));
    participants.retain(|one| filter.wants(one));
    let milliseconds = if arguments.quick { (20, 50) } else { (300, 1500) };
    Ok(Plan {
        cells,
        participants,
        rounds: arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 5 }),
        measure: Duration::from_millis(arguments.measure_ms.unwrap_or(milliseconds.1)),
        warm_up: Some(Duration::from_millis(milliseconds.0)),
        seed: arguments.seed,
        workers: WORKERS,
        tracer: None,
        second_binary: arguments.second_binary.clone(),
        command: arguments.command.clone(),
    })
}

/// The participants that can run here; the others are named with the reason.
fn available(arguments: &Arguments) -> Vec<Participant> {
    let mut participants = participants::all();
    if version_of("fio") == "not installed" {
        println!("Skipped: fio is not installed.");
        participants.retain(|participant| !participant.name.starts_with("fio"));
    }
    if arguments.second_binary.is_none() {
        println!("Skipped: tokio-fs-uring, whose binary was not built (./run builds it).");
        participants.retain(|participant| !participant.in_second_binary);
    }
    participants
}

fn settings(plan: &Plan) -> std::collections::BTreeMap<String, String> {
    let (measure, warm_up) = (plan.measure.as_millis(), plan.warm_up().as_millis());
    let runs = format!("{} rounds of {measure} ms after {warm_up} ms", plan.rounds);
    let settings = [
        ("date", date()),
        ("compiler", version_of("rustc")),
        ("fio", version_of("fio")),
        ("cp", version_of("cp")),
        ("runs", format!("{runs}, seed {}", plan.seed)),
    ];
    settings.map(|(name, value)| (name.to_owned(), value)).into()
}
