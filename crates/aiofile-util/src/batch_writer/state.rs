//! What is queued, what has become of it, and what is to be done next: no I/O, no locks, no clock.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use caio::{Error, ErrorKind, Result};

use super::batch::{Batch, Outcome, Place};
use super::options::Settings;
use super::report::BatchReport;

/// What is to be done.
pub(super) enum Step {
    Write(Batch),
    /// Makes all batches before this one durable, which are written.
    Sync(u64),
    /// Nothing more will come.
    End,
}

/// When the next step is due.
pub(super) enum Due {
    Now(Step),
    At(Instant),
    /// When something is queued or wanted.
    Never,
}

pub(super) struct State {
    settings: Settings,
    /// The last one takes records.
    batches: VecDeque<Batch>,
    /// Memory of batches that were written.
    spare: Vec<Vec<u8>>,
    /// With those being written.
    queued_bytes: usize,
    /// The number of the next batch.
    next: u64,
    /// Batches before this one are written, or could not be.
    written: u64,
    /// Batches before this one are to be written, whatever their size and age.
    wanted: u64,
    /// Of the batches before this one, those that are written are durable.
    durable: u64,
    wanted_durable: u64,
    /// How long the present file is when all that is queued for it is written.
    file_bytes: u64,
    rotate_at: Option<Instant>,
    /// What has to change for the writing to be called; `None` while it goes on.
    waits: Option<Waits>,
    closing: bool,
    pub(super) ended: Option<Result<()>>,
    /// How many writes have failed.
    pub(super) failures: u64,
    pub(super) failure: Option<Error>,
    pub(super) sync_error: Option<Error>,
    pub(super) upkeep: Upkeep,
    pub(super) report: BatchReport,
}

/// What the writing waits for.
#[derive(PartialEq, Eq)]
enum Waits {
    ForRecords,
    ForTime,
}

/// Whether files that were put aside are being seen to.
#[derive(Default)]
pub(super) struct Upkeep {
    pub(super) runs: bool,
    /// Once more when that is over.
    pub(super) again: bool,
    /// The number of the last file that is not written to any more. A rotation that fails gives a
    /// number to a file that goes on being written.
    pub(super) last: u64,
    /// The first error.
    pub(super) error: Option<Error>,
}

