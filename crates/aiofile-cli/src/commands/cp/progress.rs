//! The progress line, on a terminal.

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aiofile::fs::{CopyDirProgress, CopyOptions, CopyPhase, CopyProgress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::CpArgs;
use crate::size::Size;

/// Shows how far a copy is where somebody looks, and notes when its verification began.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    verifies: bool,
    verifying: Arc<Mutex<Option<Instant>>>,
}

impl Progress {
    pub(super) fn new(args: &CpArgs) -> Self {
        let is_hidden = args.no_progress || args.quiet || !io::stderr().is_terminal();
        let bar = if is_hidden { ProgressBar::hidden() } else { ProgressBar::no_length() };
        Self { bar, verifies: args.verify, verifying: Arc::default() }
    }

    /// Has the copy of a file report to this, where that is to be told.
    pub(super) fn watch(&self, options: &mut CopyOptions) {
        if self.verifies || !self.bar.is_hidden() {
            self.style("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
            let progress = self.clone();
            options.progress(move |now| progress.show(now));
        }
    }

    /// Has the copy of a directory report to this, where that is to be told.
    pub(super) fn watch_tree(&self, options: &mut CopyOptions) {
        if !self.bar.is_hidden() {
            self.style("{spinner} {pos} files, {msg}, {per_sec}");
            let progress = self.clone();
            options.dir_progress(move |now| progress.show_tree(now));
        }
    }

    fn style(&self, template: &str) {
        self.bar.set_style(ProgressStyle::with_template(template).expect("the template is valid"));
    }

    fn show(&self, now: CopyProgress<'_>) {
        if now.phase == CopyPhase::Verifying {
            let mut verifying = self.verifying.lock().unwrap_or_else(PoisonError::into_inner);
            verifying.get_or_insert_with(|| {
                self.bar.reset();
                Instant::now()
            });
        }
        if let Some(total) = now.total {
            self.bar.set_length(total);
        }
        self.bar.set_position(now.bytes);
    }

    fn show_tree(&self, now: CopyDirProgress) {
        if now.is_all_found && self.bar.length().is_none() {
            self.style("{bar:40} {pos} of {len} files, {msg}, {eta} left");
            self.bar.set_length(now.found);
        }
        self.bar.set_message(Size(now.bytes).to_string());
        self.bar.set_position(now.files);
    }

    /// How long the verification took, if there was one.
    pub(super) fn verifying(&self) -> Option<Duration> {
        let verifying = self.verifying.lock().unwrap_or_else(PoisonError::into_inner);
        verifying.map(|began| began.elapsed())
    }

    /// Leaves the line empty.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
