//! The runs: one process each, the participants of a cell in turns, each round beginning with
//! another one, so that what drifts on the machine drifts for all.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::cell::{Access, Cell};
use super::interrupt::Interrupt;
use super::job::{Job, Report, Sizes};
use super::participant::{Participant, Result};
use super::results::{Measured, Row};
use super::scratch::{self, Scratch};
use super::tracer::Tracer;

/// The hidden command that a participant's process is started with.
pub(super) const PARTICIPANT_COMMAND: &str = "bench-participant";

/// What a run costs beside its own time: the process, its runtime, the page cache.
const OVERHEAD: Duration = Duration::from_millis(45);

/// What counting system calls costs: two runs, slowed down.
const TRACE: Duration = Duration::from_millis(160);

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The cells, in order.
    pub(super) cells: Vec<Cell>,
    /// Those who can take part here.
    pub(super) participants: Vec<Participant>,
    /// Runs of each participant in each cell.
    pub(super) rounds: usize,
    /// How long each one counts.
    pub(super) measure: Duration,
    /// The scratch files.
    pub(super) sizes: Sizes,
    /// From which the work follows.
    pub(super) seed: u64,
    /// Whether system calls are counted, and how.
    pub(super) tracer: Option<Tracer>,
}

impl Plan {
    /// The time of one run that keeps the whole within `total`, and is long enough to mean
    /// something.
    pub(super) fn fit(&mut self, total: Duration) {
        let fixed = self.tracing() + self.filling();
        let each = total.saturating_sub(fixed) / u32::try_from(self.runs().max(1)).unwrap_or(1);
        let measure = each.saturating_sub(OVERHEAD).mul_f64(0.8);
        self.measure = measure.clamp(Duration::from_millis(50), Duration::from_secs(1));
    }

    /// How long it will take.
    pub(super) fn estimate(&self) -> Duration {
        let each = self.measure + self.warm_up() + OVERHEAD;
        each * u32::try_from(self.runs()).unwrap_or(u32::MAX) + self.tracing() + self.filling()
    }

    /// How many runs there are.
    pub(super) fn runs(&self) -> usize {
        self.turns() * self.rounds
    }

    /// The time of a run that does not count.
    pub(super) fn warm_up(&self) -> Duration {
        self.measure / 4
    }

    /// The runs of one participant in one cell.
    pub(super) fn job(&self, cell: &Cell, participant: Participant, directory: &Path) -> Job {
        Job {
            participant,
            cell: cell.clone(),
            directory: directory.to_owned(),
            sizes: self.sizes,
            seed: self.seed,
            warm_up_ms: self.warm_up().as_millis() as u64,
            measure_ms: self.measure.as_millis() as u64,
            operations: None,
        }
    }

    fn turns(&self) -> usize {
        self.cells.iter().map(|cell| self.taking(cell).count()).sum()
    }