impl State {
    /// For a file of so many bytes, which is rotated then at the latest.
    pub(super) fn new(settings: Settings, file_bytes: u64, rotate_at: Option<Instant>) -> Self {
        Self {
            settings,
            batches: VecDeque::new(),
            spare: Vec::new(),
            queued_bytes: 0,
            next: 0,
            written: 0,
            wanted: 0,
            durable: 0,
            wanted_durable: 0,
            file_bytes,
            rotate_at,
            waits: None,
            closing: false,
            ended: None,
            failures: 0,
            failure: None,
            sync_error: None,
            upkeep: Upkeep::default(),
            report: BatchReport::default(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.queued_bytes < self.settings.queue_bytes
    }

    /// Queues a record, for which there is room.
    pub(super) fn push(&mut self, record: &[u8]) -> Place {
        let rotates = self.rotates(record.len() as u64);
        let fits = |batch: &Batch| !rotates && !self.settings.is_full(batch);
        if !self.batches.back().is_some_and(fits) {
            let mut bytes = self.spare.pop().unwrap_or_default();
            bytes.clear();
            let (number, begun) = (self.next, Instant::now());
            let outcome = Outcome::default();
            self.batches.push_back(Batch { number, bytes, records: 0, rotates, begun, outcome });
            self.next += 1;
        }
        self.file_bytes += record.len() as u64;
        self.queued_bytes += record.len();
        let batch = self.batches.back_mut().expect("one was put there if there was none");
        batch.bytes.extend_from_slice(record);
        batch.records += 1;
        Place { number: batch.number, outcome: Arc::clone(&batch.outcome) }
    }

    /// The number of the batch that does not exist yet: all that is queued is before it.
    pub(super) fn end_of_queue(&self) -> u64 {
        self.next
    }

    /// Has the batches before this one written without delay, and made durable if that is wanted.
    pub(super) fn want(&mut self, until: u64, durable: bool) {
        self.wanted = self.wanted.max(until);
        if durable {
            self.wanted_durable = self.wanted_durable.max(until);
        }
    }

    pub(super) fn is_written(&self, until: u64) -> bool {
        self.written >= until
    }

    pub(super) fn is_durable(&self, until: u64) -> bool {
        self.durable >= until
    }

    /// Accepts nothing more.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing || self.ended.is_some()
    }

    /// Whether the writing has to be called, since it waits and there is something to do.
    pub(super) fn takes_call(&mut self) -> bool {
        let is_called = match self.waits {
            None => false,
            // For the first record a time has to be set.
            Some(Waits::ForRecords) => self.is_pressed() || !self.batches.is_empty(),
            Some(Waits::ForTime) => self.is_pressed(),
        };
        if is_called {
            self.waits = None;
        }
        is_called
    }

    /// What is to be done now, or when something is.
    pub(super) fn next(&mut self, now: Instant) -> Due {
        self.waits = None;
        if self.is_sync_due() {
            return Due::Now(Step::Sync(self.wanted_durable));
        }
        let due = self.batches.front().map(|first| first.begun.checked_add(self.settings.interval));
        let is_late = due.flatten().is_some_and(|due| due <= now);
        if (is_late || self.is_pressed())
            && let Some(batch) = self.batches.pop_front()
        {
            return Due::Now(Step::Write(batch));
        }
        if self.closing {
            return Due::Now(Step::End);
        }
        match due {
            Some(due) => {
                self.waits = Some(Waits::ForTime);
                // An interval beyond all time is none.
                due.map_or(Due::Never, Due::At)
            }
            None => {
                self.waits = Some(Waits::ForRecords);
                Due::Never
            }
        }
    }

    /// A batch is in the file, or none of it is.
    pub(super) fn wrote(&mut self, mut batch: Batch, result: Result<()>, file_bytes: u64) {
        let bytes = batch.bytes.len();
        match result {
            Ok(()) => {
                self.queued_bytes -= bytes;
                self.written = batch.number + 1;
                self.report.records += batch.records;
                self.report.bytes += bytes as u64;
                self.report.batches += 1;
                _ = batch.outcome.set(Ok(()));
                if self.settings.sync_batches {
                    self.want(batch.number + 1, true);
                }
                self.keep_spare(mem::take(&mut batch.bytes));
            }
            Err(error) => self.fail(Some(batch), error, file_bytes),
        }
    }

    /// Fails what is queued, too: nothing is written behind what is missing before that was told.
    pub(super) fn fail(&mut self, batch: Option<Batch>, error: Error, file_bytes: u64) {
        let batches: Vec<_> = batch.into_iter().chain(mem::take(&mut self.batches)).collect();
        let lost: u64 = batches.iter().map(|batch| batch.records).sum();
        let error = if lost > 0 { with_lost(error, lost) } else { error };
        for batch in batches {
            _ = batch.outcome.set(Err(error.clone()));
        }
        self.report.lost += lost;
        self.failures += 1;
        self.failure = Some(error);
        self.queued_bytes = 0;
        self.written = self.next;
        self.file_bytes = file_bytes;
    }

    /// What was written of the batches before this one is durable, or will never be known to be.
    pub(super) fn synced(&mut self, until: u64, result: Result<()>) {
        self.report.syncs += 1;
        match result {
            Ok(()) => self.durable = until,
            Err(error) => self.sync_error = Some(error),
        }
    }

    /// Another file was begun, or the former one goes on, which has so many bytes.
    pub(super) fn rotated(&mut self, result: Result<()>, file_bytes: u64) {
        match result {
            Ok(()) => self.report.rotations += 1,
            Err(error) => {
                self.file_bytes += file_bytes;
                self.upkeep.error.get_or_insert(error);
            }
        }
    }

    /// The error of who comes too late.
    pub(super) fn closed(&self) -> Error {
        match &self.ended {
            Some(Err(error)) => error.clone(),
            _ => Error::new(ErrorKind::Closed, "the writer is closed"),
        }
    }

    /// Whether another file begins with a record of this length.
    fn rotates(&mut self, length: u64) -> bool {
        let period = self.settings.rotate_after;
        let now = period.map(|_| Instant::now());
        let is_old = matches!((now, self.rotate_at), (Some(now), Some(at)) if now >= at);
        let is_large =
            |bytes: u64| self.file_bytes.checked_add(length).is_none_or(|sum| sum > bytes);
        let rotates =
            self.file_bytes > 0 && (is_old || self.settings.rotate_bytes.is_some_and(is_large));
        if rotates {
            self.file_bytes = 0;
        }
        if self.file_bytes == 0 {
            let at = now.zip(period).and_then(|(now, period)| now.checked_add(period));
            self.rotate_at = at;
        }
        rotates
    }

    /// Whether something is to be done that need not wait for a time.
    fn is_pressed(&self) -> bool {
        let first_is_due = self.batches.front().is_some_and(|first| {
            self.batches.len() > 1 || first.number < self.wanted || self.settings.is_full(first)
        });
        first_is_due || !self.has_room() || self.closing || self.is_sync_due()
    }

    /// Whether all that is to be durable is written. After a failure no sync is made any more.
    fn is_sync_due(&self) -> bool {
        let is_wanted = self.durable < self.wanted_durable && self.sync_error.is_none();
        is_wanted && self.written >= self.wanted_durable
    }

    /// Keeps as much memory for the next batches as a full queue needs.
    fn keep_spare(&mut self, bytes: Vec<u8>) {
        let kept: usize = self.spare.iter().map(Vec::capacity).sum();
        if kept.saturating_add(bytes.capacity()) <= self.settings.queue_bytes {
            self.spare.push(bytes);
        }
    }
}

/// Says what has become of what was queued, and how to go on.
fn with_lost(error: Error, lost: u64) -> Error {
    let hint = match lost {
        1 => "a record that was queued is not in the file: append it again".to_owned(),
        _ => format!("{lost} records that were queued are not in the file: append them again"),
    };
    let hint = match error.cure() {
        Some(cure) => format!("{cure}; {hint}"),
        None => hint,
    };
    error.hint(hint)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
