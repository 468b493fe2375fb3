//! Text for people: to stdout whole, to stderr one line.

use std::fmt::Display;
use std::io::{self, Write};

use crate::failure::Failure;

/// Writes to standard output, where a reader who has gone is no error.
///
/// # Errors
/// [`Failure::BrokenPipe`] or what the system answers.
pub(crate) fn print(text: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = write!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|error| Failure::of_stdout(&error))
}

/// Writes one line to standard error. Where that fails, there is no other place for it.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "aiofile: {text}");
}

/// Writes one line to standard error that is no complaint.
pub(crate) fn remark(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
