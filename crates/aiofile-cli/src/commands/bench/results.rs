//! What was measured, and who won.

use serde::Serialize;
use serde_json::{Value, json};

use super::cell::Cell;
use super::histogram::Histogram;
use super::job::Report;
use super::machine::Machine;
use super::participant::{Participant, Result};
use super::statistics::Figure;

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct Results {
    /// Where it was measured.
    pub(super) machine: Machine,
    /// How: settings in the order in which they are shown.
    pub(super) settings: Vec<(&'static str, String)>,
    /// Those who were to take part, and how their backends describe themselves, or why they
    /// could not.
    pub(super) participants: Vec<(Participant, Result<String, String>)>,
    /// The cells.
    pub(super) cells: Vec<Measured>,
}

/// A cell with its rows.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// What was done.
    pub(super) cell: Cell,
    /// By whom.
    pub(super) rows: Vec<Row>,
}

/// The runs of one participant in one cell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// Who.
    pub(super) participant: Participant,
    /// The runs that were what they should be.
    pub(super) runs: Vec<Report>,
    /// Why there are none.
    pub(super) refused: Option<String>,
    /// System calls for each operation, where they were counted.
    pub(super) calls_per_op: Option<f64>,
    trouble: Option<String>,
}

/// Who won a cell, and how far we are from the best of the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    /// The fastest of all.
    pub(super) winner: Participant,
    /// Our fastest.
    pub(super) ours: Participant,
    /// The fastest of the others.
    pub(super) rival: Participant,
    /// Our best over theirs: below 1 we lose, and the rival is the winner.
    pub(super) ratio: f64,
}

impl Verdict {
    /// Whether we lose, by more than is shown as a tie.
    pub(super) fn is_loss(self) -> bool {
        self.ratio < 0.995
    }
}

impl Measured {
    /// A cell with these rows.
    pub(super) fn new(cell: &Cell, rows: Vec<Row>) -> Self {
        let mut rows = rows;
        rows.iter_mut().for_each(Row::settle);
        Self { cell: cell.clone(), rows }
    }

    /// The row of a participant.
    pub(super) fn row(&self, participant: Participant) -> Option<&Row> {
        self.rows.iter().find(|row| row.participant == participant)
    }

    /// Operations, or bytes, of a participant each second.
    pub(super) fn rate(&self, participant: Participant) -> Option<Figure> {
        self.row(participant)?.rate(&self.cell)
    }

    /// Who won; none where either we or all others have no figure. Backends without their routes
    /// do not compete: nobody uses them so.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let best = |ours: bool| {
            let rows = self
                .rows
                .iter()
                .filter(|row| row.participant.is_ours() == ours && !row.participant.is_alone());
            rows.filter_map(|row| Some((row.participant, row.rate(&self.cell)?.median)))
                .max_by(|left, right| left.1.total_cmp(&right.1))
        };
        let ((ours, our_rate), (rival, their_rate)) = (best(true)?, best(false)?);
        let winner = if our_rate >= their_rate { ours } else { rival };
        Some(Verdict { winner, ours, rival, ratio: our_rate / their_rate })
    }
}

impl Row {
    /// Without a run yet.
    pub(super) fn new(participant: Participant) -> Self {
        Self { participant, runs: Vec::new(), refused: None, calls_per_op: None, trouble: None }
    }