    fn taking<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = Participant> + 'a {
        self.participants.iter().copied().filter(|one| one.takes(cell).is_ok())
    }

    fn tracing(&self) -> Duration {
        let headlines = self.cells.iter().filter(|cell| cell.is_headline());
        let turns: usize = headlines.map(|cell| self.taking(cell).count()).sum();
        self.tracer.map_or(Duration::ZERO, |_| TRACE * u32::try_from(turns).unwrap_or(u32::MAX))
    }

    fn filling(&self) -> Duration {
        Duration::from_secs_f64(self.sizes.data as f64 / 200e6)
    }

    /// Runs everything.
    ///
    /// # Errors
    /// Where the scratch files cannot be made, and on an interruption. A participant that fails
    /// is a row that says so.
    pub(super) fn run(
        &self,
        directory: &Scratch,
        interrupt: &Interrupt,
        bar: &ProgressBar,
    ) -> Result<Vec<Measured>> {
        bar.set_length((self.runs() + self.traces()) as u64);
        self.cells.iter().map(|cell| self.run_cell(cell, directory, interrupt, bar)).collect()
    }

    fn traces(&self) -> usize {
        let headlines = self.cells.iter().filter(|cell| cell.is_headline());
        self.tracer.map_or(0, |_| headlines.map(|cell| self.taking(cell).count()).sum())
    }

    fn run_cell(
        &self,
        cell: &Cell,
        directory: &Scratch,
        interrupt: &Interrupt,
        bar: &ProgressBar,
    ) -> Result<Measured> {
        bar.set_message(cell.title());
        let mut rows: Vec<_> = self.taking(cell).map(Row::new).collect();
        let Some(first) = rows.first() else { return Ok(Measured::new(cell, rows)) };
        let job = self.job(cell, first.participant, directory.path());
        let mut refusal = scratch::too_small(cell, self.sizes);
        if refusal.is_none() {
            directory.provide(&job, interrupt)?;
            refusal = scratch::refusal(&job);
        }
        if let Some(refusal) = refusal {
            bar.inc((rows.len() * self.rounds) as u64);
            rows.iter_mut().for_each(|row| row.refuse(refusal.clone()));
            return Ok(Measured::new(cell, rows));
        }
        for round in 0..self.rounds {
            for turn in 0..rows.len() {
                let index = (turn + round) % rows.len();
                let row = &mut rows[index];
                let job = Job { participant: row.participant, ..job.clone() };
                Scratch::settle(&job)?;
                row.add(one_run(&job, interrupt));
                interrupt.check()?;
                bar.inc(1);
            }
        }
        if let Some(tracer) = self.tracer.filter(|_| cell.is_headline()) {
            for row in rows.iter_mut().filter(|row| row.refused.is_none()) {
                let job = Job { participant: row.participant, ..job.clone() };
                Scratch::settle(&job)?;
                row.calls_per_op = tracer.calls_per_operation(&job, interrupt).ok();
                interrupt.check()?;
            }
            bar.inc(rows.len() as u64);
        }
        Ok(Measured::new(cell, rows))
    }
}

/// How a participant describes itself: the report of its backend, where it works here.
///
/// # Errors
/// Why it does not.
pub(super) fn describe(
    plan: &Plan,
    participant: Participant,
    scratch: &Scratch,
    interrupt: &Interrupt,
) -> Result<String, String> {
    let cell = Cell::probe();
    let job = plan.job(&cell, participant.with_routes(), scratch.path());
    let job = Job { operations: Some(1), ..job };
    let described = || -> Result<String> {
        scratch.provide(&job, interrupt)?;
        Ok(one_run(&job, interrupt)?.description)
    };
    described().map_err(|error| error.to_string())
}

/// Runs one job in a process of its own, and sees to it that it was what it says.
fn one_run(job: &Job, interrupt: &Interrupt) -> Result<Report> {
    let mut command = participant_command(job)?.into_iter();
    let program = command.next().ok_or("no program")?;
    let output = interrupt.run(Command::new(program).args(command))?;
    let report = report_of(&output)?;
    accept(job, &report)?;
    Ok(report)
}

/// What a participant's process is started with.
///
/// # Errors
/// Where this program does not know where it is.
pub(super) fn participant_command(job: &Job) -> Result<[OsString; 3]> {
    let program = std::env::current_exe()?;
    Ok([program.into(), PARTICIPANT_COMMAND.into(), serde_json::to_string(job)?.into()])
}

