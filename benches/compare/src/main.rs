//! Compares aiofile with the other ways of doing file I/O from Rust: the same files, the same
//! offsets, the same run.
//!
//! The package stands outside the workspace, so that the peers' dependencies stay out of its lock
//! file. `README.md` says what each row does and how it is measured; `./run` is the one command
//! that builds and runs everything.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::participants::{Participant, fio};
use crate::results::Results;
use crate::runner::Plan;
use crate::scratch::Scratch;
use crate::stage::Result;
use crate::targets::Verdict;

mod buffer;
mod cell;
mod lane;
mod machine;
mod markdown;
mod measure;
mod participants;
mod report;
mod results;
mod runner;
mod scratch;
mod stage;
mod stats;
mod table;
mod targets;

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
    /// Write the raw runs here
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the offsets begin: the same seed, the same work
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Milliseconds that count in a run
    #[arg(long)]
    measure_ms: Option<u64>,
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
    #[command(hide = true)]
    Participant { name: String, job: String },
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
    let outcome = match &arguments.role {
        Some(Role::Participant { name, job }) => {
            runner::participate(name, job).map(|report| println!("{report}"))
        }
        Some(Role::List) => {
            list();
            Ok(())
        }
        Some(Role::Report { runs, markdown }) => Results::load(runs).map(|results| {
            let render = if *markdown { markdown::render } else { table::render };
            print!("{}", render(&results));
        }),
        Some(Role::Targets { runs }) => check(runs),
        None => compare(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    cell::all(false).iter().for_each(|cell| println!("cell         {}", cell.name));
    for participant in participants::all() {
        println!("participant  {:<18}{}", participant.name, participant.does);
    }
}

fn check(runs: &Path) -> Result<()> {
    let checked = targets::check(&Results::load(runs)?);
    print!("{}", targets::render(&checked));
    match checked.iter().any(|one| one.verdict == Verdict::Missed) {
        true => Err("Something is missed.".into()),
        false => Ok(()),
    }
}

fn compare(arguments: &Arguments) -> Result<()> {
    let plan = plan(arguments)?;
    let scratch = Scratch::new(&arguments.dir)?;
    let mut about = machine::about(&arguments.dir);
    about.push(("runs".to_owned(), plan.describe()));
    let entries = plan.run(&scratch)?;
    drop(scratch);
    let name = |one: &Participant| (one.name.to_owned(), one.does.to_owned());
    let participants = plan.participants.iter().map(name).collect();
    let results = Results { about, cells: plan.cells, participants, entries };
    if let Some(path) = &arguments.json {
        results.save(path)?;
    }
    print!("{}", table::render(&results));
    Ok(())
}

fn plan(arguments: &Arguments) -> Result<Plan> {
    let mut cells = cell::all(arguments.quick);
    let mut participants = available(arguments);
    choose(&mut cells, &arguments.filter, |cell| &cell.name);
    choose(&mut participants, &arguments.filter, |participant| participant.name);
    let fits_something = |word: &&String| {
        cells.iter().any(|cell| fits(word, &cell.name))
            || participants.iter().any(|participant| fits(word, participant.name))
    };
    if let Some(word) = arguments.filter.iter().find(|word| !fits_something(word)) {
        return Err(format!("{word} fits no cell and no participant; see `compare list`").into());
    }
    let has_strace = std::process::Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|out| out.status.success());
    if !has_strace && !arguments.no_calls {
        println!("System calls are not counted: strace is not installed.");
    }
    Ok(Plan {
        cells,
        participants,
        rounds: arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 5 }),
        seed: arguments.seed,
        warm_up_ms: if arguments.quick { 20 } else { 300 },
        measure_ms: arguments.measure_ms.unwrap_or(if arguments.quick { 50 } else { 1500 }),
        count_calls: has_strace && !arguments.no_calls && !arguments.quick,
        second_binary: arguments.second_binary.clone(),
        command: arguments.command.clone(),
    })
}

/// The participants that can run here; the others are named with the reason.
fn available(arguments: &Arguments) -> Vec<Participant> {
    let mut participants = participants::all();
    if !fio::is_installed() {
        println!("Skipped: fio is not installed.");
        participants.retain(|participant| !participant.name.starts_with("fio"));
    }
    if arguments.second_binary.is_none() {
        println!("Skipped: tokio-fs-uring, whose binary was not built (./run builds it).");
        participants.retain(|participant| !participant.in_second_binary);
    }
    participants
}

/// Keeps what the filter names, or everything where it names nothing of this kind.
fn choose<T>(all: &mut Vec<T>, filter: &[String], name: fn(&T) -> &str) {
    let named = |item: &T| filter.iter().any(|word| fits(word, name(item)));
    if all.iter().any(named) {
        all.retain(named);
    }
}

fn fits(word: &str, name: &str) -> bool {
    word.strip_prefix('=').map_or_else(|| name.contains(word), |whole| whole == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_one_kind_leaves_the_other_whole() {
        let mut names = vec!["direct-read", "write"];
        choose(&mut names, &["compio".to_owned()], |name| name);
        assert_eq!(names.len(), 2);
        choose(&mut names, &["direct".to_owned(), "compio".to_owned()], |name| name);
        assert_eq!(names, ["direct-read"]);
    }

    #[test]
    fn an_equals_sign_asks_for_the_whole_name() {
        assert!(fits("ring", "tokio-uring"));
        assert!(!fits("=ring", "tokio-uring"));
        assert!(fits("=ring", "ring"));
    }
}
