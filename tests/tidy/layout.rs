//! What a file looks like: its head, its length, its width, and what must not stay behind in it.

use crate::tree::Findings;

/// More lines than this no file has.
pub(crate) const LINES_MAX: usize = 500;

/// More lines than this are told.
pub(crate) const LINES_WISHED: usize = 300;

/// More code points than this no line has; rustfmt does not break comments and strings.
pub(crate) const WIDTH_MAX: usize = 100;

/// Words and macros that mean unfinished work, in halves, so that this file is not found itself.
const LEFTOVERS: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("dbg", "!"),
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
];

/// The first line says what the file is.
pub(crate) fn module_doc(text: &str) -> Findings {
    match text.lines().next() {
        Some(first) if first.starts_with("//! ") => Vec::new(),
        _ => vec![(1, "begin with a `//!` that says what this file is".to_owned())],
    }
}

/// At most [`LINES_MAX`] lines.
pub(crate) fn length(text: &str) -> Findings {
    match text.lines().count() {
        lines if lines > LINES_MAX => {
            vec![(LINES_MAX + 1, format!("{lines} lines are more than {LINES_MAX}: cut it in two"))]
        }
        _ => Vec::new(),
    }
}

/// At most [`WIDTH_MAX`] code points in a line.
pub(crate) fn width(text: &str) -> Findings {
    lines(text)
        .map(|(number, line)| (number, line.chars().count()))
        .filter(|(_, width)| *width > WIDTH_MAX)
        .map(|(number, width)| (number, format!("{width} wide, break it at {WIDTH_MAX}")))
        .collect()
}

/// No word that means unfinished work.
pub(crate) fn leftovers(text: &str) -> Findings {
    let mut found = Vec::new();
    for (number, line) in lines(text) {
        for leftover in LEFTOVERS.into_iter().filter(|leftover| has_word(line, leftover)) {
            found.push((number, format!("`{leftover}`: finish it, or leave it out")));
        }
    }
    found
}

/// No test that is skipped without saying so, and none that any panic satisfies.
pub(crate) fn test_attributes(text: &str) -> Findings {
    let mut found = Vec::new();
    for (number, line) in lines(text) {
        let line = line.trim_start();
        if line.starts_with("#[ignore") {
            found.push((number, "run the test, or print why it is skipped".to_owned()));
        }
        if line.starts_with("#[should_panic") && !line.contains("expected") {
            found.push((number, "say with `expected` which panic is meant".to_owned()));
        }
    }
    found
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// Whether `word` stands in `line` and is not part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that a rule complains of.
    fn at(findings: Findings) -> Vec<usize> {
        findings.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_head_is_demanded() {
        assert_eq!(at(module_doc("//! What it is.\n")), []);
        assert_eq!(at(module_doc("use std::fs;\n//! Too late.\n")), [1]);
        assert_eq!(at(module_doc("//!\n//! An empty line says nothing.\n")), [1]);
        assert_eq!(at(module_doc("")), [1]);
    }

    #[test]
    fn the_length_is_bounded() {
        assert_eq!(at(length(&"\n".repeat(LINES_MAX))), []);
        assert_eq!(at(length(&"\n".repeat(LINES_MAX + 1))), [LINES_MAX + 1]);
    }

    #[test]
    fn the_width_is_counted_in_code_points() {
        let (just, over) = ("é".repeat(WIDTH_MAX), "é".repeat(WIDTH_MAX + 1));
        assert_eq!(at(width(&format!("{just}\n{over}\n{just}"))), [2]);
    }

    #[test]
    fn leftovers_are_words() {
        for leftover in LEFTOVERS {
            assert_eq!(at(leftovers(&format!("fine\n// {leftover}(later)\n"))), [2], "{leftover}");
            assert_eq!(at(leftovers(&format!("a{leftover}"))), [], "{leftover}");
        }
    }

    #[test]
    fn attributes_that_hide_failures_are_found() {
        assert_eq!(at(test_attributes("    #[ignore = \"slow\"]\n")), [1]);
        assert_eq!(at(test_attributes("#[test]\n#[should_panic]\n")), [2]);
        assert_eq!(at(test_attributes("#[should_panic(expected = \"in use\")]\n")), []);
    }
}
