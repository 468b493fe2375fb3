//! A bar of what is done, where somebody looks.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// Counts bytes or files.
#[derive(Debug, Clone)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Bytes, of so many where that is known.
    pub(super) fn bytes(is_quiet: bool, total: Option<u64>) -> Self {
        match total {
            Some(_) => Self::new(
                is_quiet,
                "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
                total,
            ),
            None => Self::new(is_quiet, "{spinner} {bytes}, {bytes_per_sec}", None),
        }
    }

    /// Files, of so many where that is known.
    pub(super) fn files(is_quiet: bool, total: Option<u64>) -> Self {
        match total {
            Some(_) => Self::new(is_quiet, "{bar:40} {pos} of {len} files, {eta} left", total),
            None => Self::new(is_quiet, "{spinner} {pos} files", None),
        }
    }

    fn new(is_quiet: bool, template: &str, total: Option<u64>) -> Self {
        if is_quiet || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template(template).expect("the template is valid");
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        Self(bar.with_style(style))
    }

    pub(super) fn add(&self, count: u64) {
        self.0.inc(count);
    }

    /// Prints in between, without disturbing the bar.
    pub(super) fn beside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }

    /// Leaves the line empty.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
