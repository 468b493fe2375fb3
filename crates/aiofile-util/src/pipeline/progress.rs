//! How far the work has come.

use std::time::{Duration, Instant};

use super::outcome::OnError;

/// How far the work has come, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// How many files there are, where the paths tell that before they come.
    pub total: Option<u64>,
    /// How many files are done and told of.
    pub done: u64,
    /// How many files failed, whether told of or not.
    pub failed: u64,
    /// How many bytes the files that are done have, or were told as chunks.
    pub bytes: u64,
    /// The time since the stream was first polled.
    pub elapsed: Duration,
}

impl Progress {
    /// How many bytes a second it was so far.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "it is a rate")]
    pub fn bytes_per_second(&self) -> f64 {
        match self.elapsed {
            Duration::ZERO => 0.0,
            elapsed => self.bytes as f64 / elapsed.as_secs_f64(),
        }
    }
}

/// The same as it grows.
#[derive(Debug)]
pub(super) struct Counter {
    progress: Progress,
    begun: Option<Instant>,
}

impl Counter {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self { progress: Progress { total, ..Progress::default() }, begun: None }
    }

    /// Time begins with the first call.
    pub(super) fn begin(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
    }

    pub(super) fn done(&mut self) {
        self.progress.done += 1;
    }

    pub(super) fn add(&mut self, bytes: u64) {
        self.progress.bytes += bytes;
    }

    /// Counts an error. Whether it is to be told.
    pub(super) fn failed(&mut self, on_error: OnError) -> bool {
        self.progress.failed += 1;
        on_error != OnError::Skip
    }

    pub(super) fn progress(&self) -> Progress {
        let elapsed = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        Progress { elapsed, ..self.progress }
    }
}
