//! System calls for each operation, counted in short runs of their own by `perf` or `strace`,
//! whichever is installed and allowed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::cell::{Cell, Work};
use crate::interrupt::Interrupt;
use crate::job::{Job, Report};
use crate::participant::Participant;
use crate::plan::{self, Plan};

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracer {
    /// The kernel itself, asked through `perf stat`: exact, and hardly slower.
    Perf,
    /// `strace -f -c`: slower, so that more completions are collected at once than without it.
    Strace,
}

impl Tracer {
    /// The first that works here.
    pub fn find(directory: &Path, interrupt: &Interrupt) -> Option<Self> {
        [Self::Perf, Self::Strace].into_iter().find(|tracer| {
            let mut command = tracer.command(directory);
            command.arg("true");
            let counted = interrupt.run(&mut command).and_then(|_| tracer.count(directory));
            counted.is_ok_and(|calls| calls > 0)
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Perf => "perf",
            Self::Strace => "strace",
        }
    }

    /// System calls for each operation of this job: those of a run with a number of operations,
    /// less those of a run with none.
    ///
    /// # Errors
    /// Where a run fails or the counter did not count.
    pub(crate) fn calls_per_operation(
        self,
        plan: &Plan,
        participant: &Participant,
        job: &Job,
        interrupt: &Interrupt,
    ) -> Result<f64> {
        let run = |operations| -> Result<(u64, Report)> {
            let mut command = self.command(&job.directory);
            command.args(plan.command_of(participant, &job.counted(operations))?);
            let report = plan::report_of(&interrupt.run(&mut command)?)?;
            Ok((self.count(&job.directory)?, report))
        };
        let (without, _) = run(0)?;
        let (calls, report) = run(operations(&job.cell))?;
        if report.operations == 0 {
            return Err("no operation ended".into());
        }
        Ok(calls.saturating_sub(without) as f64 / report.operations as f64)
    }

    fn command(self, directory: &Path) -> Command {
        let mut command = Command::new(self.name());
        match self {
            Self::Perf => command.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o"]),
            Self::Strace => command.args(["-f", "-c", "-o"]),
        };
        command.arg(directory.join("calls"));
        if self == Self::Perf {
            command.arg("--");
        }
        command
    }

    fn count(self, directory: &Path) -> Result<u64> {
        let text = fs::read_to_string(directory.join("calls"))?;
        self.parse(&text).ok_or_else(|| "no number of system calls".into())
    }

    fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Perf => {
                let line = text.lines().find(|line| line.contains("sys_enter"))?;
                line.split(',').next()?.parse().ok()
            }
            Self::Strace => {
                let line = text.lines().rev().find(|line| line.trim_end().ends_with("total"))?;
                line.split_whitespace().nth(3)?.parse().ok()
            }
        }
    }
}

fn operations(cell: &Cell) -> u64 {
    match cell.work {
        Work::CopyTree => cell.size / cell.block as u64,
        _ if cell.is_copy() || cell.work == Work::Hash => 1,
        _ if cell.is_lines() || cell.is_walk() || cell.block > 64 << 10 => 2,
        Work::Ranges => 16,
        _ => 640,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_of_both_are_found() {
        let perf = "# started on Tue\n\n4711,,raw_syscalls:sys_enter,1234,100.00,,\n";
        assert_eq!(Tracer::Perf.parse(perf), Some(4711));
        assert_eq!(Tracer::Perf.parse("<not supported>,,raw_syscalls:sys_enter,0"), None);
        let strace = "% time     seconds  usecs/call     calls    errors syscall\n\
                      ------ ----------- ----------- --------- --------- ------\n\
                      100.00    0.000812           9        86         3 total\n";
        assert_eq!(Tracer::Strace.parse(strace), Some(86));
        assert_eq!(Tracer::Strace.parse(""), None);
    }
}
