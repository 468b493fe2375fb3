//! The documents name what there is, and all of it.

use crate::tree::Findings;

/// Under a heading "Code map of `NAME`", each name in the first column of the table is a file or a
/// directory below the crate's `src`, and each file there is named, by itself or by a directory.
pub(crate) fn code_map(text: &str, files: &[String]) -> Findings {
    let mut found = Vec::new();
    for Map { heading, name, names } in maps(text) {
        let source = format!("crates/{name}/src/");
        let within: Vec<_> = files.iter().filter_map(|file| file.strip_prefix(&source)).collect();
        let covers = |name: &str, file: &str| {
            file == name || (name.ends_with('/') && file.starts_with(name))
        };
        for (line, name) in &names {
            if !within.iter().any(|file| covers(name, file)) {
                found.push((*line, format!("there is no `{name}` in {source}: leave it out")));
            }
        }
        for file in within {
            if file != "lib.rs" && !names.iter().any(|(_, name)| covers(name, file)) {
                found.push((heading, format!("{source}{file} is missing: say what it is")));
            }
        }
    }
    if found.is_empty() && maps(text).is_empty() {
        found.push((1, "there is no \"## Code map of `NAME`\"".to_owned()));
    }
    found
}

/// The target of each link into the repository exists.
pub(crate) fn links(text: &str, exists: impl Fn(&str) -> bool) -> Findings {
    let mut found = Vec::new();
    for (number, line) in lines(text) {
        for (start, _) in line.match_indices("](") {
            let target = line[start + 2..].split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !exists(target) {
                found.push((number, format!("nothing is at `{target}`: mend the link")));
            }
        }
    }
    found
}

/// No program of a cookbook has more lines than this.
const PROGRAM_LINES_MAX: usize = 30;

