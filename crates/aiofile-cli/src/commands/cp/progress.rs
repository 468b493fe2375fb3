//! The progress bar, on a terminal.

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aiofile::fs::{CopyOptions, CopyPhase, CopyProgress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::CpArgs;

/// Shows how far a copy is where somebody looks, and notes when its verification began.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    verifying: Arc<Mutex<Option<Instant>>>,
}

impl Progress {
    pub(super) fn new(args: &CpArgs) -> Self {
        let verifying = Arc::default();
        if args.no_progress || args.quiet || !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), verifying };
        }
        let template = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        Self { bar: ProgressBar::no_length().with_style(style), verifying }
    }

    /// Has the copy report to this.
    pub(super) fn watch(&self, options: &mut CopyOptions) {
        let progress = self.clone();
        options.progress(move |now| progress.show(now));
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
