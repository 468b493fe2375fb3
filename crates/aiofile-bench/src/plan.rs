//! The runs: one process each, the participants of a cell in turns, each round beginning with
//! another one, so that what drifts on the machine drifts for all.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::Result;
use crate::cell::{Access, Cell, Tier, Work};
use crate::interrupt::Interrupt;
use crate::job::{Job, Report};
use crate::memory_group::MemoryGroup;
use crate::participant::{COMMAND, Class, Participant};
use crate::results::{Measured, Row};
use crate::scratch::{self, Scratch};
use crate::tracer::Tracer;

/// What a run costs beside its own time: the process, its runtime, the page cache.
const OVERHEAD: Duration = Duration::from_millis(45);

/// What counting system calls costs: two runs, slowed down.
const TRACE: Duration = Duration::from_millis(160);

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// The participants.
    pub participants: Vec<Participant>,
    /// Runs of each participant in each cell.
    pub rounds: usize,
    /// How long each run counts.
    pub measure: Duration,
    /// How long it does not count before; a quarter of `measure` unless set.
    pub warm_up: Option<Duration>,
    /// From which the work follows.
    pub seed: u64,
    /// Threads of a runtime that has several.
    pub workers: usize,
    /// Whether system calls are counted, and how.
    pub tracer: Option<Tracer>,
    /// The binary of the participants that live in a second one.
    pub second_binary: Option<PathBuf>,
    /// The command `aiofile`, for the copies.
    pub command: Option<PathBuf>,
}

impl Plan {
    /// Chooses the time of one run so that it keeps the whole within `total`, and is long enough to
    /// mean something.
    pub fn fit(&mut self, total: Duration) {
        let fixed = self.tracing() + self.filling();
        let each = total.saturating_sub(fixed) / u32::try_from(self.runs().max(1)).unwrap_or(1);
        let measure = each.saturating_sub(OVERHEAD).mul_f64(0.8);
        self.measure = measure.clamp(Duration::from_millis(50), Duration::from_secs(1));
    }

    /// How long it will take.
    pub fn estimate(&self) -> Duration {
        let each = self.measure + self.warm_up() + OVERHEAD;
        each * u32::try_from(self.runs()).unwrap_or(u32::MAX) + self.tracing() + self.filling()
    }

    /// How many runs there are, those not counted that count system calls.
    pub fn runs(&self) -> usize {
        self.cells.iter().map(|cell| self.taking(cell).count()).sum::<usize>() * self.rounds
    }

    /// The time of a run that does not count.
    pub fn warm_up(&self) -> Duration {
        self.warm_up.unwrap_or(self.measure / 4)
    }

    fn taking<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = &'a Participant> + 'a {
        self.participants.iter().filter(|one| (one.takes)(cell))
    }

    fn traces(&self) -> usize {
        let traced = self.cells.iter().filter(|cell| is_traced(cell));
        self.tracer.map_or(0, |_| traced.map(|cell| self.taking(cell).count()).sum())
    }

    fn tracing(&self) -> Duration {
        TRACE * u32::try_from(self.traces()).unwrap_or(u32::MAX)
    }

    fn filling(&self) -> Duration {
        let largest = self.cells.iter().map(|cell| cell.size).max().unwrap_or(0);
        Duration::from_secs_f64(largest as f64 / 200e6)
    }

    /// Runs everything.
    ///
    /// # Errors
    /// Where the scratch files cannot be made, and on an interruption. A participant that fails is
    /// a row that says so.
    pub fn run(&self, scratch: &Scratch, interrupt: &Interrupt) -> Result<Vec<Measured>> {
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {eta} left  {wide_msg}");
        let bar = ProgressBar::new((self.runs() + self.traces()) as u64)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let run = |cell| self.run_cell(cell, scratch, interrupt, &bar);
        let cells = self.cells.iter().map(run).collect();
        bar.finish_and_clear();
        cells
    }

    fn run_cell(
        &self,
        cell: &Cell,
        scratch: &Scratch,
        interrupt: &Interrupt,
        bar: &ProgressBar,
    ) -> Result<Measured> {
        bar.set_message(cell.title.clone());
        let taking: Vec<_> = self.taking(cell).collect();
        let mut rows: Vec<_> = taking.iter().map(|one| Row::new(one.name, one.class)).collect();
        let job = self.job(cell, scratch.path());
        scratch.provide(&job, interrupt)?;
        if let Some(refusal) = scratch::refusal(&job) {
            bar.inc((rows.len() * self.rounds) as u64);
            rows.iter_mut().for_each(|row| row.refuse(refusal.clone()));
            return Ok(Measured::new(cell, rows));
        }
        for round in 0..self.rounds {
            for turn in 0..rows.len() {
                let index = (turn + round) % rows.len();
                // What was refused at its first run is not tried again; what ran before may only
                // have stumbled.
                if !rows[index].cannot_run() {
                    Scratch::settle(&job)?;
                    rows[index].add(self.one_run(taking[index], &job, interrupt));
                }
                interrupt.check()?;
                bar.inc(1);
            }
        }
        if let Some(tracer) = self.tracer.filter(|_| is_traced(cell)) {
            for (row, participant) in rows.iter_mut().zip(taking) {
                if !row.cannot_run() {
                    Scratch::settle(&job)?;
                    let calls = tracer.calls_per_operation(self, participant, &job, interrupt);
                    row.calls_per_op = calls.ok();
                }
                interrupt.check()?;
                bar.inc(1);
            }
        }
        Ok(Measured::new(cell, rows))
    }