/// Each program in Rust is short.
pub(crate) fn programs(text: &str) -> Findings {
    let mut found = Vec::new();
    let mut start = None;
    for (number, line) in lines(text) {
        match start {
            None if line.starts_with("```rust") => start = Some(number),
            Some(begun) if line == "```" => {
                if number - begun - 1 > PROGRAM_LINES_MAX {
                    found.push((begun, format!("more than {PROGRAM_LINES_MAX} lines: shorten it")));
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// Each row of a table with a column "test" names ours and links to its test, or says why not: no
/// cell is empty.
pub(crate) fn parity(text: &str) -> Findings {
    let mut found = Vec::new();
    let mut columns = 0;
    for (number, line) in lines(text) {
        let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else {
            columns = 0;
            continue;
        };
        let cells: Vec<_> = row.split(" | ").map(str::trim).collect();
        match columns {
            0 if cells.last() == Some(&"test") => columns = cells.len(),
            0 => found.push((number, "end the head of the table with \"test\"".to_owned())),
            _ if cells.iter().all(|cell| cell.starts_with("---")) => {}
            _ if cells.len() != columns || cells.iter().any(|cell| cell.is_empty()) => {
                found.push((number, format!("fill {columns} cells")));
            }
            _ if !cells[columns - 1].contains("](")
                && !cells[columns - 1].starts_with("none: ") =>
            {
                found.push((number, "link to the test, or say \"none: \" and why".to_owned()));
            }
            _ => {}
        }
    }
    found
}

/// Each word stands somewhere as code.
pub(crate) fn names(text: &str, words: &[String]) -> Findings {
    let missing = words.iter().filter(|word| !text.contains(&format!("`{word}`")));
    missing.map(|word| (1, format!("`{word}` is nowhere: document it"))).collect()
}

/// Each key is given a value.
pub(crate) fn assignments(text: &str, keys: &[String]) -> Findings {
    let there = self::keys(text);
    let sections = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    let sections: Vec<_> = sections.collect();
    let missing =
        keys.iter().filter(|key| !there.contains(key) && !sections.contains(&key.as_str()));
    missing.map(|key| (1, format!("the key `{key}` is missing: show it"))).collect()
}

/// Each variable of the environment that a string of the code names is documented.
pub(crate) fn variables(code: &str, documents: &str) -> Findings {
    let mut found = Vec::new();
    for (number, line) in lines(code) {
        for word in line.split('"').skip(1).step_by(2) {
            let is_name = word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            let is_ours = word.starts_with(concat!("CA", "IO_"));
            let is_ours = is_ours || word.starts_with(concat!("AIO", "FILE_"));
            if is_name && is_ours && !documents.contains(&format!("`{word}")) {
                let what_to_do = format!("document `{word}` in CAIO_IMPL.md or docs/testing.md");
                found.push((number, what_to_do));
            }
        }
    }
    found
}

/// The keys of a TOML text, without their sections.
pub(crate) fn keys(text: &str) -> Vec<String> {
    let assigned = text.lines().filter(|line| !line.starts_with('#'));
    assigned.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
}

/// The public fields of the structs in Rust code.
pub(crate) fn public_fields(code: &str) -> Vec<String> {
    let fields = code.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("    pub ")?.split_once(": ")?;
        name.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| name.to_owned())
    });
    fields.collect()
}

/// A code map: the line of its heading, its crate, and the names in it with their lines.
struct Map<'a> {
    heading: usize,
    name: &'a str,
    names: Vec<(usize, &'a str)>,
}

fn maps(text: &str) -> Vec<Map<'_>> {
    let mut maps: Vec<Map<'_>> = Vec::new();
    let mut within = false;
    for (number, line) in lines(text) {
        if line.starts_with("## ") {
            within = line.starts_with("## Code map of `");
            if within {
                let name = quoted(line).next().unwrap_or_default();
                maps.push(Map { heading: number, name, names: Vec::new() });
            }
        } else if let (true, Some(row), Some(map)) =
            (within, line.strip_prefix('|'), maps.last_mut())
        {
            let first = row.split('|').next().unwrap_or_default();
            map.names.extend(quoted(first).map(|name| (number, name)));
        }
    }
    maps
}

/// What stands between backquotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_map_and_the_code_are_compared_both_ways() {
        let files = owned(&["crates/caio/src/lib.rs", "crates/caio/src/op.rs"]);
        let map = "## Code map of `caio`\n\n| file | what |\n| --- | --- |\n| `op.rs` | `x` |\n";
        assert_eq!(code_map(map, &files), []);
        let gone = code_map(&format!("{map}| `sys/`, `gone.rs` | y |\n"), &files);
        assert_eq!(gone.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [6, 6]);
        let more = owned(&["crates/caio/src/op.rs", "crates/caio/src/new/deep.rs"]);
        assert!(code_map(map, &more)[0].1.contains("src/new/deep.rs is missing"));
        assert_eq!(code_map(&format!("{map}| `new/` | z |\n"), &more), []);
        assert_eq!(code_map("# Nothing here\n", &files).len(), 1);
    }

    #[test]
    fn a_link_to_nothing_is_found() {
        let text = "[a](there.md), [b](https://example.org)\n[c](#here) [d](gone.md#part)";
        let found = links(text, |target| target == "there.md");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, 2);
    }

    #[test]
    fn a_long_program_is_found() {
        let program = |lines| format!("text\n```rust\n{}```\n", "line\n".repeat(lines));
        assert_eq!(programs(&program(PROGRAM_LINES_MAX)), []);
        assert_eq!(programs(&program(PROGRAM_LINES_MAX + 1))[0].0, 2);
    }

    #[test]
    fn a_row_without_its_test_is_found() {
        let at = |row: &str| {
            let table = format!("| theirs | ours | test |\n| --- | --- | --- |\n{row}\n");
            parity(&table).into_iter().map(|(line, _)| line).collect::<Vec<_>>()
        };
        assert_eq!(at("| `a` | `b` | [c](c.rs) |"), []);
        assert_eq!(at("| `a` | `b` | none: it only names a type |"), []);
        assert_eq!(at("| `a` | `b` | c |"), [3]);
        assert_eq!(at("| `a` |  | [c](c.rs) |"), [3]);
        assert_eq!(at("| `a` | [c](c.rs) |"), [3]);
        assert_eq!(parity("| a | b |\n")[0].0, 1);
    }

    #[test]
    fn what_is_not_named_is_found() {
        assert_eq!(names("`uring` and `rings`", &owned(&["uring"])), []);
        assert_eq!(names("`urings` and uring", &owned(&["uring"])).len(), 1);
    }

    #[test]
    fn a_key_without_an_example_is_found() {
        let example = "# entries = 3\nrings = 2\n[uring]\n";
        assert_eq!(assignments(example, &owned(&["rings", "uring"])), []);
        assert_eq!(assignments(example, &owned(&["entries"])).len(), 1);
        let code = "pub struct S {\n    /// Doc.\n    pub rings: usize,\n    own: u8,\n}";
        assert_eq!(public_fields(code), ["rings"]);
    }

    #[test]
    fn a_secret_variable_is_found() {
        let name = concat!("CA", "IO_SECRET");
        let code = format!("//! {name}\nfn f() {{ env::var(\"{name}\") }}");
        assert_eq!(variables(&code, "")[0].0, 2);
        assert_eq!(variables(&code, &format!("set `{name}=1`")), []);
    }
}
