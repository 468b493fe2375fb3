//! The repository keeps its own rules of order: what a file looks like, who may import whom, and
//! that the documents name what there is.
//!
//! Each rule is a function from text to findings, with tests of its own that show it fail; the
//! tests here apply the rules to the tree. Not here: what rustfmt and clippy already see.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "long files are told, not refused")]

mod async_docs;
mod documents;
mod imports;
mod layout;
mod named_tests;
mod tree;

use caio::BackendKind;
use tree::{Findings, Source, read, rust_sources, texts};

/// Applies a rule to each source and fails with everything that it found.
#[track_caller]
fn hold(sources: &[Source], rule: impl Fn(&Source) -> Findings) {
    let mut found = Vec::new();
    for source in sources {
        for (line, what_to_do) in rule(source) {
            found.push(format!("{}:{line}: {what_to_do}", source.path));
        }
    }
    assert!(!sources.is_empty(), "there is nothing to look at");
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let mut sources = rust_sources();
    // What `include!` takes in may have no inner documentation: it says so in plain comments.
    sources.retain(|source| source.path != "crates/caio/tests/doc/support.rs");
    hold(&sources, |source| layout::module_doc(&source.text));
}

#[test]
fn no_file_is_too_long() {
    let sources = rust_sources();
    for source in &sources {
        let lines = source.text.lines().count();
        if lines > layout::LINES_WISHED {
            println!("{}: {lines} lines; consider two concepts, two files", source.path);
        }
    }
    hold(&sources, |source| layout::length(&source.text));
}

#[test]
fn no_line_is_too_wide() {
    hold(&rust_sources(), |source| layout::width(&source.text));
}

#[test]
fn nothing_is_left_over() {
    hold(&texts(), |source| layout::leftovers(&source.text));
}

#[test]
fn tests_are_run_and_name_their_panic() {
    hold(&rust_sources(), |source| layout::test_attributes(&source.text));
}

#[test]
fn unsafe_code_stays_where_it_is_allowed() {
    hold(&rust_sources(), imports::unsafe_code);
}

#[test]
fn backends_import_neither_what_is_above_nor_each_other() {
    hold(&rust_sources(), imports::backends);
}

#[test]
fn the_user_api_makes_no_system_calls() {
    hold(&rust_sources(), imports::system_crates);
}

#[test]
fn every_public_future_says_what_its_drop_does() {
    let mut sources = rust_sources();
    let crates = ["caio", "aiofile", "aiofile-util", "caio-testkit"];
    let is_public =
        |path: &str| crates.iter().any(|one| path.starts_with(&format!("crates/{one}/src/")));
    sources.retain(|source| is_public(&source.path));
    hold(&sources, |source| async_docs::cancel_safety(&source.text));
}

#[test]
fn the_code_map_is_the_code() {
    let map = read("docs/architecture.md");
    let files: Vec<_> = rust_sources().into_iter().map(|source| source.path).collect();
    hold(&[map], |map| documents::code_map(&map.text, &files));
}

#[test]
fn links_lead_somewhere() {
    let documents: Vec<_> =
        texts().into_iter().filter(|source| source.path.ends_with(".md")).collect();
    hold(&documents, |document| {
        documents::links(&document.text, |target| tree::exists(&document.path, target))
    });
}

#[test]
fn programs_of_the_cookbook_are_short() {
    let cookbook = read("docs/cookbook.md");
    assert!(cookbook.text.contains("```rust"), "there are no programs");
    hold(&[cookbook], |document| documents::programs(&document.text));
}

#[test]
fn every_row_of_the_parity_has_its_test() {
    let parity = read("docs/parity.md");
    assert!(parity.text.contains("| test |"), "there are no tables");
    hold(&[parity], |document| documents::parity(&document.text));
}

#[test]
fn every_trap_has_its_test() {
    let traps = read("docs/traps.md");
    assert!(traps.text.contains("| test |"), "there are no tables");
    let (rows, tests) = (named_tests::rows(&traps.text).len(), named_tests::count(&traps.text));
    println!("gate=traps rows={rows} tests={tests}");
    hold(&[traps], |document| {
        let of = |target: &str| tree::read_from(&document.path, target);
        let mut found = documents::parity(&document.text);
        found.extend(named_tests::tests(&document.text, of));
        found.extend(named_tests::unique(&document.text));
        found
    });
}

#[test]
fn traps_that_tests_name_have_their_row() {
    let traps = read("docs/traps.md").text;
    let rows: Vec<_> = named_tests::rows(&traps).into_iter().map(|(_, mark)| mark).collect();
    assert!(rows.contains(&"A1"), "there are no rows");
    hold(&rust_sources(), |source| named_tests::marks(&source.text, &rows));
}

#[test]
fn the_choice_is_documented_with_every_name_and_key() {
    let example = read("crates/caio/caio.example.toml").text;
    let mut words = documents::keys(&example);
    assert!(words.iter().any(|key| key == "max_requests"), "{words:?} are not the keys");
    words.extend(BackendKind::ALL.map(|kind| kind.name().to_owned()));
    hold(&[read("CAIO_IMPL.md")], |document| documents::names(&document.text, &words));
}

#[test]
fn the_example_has_every_key_of_the_configuration() {
    let fields = documents::public_fields(&read("crates/caio/src/config.rs").text);
    assert!(fields.iter().any(|field| field == "sqpoll_idle_ms"), "{fields:?} are not the keys");
    hold(&[read("crates/caio/caio.example.toml")], |example| {
        documents::assignments(&example.text, &fields)
    });
}

#[test]
fn every_variable_of_the_environment_is_documented() {
    let documents = read("CAIO_IMPL.md").text + &read("docs/testing.md").text;
    hold(&rust_sources(), |source| documents::variables(&source.text, &documents));
}