/// What it answered.
///
/// # Errors
/// Its own words where it failed.
pub(super) fn report_of(output: &Output) -> Result<Report> {
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.trim().trim_start_matches("aiofile: ");
        return Err(if words.is_empty() { output.status.to_string() } else { words.into() }.into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Refuses a report that is not what its label says: another backend, operations that went other
/// ways, data that was not where it should have been.
///
/// # Errors
/// What is wrong.
pub(super) fn accept(job: &Job, report: &Report) -> Result<(), String> {
    let expected = job.participant.backend();
    if report.backend != expected {
        return Err(format!("ran on {:?}, not on {expected:?}", report.backend));
    }
    if let Some(routes) = report.routes.filter(|_| job.participant.is_alone())
        && routes.in_place + routes.pool > 0
    {
        let (other, all) = (routes.in_place + routes.pool, routes.backend);
        return Err(format!("{other} operations did not go to the backend, {all} did"));
    }
    let Some(device) = report.device_bytes.filter(|_| !job.cell.writes()) else { return Ok(()) };
    match job.cell.access {
        Access::Cold if device < report.bytes / 2 => Err(format!(
            "was not cold: {device} of {} bytes came from the device (not possible on this file \
             system?)",
            report.bytes
        )),
        Access::Cached if device > report.bytes / 10 => {
            Err(format!("was not cached: {device} of {} bytes came from the device", report.bytes))
        }
        _ => Ok(()),
    }
}

/// A bar on stderr, where that is a terminal.
pub(super) fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {eta} left  {wide_msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use aiofile::BackendKind;

    use super::*;
    use crate::commands::bench::cell;
    use crate::commands::bench::job::Routes;

    fn job(backend: BackendKind, alone: bool, access: Access) -> Job {
        let cell = cell::all(false).into_iter().find(|cell| cell.access == access).unwrap();
        Job { participant: Participant::Ours { backend, alone }, ..Job::for_tests(cell, 1) }
    }

    fn report(backend: &str) -> Report {
        Report { backend: backend.to_owned(), bytes: 1000, ..Report::default() }
    }

    #[test]
    fn a_row_whose_backend_is_not_its_label_is_refused() {
        let job = job(BackendKind::Uring, false, Access::Direct);
        assert_eq!(accept(&job, &report("uring")), Ok(()));
        let refusal = accept(&job, &report("thread")).unwrap_err();
        assert_eq!(refusal, "ran on \"thread\", not on \"uring\"");
    }

    #[test]
    fn a_backend_that_was_not_alone_is_refused() {
        let routes = Some(Routes { in_place: 3, backend: 7, pool: 1 });
        let report = Report { routes, ..report("uring") };
        assert_eq!(accept(&job(BackendKind::Uring, false, Access::Cached), &report), Ok(()));
        let refusal = accept(&job(BackendKind::Uring, true, Access::Cached), &report).unwrap_err();
        assert!(refusal.contains("4 operations did not go"), "{refusal}");
    }

    #[test]
    fn data_that_was_not_where_it_should_have_been_is_refused() {
        let check = |access, device_bytes| {
            let job = job(BackendKind::Thread, false, access);
            accept(&job, &Report { device_bytes, ..report("thread") })
        };
        assert_eq!(check(Access::Cold, Some(1000)), Ok(()));
        assert!(check(Access::Cold, Some(0)).unwrap_err().contains("not cold"));
        assert_eq!(check(Access::Cached, Some(0)), Ok(()));
        assert!(check(Access::Cached, Some(900)).unwrap_err().contains("not cached"));
        assert_eq!(check(Access::Cold, None), Ok(()));
        assert_eq!(check(Access::Direct, Some(1000)), Ok(()));
    }

    #[test]
    fn the_time_of_a_run_follows_from_the_time_of_all() {
        let mut plan = Plan {
            cells: cell::all(false),
            participants: Participant::all().collect(),
            rounds: 5,
            measure: Duration::ZERO,
            sizes: Sizes { data: 256 << 20, target: 64 << 20, log: 32 << 20, files: 4096 },
            seed: 1,
            tracer: Some(Tracer::Perf),
        };
        plan.fit(Duration::from_secs(180));
        assert!(plan.estimate() <= Duration::from_secs(185), "{:?}", plan.estimate());
        assert!(plan.measure >= Duration::from_millis(50), "{:?}", plan.measure);
        plan.cells.truncate(1);
        plan.fit(Duration::from_secs(180));
        assert_eq!(plan.measure, Duration::from_secs(1));
    }
}
