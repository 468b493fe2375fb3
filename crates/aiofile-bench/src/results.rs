//! What was measured, and which participant won.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Result;
use crate::cell::Cell;
use crate::figure::Figure;
use crate::job::Report;
use crate::latencies::Latencies;
use crate::machine::Machine;
use crate::participant::{Class, Participant};

/// Everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// Where it was measured.
    pub machine: Machine,
    /// How: names and values.
    pub settings: BTreeMap<String, String>,
    /// The participants that were asked for.
    pub participants: Vec<Described>,
    /// The cells.
    pub cells: Vec<Measured>,
}

/// A participant, and how its backend describes itself or why it could not take part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Described {
    /// The label.
    pub name: String,
    /// What it is compared with.
    pub class: Class,
    /// What it does.
    pub what: String,
    /// In the words of its backend.
    pub description: Option<String>,
    /// Why it did not take part.
    pub refused: Option<String>,
}

/// A cell with its rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// What was done.
    #[serde(flatten)]
    pub cell: Cell,
    /// By which participants.
    pub rows: Vec<Row>,
}

/// The runs of one participant in one cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The name of the participant.
    pub participant: String,
    /// What it is compared with.
    pub class: Class,
    /// The runs that were what they should be.
    pub runs: Vec<Report>,
    /// Why there are none.
    pub refused: Option<String>,
    /// System calls for each operation, where they were counted.
    pub calls_per_op: Option<f64>,
    /// Latency in microseconds that half of the operations of all runs did not exceed.
    pub p50_us: Option<f64>,
    /// The same for 99 of 100.
    pub p99_us: Option<f64>,
    /// The same for 999 of 1000.
    pub p999_us: Option<f64>,
    #[serde(skip)]
    trouble: Option<String>,
}

/// Which participant won a cell, and how far we are from the best of the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict<'a> {
    /// The best of all.
    pub winner: &'a str,
    /// Our best.
    pub ours: &'a str,
    /// The best of the others.
    pub rival: &'a str,
    /// How many times better our best is: below 1 we lose, and the rival is the winner.
    pub ratio: f64,
}

impl Verdict<'_> {
    /// Whether we lose, by more than is shown as a tie.
    pub fn is_loss(self) -> bool {
        self.ratio < 0.995
    }
}

impl Described {
    /// What a participant is, with its description or why it could not take part.
    pub fn new(participant: &Participant, description: Result<String, String>) -> Self {
        let (description, refused) = match description {
            Ok(words) => (Some(words), None),
            Err(reason) => (None, Some(reason)),
        };
        let (name, what) = (participant.name.to_owned(), participant.does.to_owned());
        Self { name, class: participant.class, what, description, refused }
    }
}

impl Measured {
    /// A cell with these rows.
    pub fn new(cell: &Cell, rows: Vec<Row>) -> Self {
        let mut rows = rows;
        rows.iter_mut().for_each(Row::settle);
        Self { cell: cell.clone(), rows }
    }

    /// The row of a participant.
    pub fn row(&self, participant: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.participant == participant)
    }

    /// The figure of a participant.
    pub fn figure(&self, participant: &str) -> Option<Figure> {
        self.row(participant)?.figure(&self.cell)
    }

    /// The best of those rows that pass, and its median.
    pub fn best(&self, passes: impl Fn(&Row) -> bool) -> Option<(&str, f64)> {
        let figure = |row: &Row| Some(row.figure(&self.cell)?.median);
        let rows = self.rows.iter().filter(|row| passes(row));
        rows.filter_map(|row| Some((row.participant.as_str(), figure(row)?))).reduce(
            |best, next| {
                if self.cell.measure.ratio(next.1, best.1) > 1.0 { next } else { best }
            },
        )
    }

    /// The rows, the best first and those without a figure last.
    pub fn ranked(&self) -> Vec<&Row> {
        let less_is_better = self.cell.measure.less_is_better();
        let rank = |row: &&Row| match row.figure(&self.cell) {
            None => f64::INFINITY,
            Some(figure) if less_is_better => figure.median,
            Some(figure) => -figure.median,
        };
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by(|left, right| rank(left).total_cmp(&rank(right)));
        rows
    }

    /// Which participant won; none where either we or all others have no figure.
    pub fn verdict(&self) -> Option<Verdict<'_>> {
        let (ours, our_figure) = self.best(|row| row.class == Class::Ours)?;
        let (rival, their_figure) = self.best(|row| row.class.is_rival())?;
        let ratio = self.cell.measure.ratio(our_figure, their_figure);
        let winner = if ratio >= 1.0 { ours } else { rival };
        Some(Verdict { winner, ours, rival, ratio })
    }

    fn add_figures(&self, value: &mut Value) {
        let verdict = self.verdict();
        value["unit"] = json!(self.cell.measure.unit());
        value["winner"] = json!(verdict.map(|verdict| verdict.winner));
        value["our_best"] = json!(verdict.map(|verdict| verdict.ours));
        value["best_other"] = json!(verdict.map(|verdict| verdict.rival));
        value["ratio"] = json!(verdict.map(|verdict| verdict.ratio));
        for (index, row) in self.rows.iter().enumerate() {
            let value = &mut value["rows"][index];
            value["backend"] = json!(row.runs.first().map(|run| &run.backend));
            value["rate"] = json!(row.figure(&self.cell));
            value["user_us_per_op"] = json!(row.per_op(|run| run.user_us));
            value["system_us_per_op"] = json!(row.per_op(|run| run.system_us));
            value["switches_per_op"] = json!(row.per_op(|run| run.switches));
            value["peak_kib"] = json!(row.over_runs(|run| Some(run.peak_kib as f64)));
        }
    }
}