    /// Adds a run, or what came of it.
    pub(super) fn add(&mut self, run: Result<Report>) {
        match run {
            Ok(report) => self.runs.push(report),
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }

    /// No figure for this row.
    pub(super) fn refuse(&mut self, reason: String) {
        self.refused = Some(reason);
        self.runs.clear();
    }

    /// A row half of whose runs were not what they should be is no row.
    fn settle(&mut self) {
        if let Some(trouble) = self.trouble.take_if(|_| self.runs.len() < 2) {
            self.refuse(trouble);
        }
    }

    /// Operations, or bytes, each second.
    pub(super) fn rate(&self, cell: &Cell) -> Option<Figure> {
        let amount = |run: &Report| if cell.counts_bytes() { run.bytes } else { run.operations };
        self.figure(|run| amount(run) as f64 / run.seconds)
    }

    /// A figure over the runs.
    pub(super) fn figure(&self, of: impl Fn(&Report) -> f64) -> Option<Figure> {
        Figure::of(self.runs.iter().map(of))
    }

    /// The same for each operation.
    pub(super) fn per_op(&self, of: impl Fn(&Report) -> f64) -> Option<Figure> {
        self.figure(|run| of(run) / run.operations.max(1) as f64)
    }

    /// The latencies of all runs.
    pub(super) fn latencies(&self) -> Histogram {
        let mut all = Histogram::default();
        self.runs.iter().for_each(|run| all.merge(&run.latencies));
        all
    }

    fn json(&self, cell: &Cell) -> Value {
        let latencies = self.latencies();
        json!({
            "participant": self.participant,
            "backend": self.runs.first().map(|run| &run.backend),
            "refused": self.refused,
            "rate": self.rate(cell),
            "p50_us": latencies.percentile_us(0.5),
            "p99_us": latencies.percentile_us(0.99),
            "p999_us": latencies.percentile_us(0.999),
            "user_us_per_op": self.per_op(|run| run.user_us),
            "system_us_per_op": self.per_op(|run| run.system_us),
            "switches_per_op": self.per_op(|run| run.switches),
            "calls_per_op": self.calls_per_op,
            "peak_kib": self.figure(|run| run.peak_kib as f64),
            "runs": self.runs.iter().map(run_json).collect::<Vec<_>>(),
        })
    }
}

fn run_json(run: &Report) -> Value {
    json!({
        "operations": run.operations,
        "bytes": run.bytes,
        "seconds": run.seconds,
        "user_us": run.user_us,
        "system_us": run.system_us,
        "switches": run.switches,
        "peak_kib": run.peak_kib,
        "device_bytes": run.device_bytes,
        "routes": run.routes,
    })
}

impl Results {
    /// The same for machines. The keys are part of the interface.
    pub(super) fn json(&self) -> Value {
        let settings: serde_json::Map<_, _> =
            self.settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let participants = self.participants.iter().map(|(participant, description)| {
            json!({
                "name": participant,
                "what": participant.explanation(),
                "description": description.as_ref().ok(),
                "refused": description.as_ref().err(),
            })
        });
        json!({
            "machine": self.machine,
            "settings": settings,
            "participants": participants.collect::<Vec<_>>(),
            "cells": self.cells.iter().map(Measured::json).collect::<Vec<_>>(),
        })
    }
}

impl Measured {
    fn json(&self) -> Value {
        let verdict = self.verdict();
        json!({
            "name": self.cell.name(),
            "title": self.cell.title(),
            "unit": if self.cell.counts_bytes() { "bytes/s" } else { "operations/s" },
            "block": self.cell.block,
            "in_flight": self.cell.in_flight,
            "winner": verdict.map(|verdict| verdict.winner),
            "our_best": verdict.map(|verdict| verdict.ours),
            "best_other": verdict.map(|verdict| verdict.rival),
            "ratio": verdict.map(|verdict| verdict.ratio),
            "rows": self.rows.iter().map(|row| row.json(&self.cell)).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::commands::bench::cell;

    /// A cell in which these did so many operations a second.
    pub(crate) fn measured(cell: &Cell, rates: &[(&str, &[u64])]) -> Measured {
        let row = |&(name, rates): &(&str, &[u64])| {
            let mut row = Row::new(name.parse().unwrap());
            for operations in rates {
                let mut report = Report { operations: *operations, ..Report::default() };
                (report.seconds, report.bytes) = (1.0, operations * cell.block as u64);
                report.backend = row.participant.backend().to_owned();
                (0..2000).for_each(|_| report.latencies.record(1_000_000_000 / operations));
                row.add(Ok(report));
            }
            row
        };
        Measured::new(cell, rates.iter().map(row).collect())
    }

    #[test]
    fn our_best_is_compared_with_the_best_of_the_others() {
        let cell = cell::all(true).remove(0);
        let measured = measured(
            &cell,
            &[
                ("uring", &[100, 900, 200]),
                ("thread", &[150]),
                ("pread", &[400]),
                ("tokio-fs", &[50]),
                ("rust-alone", &[9000]),
            ],
        );
        let verdict = measured.verdict().unwrap();
        assert_eq!(verdict.winner, Participant::Threads);
        assert_eq!(verdict.ours.to_string(), "uring");
        assert!((verdict.ratio - 0.5).abs() < 1e-9 && verdict.is_loss());
    }

    #[test]
    fn without_the_others_there_is_no_verdict() {
        let cell = cell::all(true).remove(0);
        assert_eq!(measured(&cell, &[("uring", &[1])]).verdict(), None);
    }

    #[test]
    fn a_run_that_failed_is_left_out_and_a_row_of_them_is_refused() {
        let cell = cell::all(true).remove(0);
        let mut row = Row::new(Participant::Threads);
        row.add(Err("ran on \"x\"".into()));
        let refused = Measured::new(&cell, vec![row.clone()]);
        assert_eq!(refused.rows[0].refused.as_deref(), Some("ran on \"x\""));
        assert_eq!(refused.rate(Participant::Threads), None);
        let run = || Ok(Report { operations: 1, seconds: 1.0, ..Report::default() });
        row.add(run());
        row.add(run());
        assert!(Measured::new(&cell, vec![row]).rate(Participant::Threads).is_some());
    }
}
