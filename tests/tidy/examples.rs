//! Whatever a user can call or name is shown in use, by an example that runs.
//!
//! Looked at is what has a doc comment: the compiler demands one wherever a user can get to. Not
//! here: fields, variants and constants, which the examples of their types show, and the methods of
//! traits, which the example of the trait shows.

use crate::tree::{Findings, Source};

/// The crates whose users are programmers.
const CRATES: [&str; 3] = ["crates/aiofile/src/", "crates/caio/src/", "crates/caio-testkit/src/"];

/// Items that have no example, by file and name, and why.
const EXCEPTIONS: [Exception; 0] = [];

/// An item that has no example.
struct Exception {
    path: &'static str,
    item: &'static str,
    /// Why an example makes no sense.
    reason: &'static str,
}

/// Whether the rule looks at this file.
pub(crate) fn is_concerned(source: &Source) -> bool {
    CRATES.iter().any(|place| source.path.starts_with(place))
}

/// Each documented function, struct, enum and trait that is `pub` has an example, but for those
/// that are excepted, and these have none.
pub(crate) fn examples(source: &Source) -> Findings {
    check(source, &EXCEPTIONS)
}

fn check(source: &Source, exceptions: &[Exception]) -> Findings {
    let items = items(&source.text);
    let mut found = Vec::new();
    for item in items.iter().filter(|item| item.is_documented && !item.has_example) {
        let is_excepted = exceptions
            .iter()
            .any(|exception| exception.path == source.path && exception.item == item.name);
        if !is_excepted {
            found.push((item.line, format!("show what `{}` is for, in an example", item.name)));
        }
    }
    for exception in exceptions.iter().filter(|exception| exception.path == source.path) {
        let needs_it = |item: &Item<'_>| item.name == exception.item && !item.has_example;
        if !items.iter().any(needs_it) {
            let Exception { item, reason, .. } = exception;
            found.push((1, format!("`{item}` is no longer an exception ({reason}): strike it")));
        }
    }
    found
}

/// A public item, and what its documentation has.
#[derive(Debug, Default)]
struct Item<'a> {
    line: usize,
    name: &'a str,
    is_documented: bool,
    has_example: bool,
}

/// The public functions, structs, enums and traits of Rust code, without those that are hidden.
fn items(code: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut head = Head::default();
    for (index, line) in code.lines().enumerate() {
        let line = line.trim_start();
        if head.takes(line) {
            continue;
        }
        let Head { is_documented, has_example, is_hidden, .. } = std::mem::take(&mut head);
        if let (Some(name), false) = (name(line), is_hidden) {
            items.push(Item { line: index + 1, name, is_documented, has_example });
        }
    }
    items
}

/// What stands above an item: its documentation and its attributes.
#[derive(Debug, Default)]
struct Head {
    is_documented: bool,
    has_example: bool,
    is_hidden: bool,
    is_within_code: bool,
    /// Brackets of an attribute that are still open.
    brackets: usize,
}

impl Head {
    /// Whether the line belongs to the head of the item that comes.
    fn takes(&mut self, line: &str) -> bool {
        if let Some(text) = line.strip_prefix("///") {
            self.is_documented = true;
            self.document(text.trim());
            return true;
        }
        if self.brackets == 0 && !line.starts_with("#[") {
            return line.starts_with("//");
        }
        self.is_hidden |= line.starts_with("#[doc(hidden)]");
        let opened = self.brackets + line.matches('[').count();
        self.brackets = opened.saturating_sub(line.matches(']').count());
        true
    }

    fn document(&mut self, text: &str) {
        if let Some(language) = text.strip_prefix("```") {
            // What is not run, and what is no Rust, says so behind the fence.
            let runs = matches!(language, "" | "rust" | "should_panic");
            self.has_example |= runs && !self.is_within_code;
            self.is_within_code = !self.is_within_code;
        }
    }
}

/// The name of the public item that begins on this line.
fn name(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("pub ")?.split([' ', '(', '<', '{', ';', ':']);
    let kind = words.find(|word| !matches!(*word, "const" | "async" | "unsafe"))?;
    matches!(kind, "fn" | "struct" | "enum" | "trait").then(|| words.next())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "/// Text.\n///\n/// ```\n/// assert!(true);\n/// ```\n";

    fn source(text: &str) -> Source {
        Source { path: String::from("crates/caio/src/a.rs"), text: text.to_owned() }
    }

    /// The lines that the rule complains of.
    fn at(text: &str) -> Vec<usize> {
        check(&source(text), &[]).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn an_item_without_an_example_is_found() {
        let functions = ["fn f(", "const fn f(", "async fn f<T>("];
        for item in functions.into_iter().chain(["struct S;", "enum E {", "trait T {"]) {
            assert_eq!(at(&format!("/// Text.\n    pub {item}")), [2], "{item}");
            assert_eq!(at(&format!("{EXAMPLE}pub {item}")), [], "{item}");
        }
        assert_eq!(at(&format!("{EXAMPLE}pub fn f() {{}}\n/// Text.\npub fn g() {{}}")), [8]);
    }

    #[test]
    fn what_nobody_can_reach_needs_none() {
        assert_eq!(at("pub fn undocumented() {}\n"), []);
        assert_eq!(at("/// Text.\npub(crate) fn f() {}\n/// Text.\nfn g() {}\n"), []);
        assert_eq!(at("/// Text.\n#[doc(hidden)]\npub fn f() {}\n"), []);
        assert_eq!(at("/// Text.\npub const C: u8 = 0;\n/// Text.\npub field: u8,\n"), []);
    }

    #[test]
    fn attributes_and_comments_may_stand_between() {
        let attributes = "#[must_use]\n#[allow(\n    deprecated,\n    reason = \"so\"\n)]";
        assert_eq!(at(&format!("{EXAMPLE}{attributes}\n// Why.\npub fn f() {{}}\n")), []);
        assert_eq!(at(&format!("/// Text.\n{attributes}\n// Why.\npub fn f() {{}}\n")), [8]);
    }

    #[test]
    fn what_is_not_run_is_no_example() {
        for language in ["no_run", "ignore", "text", "compile_fail", "console"] {
            let text = format!("/// ```{language}\n/// f();\n/// ```\npub fn f() {{}}\n");
            assert_eq!(at(&text), [4], "{language}");
        }
    }

    #[test]
    fn an_exception_holds_as_long_as_it_is_needed() {
        let exceptions = [Exception { path: "crates/caio/src/a.rs", item: "f", reason: "so" }];
        let found = |text: &str| check(&source(text), &exceptions).len();
        assert_eq!(found("/// Text.\npub fn f() {}\n"), 0);
        assert_eq!(found("/// Text.\npub fn f() {}\n/// Text.\npub fn g() {}\n"), 1);
        assert_eq!(found(&format!("{EXAMPLE}pub fn f() {{}}\n")), 1);
        assert_eq!(found(""), 1);
    }
}