impl Row {
    /// Without a run yet.
    pub fn new(participant: &str, class: Class) -> Self {
        Self {
            participant: participant.to_owned(),
            class,
            runs: Vec::new(),
            refused: None,
            calls_per_op: None,
            p50_us: None,
            p99_us: None,
            p999_us: None,
            trouble: None,
        }
    }

    /// Adds a run, or what came of it.
    pub fn add(&mut self, run: Result<Report>) {
        match run {
            Ok(report) => self.runs.push(report),
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }

    /// No figure for this row.
    pub fn refuse(&mut self, reason: String) {
        self.refused = Some(reason);
        self.runs.clear();
    }

    /// Whether its first run failed.
    pub(crate) fn cannot_run(&self) -> bool {
        self.runs.is_empty() && (self.trouble.is_some() || self.refused.is_some())
    }

    /// A row half of whose runs were not what they should be is no row. Percentiles are those of
    /// all runs together.
    fn settle(&mut self) {
        if let Some(trouble) = self.trouble.take_if(|_| self.runs.len() < 2) {
            self.refuse(trouble);
        }
        let mut all = Latencies::default();
        for run in &mut self.runs {
            all.merge(&std::mem::take(&mut run.latencies));
        }
        let percentile = |share, of: fn(&Report) -> Option<f64>| match all.is_empty() {
            false => all.percentile_us(share),
            // Of a program that tells percentiles and not what they come from.
            true => Figure::of(self.runs.iter().filter_map(of)).map(|figure| figure.median),
        };
        self.p50_us = percentile(0.5, |run| run.p50_us);
        self.p99_us = percentile(0.99, |run| run.p99_us);
        self.p999_us = percentile(0.999, |run| run.p999_us);
    }

    /// The figure of its cell.
    pub fn figure(&self, cell: &Cell) -> Option<Figure> {
        self.over_runs(|run| cell.measure.figure(run))
    }

    /// Something over the runs.
    pub fn over_runs(&self, of: impl Fn(&Report) -> Option<f64>) -> Option<Figure> {
        Figure::of(self.runs.iter().filter_map(of))
    }

    /// The same for each operation.
    pub fn per_op(&self, of: impl Fn(&Report) -> f64) -> Option<Figure> {
        self.over_runs(|run| Some(of(run) / run.operations.max(1) as f64))
    }

    /// Processor time for each operation, in microseconds.
    pub fn processor_us(&self) -> Option<f64> {
        Some(self.per_op(|run| run.user_us + run.system_us)?.median)
    }
}

impl Results {
    /// The cell of this name.
    pub fn cell(&self, name: &str) -> Option<&Measured> {
        self.cells.iter().find(|measured| measured.cell.name == name)
    }

    /// The same for machines, with the figures that follow. The keys are part of the interface.
    ///
    /// # Errors
    /// Where something cannot be written as JSON.
    pub fn json(&self) -> Result<Value> {
        let mut value = serde_json::to_value(self)?;
        for (index, measured) in self.cells.iter().enumerate() {
            measured.add_figures(&mut value["cells"][index]);
        }
        Ok(value)
    }

    /// What [`json`](Self::json) gave.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
pub(crate) mod tests;
