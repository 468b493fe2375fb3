//! The tests that a document names, and the rows of a document that tests name.

use std::collections::BTreeSet;

use crate::tree::Findings;

/// Each link with a name in code as its words, such as ``[`a_test`](../tests/file.rs)``, leads to a
/// file with a test of that name.
pub(crate) fn tests(text: &str, read: impl Fn(&str) -> Option<String>) -> Findings {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (name, target) in links(line) {
            if !read(target).is_some_and(|code| has_test(&code, name)) {
                found.push((index + 1, format!("{target} has no test `{name}`")));
            }
        }
    }
    found
}

/// How many tests a document names.
pub(crate) fn count(text: &str) -> usize {
    text.lines().map(|line| links(line).count()).sum()
}

/// The marks that begin the rows of tables, such as `A1`.
pub(crate) fn rows(text: &str) -> Vec<(usize, &str)> {
    let rows = text.lines().enumerate().filter_map(|(index, line)| {
        let (mark, _) = line.strip_prefix("| ")?.split_once(" |")?;
        is_mark(mark).then_some((index + 1, mark))
    });
    rows.collect()
}

/// No mark begins two rows.
pub(crate) fn unique(text: &str) -> Findings {
    let mut seen = BTreeSet::new();
    let twice = rows(text).into_iter().filter(|(_, mark)| !seen.insert(*mark));
    twice.map(|(number, mark)| (number, format!("{mark} is there twice"))).collect()
}

/// Each mark behind the word "Trap" is one of these.
pub(crate) fn marks(code: &str, known: &[&str]) -> Findings {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let Some((_, behind)) = line.split_once(concat!("/// Tr", "ap")) else { continue };
        let words = behind.split(|c: char| !c.is_ascii_alphanumeric());
        for mark in words.filter(|word| is_mark(word) && !known.contains(word)) {
            found.push((index + 1, format!("docs/traps.md has no row {mark}")));
        }
    }
    found
}

/// The names in code that are words of links to Rust files, with the files.
fn links(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        let (target, _) = rest.split_once(')')?;
        target.ends_with(".rs").then_some((name, target))
    })
}

/// Whether there is a function of this name that is run as a test: it has such an attribute, or is
/// listed somewhere else in the file.
fn has_test(code: &str, name: &str) -> bool {
    let lines: Vec<_> = code.lines().collect();
    let is_declared = |line: &str| line.contains(&format!("fn {name}("));
    let Some(at) = lines.iter().position(|line| is_declared(line)) else { return false };
    let attributes = lines[..at].iter().rev().map(|line| line.trim());
    let mut attributes = attributes.take_while(|line| !line.is_empty() && !line.ends_with('}'));
    attributes.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
        || lines.iter().any(|line| !is_declared(line) && has_word(line, name))
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|it| it == word)
}

fn is_mark(word: &str) -> bool {
    let mut characters = word.chars();
    characters.next().is_some_and(|c| c.is_ascii_uppercase())
        && (2..=3).contains(&word.len())
        && characters.all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "\
cases![
    each listed,
];

fn listed(env: &Env) {}

#[tokio::test(start_paused = true)]
#[cfg(unix)]
async fn marked() {}

fn helper() {}
";

    fn found(text: &str) -> Vec<usize> {
        let read = |target: &str| (target == "a.rs").then(|| CODE.to_owned());
        super::tests(text, read).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        assert_eq!(found("[`listed`](a.rs) and [`marked`](a.rs)\n[a.rs](a.rs)"), []);
        assert_eq!(found("x\n[`listed`](a.rs), [`renamed`](a.rs)"), [2]);
        println!("gate=traps planted=renamed_test caught=yes");
        assert_eq!(found("[`marke`](a.rs)"), [1]);
        assert_eq!(found("[`helper`](a.rs)"), [1], "nothing runs it");
        println!("gate=traps planted=test_that_is_not_run caught=yes");
        assert_eq!(found("[`listed`](gone.rs)"), [1]);
        assert_eq!(found("[`AioFile`](guide.md)"), [], "no test is meant");
    }

    #[test]
    fn a_mark_that_no_row_has_is_found() {
        let table = "| trap | test |\n| --- | --- |\n| A1 | x |\n| A12 | y |\n";
        assert_eq!(rows(table), [(3, "A1"), (4, "A12")]);
        assert_eq!(unique(table), []);
        assert_eq!(unique(&format!("{table}| A1 | z |\n"))[0].0, 5);
        let comment = |marks: &str| format!("\n/// Tr{} {marks}: what was seen.\n", "ap");
        assert_eq!(marks(&comment("A1"), &["A1", "A12"]), []);
        assert_eq!(marks(&comment("A12 and B7"), &["A1", "A12"])[0].0, 2);
    }
}
