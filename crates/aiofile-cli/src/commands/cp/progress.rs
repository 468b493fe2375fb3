//! The progress bar, on a terminal.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::CpArgs;

/// Counts bytes, and shows them where somebody looks.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(args: &CpArgs, bytes: u64) -> Self {
        if args.no_progress || args.quiet || !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden() };
        }
        let template = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        Self { bar: ProgressBar::new(bytes).with_style(style) }
    }

    /// Starts again, with so many bytes ahead.
    pub(super) fn expect(&self, bytes: u64) {
        self.bar.reset();
        self.bar.set_length(bytes);
    }

    pub(super) fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Leaves the line empty.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