    /// How a participant describes itself: the report of its backend, where it works here. Found
    /// out by one durable append, which needs no file made before.
    ///
    /// # Errors
    /// Why it does not.
    pub fn describe(
        &self,
        participant: &Participant,
        scratch: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<String, String> {
        let cell = Cell::new(Work::DurableAppend, Access::Cached, 4096, 1);
        let job = self.job(&Cell { tier: Tier::Sweep, ..cell }, scratch.path()).counted(1);
        // What a backend cannot do by itself here shows in the cells.
        let class = if participant.class.is_ours() { Class::Ours } else { participant.class };
        let described = || -> Result<String> {
            scratch.provide(&job, interrupt)?;
            let participant = Participant { class, ..*participant };
            Ok(self.one_run(&participant, &job, interrupt)?.description)
        };
        described().map_err(|error| error.to_string())
    }

    fn job(&self, cell: &Cell, directory: &Path) -> Job {
        Job {
            participant: String::new(),
            cell: cell.clone(),
            directory: directory.to_owned(),
            seed: self.seed,
            workers: self.workers,
            warm_up_ms: self.warm_up().as_millis() as u64,
            measure_ms: self.measure.as_millis() as u64,
            operations: None,
            command: self.command.clone(),
            group: None,
        }
    }

    /// Runs one job in a process of its own, and sees to it that it was what it says.
    fn one_run(&self, one: &Participant, job: &Job, interrupt: &Interrupt) -> Result<Report> {
        // Where none can be made the run is not bounded, and says so.
        let group = match job.cell.memory_max {
            0 => None,
            bytes => MemoryGroup::new(bytes).ok(),
        };
        let job =
            &Job { group: group.as_ref().map(|group| group.path().to_owned()), ..job.clone() };
        let [program, arguments @ ..] = self.command_of(one, job)?;
        let output = interrupt.run(Command::new(program).args(arguments))?;
        let mut report = report_of(&output)?;
        if job.cell.memory_max > 0 {
            let bound = group.map_or(f64::INFINITY, |_| job.cell.memory_max as f64);
            report.note("bounded_to_mib", bound / f64::from(1 << 20));
        }
        one.accept(job, &report)?;
        Ok(report)
    }

    /// What a participant's process is started with.
    ///
    /// # Errors
    /// Where this program does not know where it is.
    pub(crate) fn command_of(&self, one: &Participant, job: &Job) -> Result<[OsString; 3]> {
        let program = match &self.second_binary {
            Some(program) if one.in_second_binary => program.clone(),
            _ => this_program()?,
        };
        let job = Job { participant: one.name.to_owned(), ..job.clone() };
        Ok([program.into(), COMMAND.into(), serde_json::to_string(&job)?.into()])
    }
}

/// This program, as its own processes and those of a tracer can start it: also when another file
/// has its name by now, or none has.
fn this_program() -> Result<PathBuf> {
    let running = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    Ok(if running.exists() { running } else { std::env::current_exe()? })
}

/// What costs system calls once and for all is not counted for each operation.
fn is_traced(cell: &Cell) -> bool {
    cell.is_headline() && cell.is_speed() && cell.compute_us == 0
}

/// What a participant's process answered.
///
/// # Errors
/// Its own words where it failed.
pub(crate) fn report_of(output: &Output) -> Result<Report> {
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.trim().trim_start_matches("aiofile: ");
        return Err(if words.is_empty() { output.status.to_string() } else { words.into() }.into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participants;
    use crate::sizes::Sizes;
    use crate::suite;

    #[test]
    fn the_time_of_a_run_follows_from_the_time_of_all() {
        let mut cells = suite::disk(false);
        Sizes::new(None, 1 << 40).unwrap().apply(&mut cells);
        let mut plan = Plan {
            cells,
            participants: participants::all(),
            rounds: 5,
            measure: Duration::ZERO,
            warm_up: None,
            seed: 1,
            workers: 2,
            tracer: Some(Tracer::Perf),
            second_binary: None,
            command: None,
        };
        plan.fit(Duration::from_secs(180));
        assert!(plan.estimate() <= Duration::from_secs(185), "{:?}", plan.estimate());
        assert!(plan.measure >= Duration::from_millis(50), "{:?}", plan.measure);
        plan.cells.truncate(1);
        plan.fit(Duration::from_secs(180));
        assert_eq!(plan.measure, Duration::from_secs(1));
    }
}
