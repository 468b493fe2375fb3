//! The pages show the example as it is: it is compiled and run, and they cannot be.

const EXAMPLE: &str = include_str!("../examples/ten_lines.rs");

const PAGES: [&str; 2] = [
    include_str!("../../../crates/object_store_aiofile/README.md"),
    include_str!("../../../docs/data-engineers.md"),
];

/// The first line of the program on a page that is not in the example, or not in that order.
fn stranger<'a>(page: &'a str, example: &str) -> Option<&'a str> {
    let mut lines = example.lines().map(str::trim).filter(|line| !line.is_empty());
    let program = page.split_once("```rust,ignore\n").and_then(|(_, rest)| rest.split_once("```"));
    let (program, _) = program.unwrap_or(("a page without a program", ""));
    let mut shown = program.lines().map(str::trim).filter(|line| !line.is_empty());
    shown.find(|line| !lines.any(|other| other == *line))
}

#[test]
fn the_pages_show_lines_of_the_example() {
    for page in PAGES {
        assert_eq!(stranger(page, EXAMPLE), None, "is not there as the page has it");
    }
}

#[test]
fn a_line_that_differs_is_found() {
    let page = |program: &str| format!("text\n```rust,ignore\n{program}\n```\n");
    assert_eq!(stranger(&page("a\n\n  c"), "a\nb\nc"), None);
    assert_eq!(stranger(&page("c\na"), "a\nb\nc"), Some("a"));
    assert_eq!(stranger(&page("d"), "a\nb\nc"), Some("d"));
    assert_eq!(stranger("text", "a"), Some("a page without a program"));
}
