//! Runs the matrix: every run is a process of its own, and within a cell the participants take
//! turns, round after round, each round beginning with another one, so that what drifts on the
//! machine drifts for all.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Job, Work};
use crate::participants::{self, Participant};
use crate::report::Report;
use crate::scratch::Scratch;
use crate::stage::Result;

/// How the matrix is run.
pub struct Plan {
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// The participants, in order.
    pub participants: Vec<Participant>,
    /// Runs of each participant on each cell.
    pub rounds: usize,
    /// Where the offsets begin.
    pub seed: u64,
    /// Milliseconds of warm-up.
    pub warm_up_ms: u64,
    /// Milliseconds that count.
    pub measure_ms: u64,
    /// Whether system calls are counted, in runs of their own.
    pub count_calls: bool,
    /// The binary built with tokio's unstable io_uring, if there is one.
    pub second_binary: Option<PathBuf>,
    /// The command `aiofile`, if it was built.
    pub command: Option<PathBuf>,
}

/// All runs of one participant on one cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The cell.
    pub cell: String,
    /// The participant.
    pub participant: String,
    /// The runs that succeeded, in order.
    pub runs: Vec<Report>,
    /// Why the others did not.
    pub refusals: Vec<String>,
    /// System calls for each operation, where they could be counted.
    pub calls_per_op: Option<f64>,
}

impl Plan {
    /// Runs everything, and tells on stderr how far it is.
    pub fn run(&self, scratch: &Scratch) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for cell in &self.cells {
            scratch.provide(cell)?;
            entries.extend(self.run_cell(cell, scratch)?);
        }
        Ok(entries)
    }

    fn run_cell(&self, cell: &Cell, scratch: &Scratch) -> Result<Vec<Entry>> {
        let taking: Vec<&Participant> =
            self.participants.iter().filter(|one| (one.takes)(cell)).collect();
        let mut entries: Vec<Entry> = taking.iter().map(|one| Entry::new(cell, one)).collect();
        for round in 0..self.rounds {
            for turn in 0..taking.len() {
                let index = (turn + round) % taking.len();
                let (participant, entry) = (taking[index], &mut entries[index]);
                if entry.cannot_run() {
                    continue;
                }
                eprint!("\r\x1b[K{} round {} {}", cell.name, round + 1, participant.name);
                scratch.settle(cell)?;
                match self.one_run(participant, &self.job(cell, scratch)) {
                    Ok(report) => entry.runs.push(report),
                    Err(error) => {
                        eprintln!("\r\x1b[K{} {}: refused: {error}", cell.name, participant.name);
                        entry.refusals.push(error.to_string());
                    }
                }
            }
        }
        if self.count_calls && !cell.is_waiting() && cell.work != Work::Idle {
            for (participant, entry) in taking.iter().zip(&mut entries) {
                if entry.cannot_run() {
                    continue;
                }
                eprint!("\r\x1b[K{} system calls {}", cell.name, participant.name);
                entry.calls_per_op = self.calls_per_op(participant, &self.job(cell, scratch));
            }
        }
        eprint!("\r\x1b[K");
        Ok(entries)
    }

    /// How it is run, in words.
    pub fn describe(&self) -> String {
        format!(
            "{} rounds of {} ms after {} ms, seed {}",
            self.rounds, self.measure_ms, self.warm_up_ms, self.seed
        )
    }

    fn job(&self, cell: &Cell, scratch: &Scratch) -> Job {
        Job {
            cell: cell.clone(),
            directory: scratch.directory().to_owned(),
            seed: self.seed,
            warm_up_ms: self.warm_up_ms,
            measure_ms: self.measure_ms,
            command: self.command.clone(),
        }
    }

    fn program(&self, participant: &Participant) -> Result<PathBuf> {
        if participant.in_second_binary {
            return self.second_binary.clone().ok_or_else(|| "its binary was not built".into());
        }
        Ok(std::env::current_exe()?)
    }

    fn one_run(&self, participant: &Participant, job: &Job) -> Result<Report> {
        let mut command = Command::new(self.program(participant)?);
        answer_of(command.args(arguments(participant, job)?).output()?)
    }

    /// Two runs under strace, one of them without operations: the difference is what the operations
    /// cost. The tracer slows everything down, so more answers come at once than without it; none
    /// for what it cannot follow.
    fn calls_per_op(&self, participant: &Participant, job: &Job) -> Option<f64> {
        if participant.name.starts_with("fio") {
            return None;
        }
        let summary = job.directory.join("strace");
        let run = |measure_ms| {
            let job = Job { warm_up_ms: 0, measure_ms, ..job.clone() };
            self.traced(participant, &job, &summary).ok()
        };
        let (calls_without, _) = run(0)?;
        let (calls, operations) = run(200)?;
        (operations > 0).then(|| calls.saturating_sub(calls_without) as f64 / operations as f64)
    }

    fn traced(&self, participant: &Participant, job: &Job, summary: &Path) -> Result<(u64, u64)> {
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-o"]).arg(summary).arg(self.program(participant)?);
        let report = answer_of(command.args(arguments(participant, job)?).output()?)?;
        let text = std::fs::read_to_string(summary)?;
        let total = text.lines().rev().find(|line| line.trim_end().ends_with("total"));
        let calls = total.and_then(|line| line.split_whitespace().nth(3)).ok_or("no total")?;
        Ok((calls.parse()?, report.total_operations))
    }
}

fn arguments(participant: &Participant, job: &Job) -> Result<[String; 3]> {
    Ok(["participant".to_owned(), participant.name.to_owned(), serde_json::to_string(job)?])
}

fn answer_of(output: Output) -> Result<Report> {
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} ({})", words.trim(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The whole life of a participant's process: the job in, the report out.
pub fn participate(name: &str, job: &str) -> Result<String> {
    // Whoever started this process may be interrupted; a benchmark must not go on without anyone to
    // report to.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let everyone = participants::all();
    let participant = everyone.iter().find(|one| one.name == name).ok_or("no such participant")?;
    let job: Job = serde_json::from_str(job)?;
    Ok(serde_json::to_string(&participant.run(&job)?)?)
}

impl Entry {
    fn new(cell: &Cell, participant: &Participant) -> Entry {
        Entry {
            cell: cell.name.clone(),
            participant: participant.name.to_owned(),
            runs: Vec::new(),
            refusals: Vec::new(),
            calls_per_op: None,
        }
    }

    /// Why there is no figure, in one line.
    pub fn why_not(&self) -> String {
        let said = self.refusals.first().map_or("no run", String::as_str);
        said.lines().collect::<Vec<_>>().join("; ")
    }

    /// What was refused at its first run is not tried again; what ran before may only have
    /// stumbled.
    fn cannot_run(&self) -> bool {
        self.runs.is_empty() && !self.refusals.is_empty()
    }
}
