//! Text for people: to stdout whole, to stderr one line.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use crate::failure::Failure;
use crate::streams;

/// Writes to standard output, where a reader who has gone is no error.
///
/// # Errors
/// [`Failure::BrokenPipe`] or what the system answers.
pub(crate) fn print(text: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = streams::check(&stdout)
        .and_then(|()| write!(stdout, "{text}"))
        .and_then(|()| stdout.flush());
    written.map_err(|error| Failure::of_stdout(&error))
}

/// Writes one line to standard error. Where that fails, there is no other place for it.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(io::stderr(), "aiofile: {}", visible(&text.to_string()));
}

/// Writes one line to standard error that is no complaint.
pub(crate) fn remark(text: impl Display) {
    let _ = writeln!(io::stderr(), "{}", visible(&text.to_string()));
}

/// A path as a line of text: what could move the cursor or end the line is escaped.
pub(crate) fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy())
}

/// The text with its control characters spelled out: a name of a file may contain what moves a
/// terminal's cursor, or turns the direction of the text around.
pub(crate) fn visible(text: &str) -> String {
    let turns = |letter| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if letter.is_control() || turns(letter) => shown.extend(letter.escape_default()),
            letter => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelled_out_and_letters_are_not() {
        assert_eq!(visible("no\u{1b}[31msuch\nfile"), "no\\u{1b}[31msuch\\nfile");
        assert_eq!(visible("Gr\u{fc}\u{df}e \u{202e}txt"), "Gr\u{fc}\u{df}e \\u{202e}txt");
    }
}
