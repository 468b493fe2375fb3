//! Sorted files put together, against a model and against sort(1).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use aiofile_util::MergeOptions;
use proptest::prelude::*;

use common::{block_on, contexts, file, names, noise, output, place};

#[test]
fn the_result_is_that_of_sort() {
    let place = place();
    let mut sources = Vec::new();
    for index in 0..5 {
        let bytes = noise(500_000, index);
        let mut lines: Vec<_> = bytes.chunks(37).map(|line| format!("{line:02x?}")).collect();
        lines.sort();
        sources.push(file(place.path(), &index.to_string(), lines.join("\n")));
    }
    sources.push(file(place.path(), "empty", ""));
    let target = place.path().join("target");
    for context in contexts() {
        let options = MergeOptions::new().context(&context).durable(true);
        let bytes = block_on(options.merge_sorted(&sources, &target)).unwrap();
        let merged = fs::read(&target).unwrap();
        assert_eq!(bytes, merged.len() as u64);
        let arguments = ["-m", "0", "1", "2", "3", "4", "empty"];
        if let Some(theirs) = output(place.path(), "sort", &arguments) {
            assert!(theirs == merged);
        }
    }
}

#[test]
fn what_is_not_sorted_is_refused_with_its_line() {
    let place = place();
    let sorted = file(place.path(), "sorted", "a\nb\nc\n");
    let unsorted = file(place.path(), "unsorted", "a\nc\nb\n");
    let target = place.path().join("target");
    let options = MergeOptions::new();
    let said =
        block_on(options.merge_sorted([&sorted, &unsorted], &target)).unwrap_err().to_string();
    assert!(said.contains("unsorted") && said.contains("line 3"), "{said}");
    let long = file(place.path(), "long", vec![b'x'; (16 << 20) + 1]);
    let said = block_on(options.merge_sorted([&sorted, &long], &target)).unwrap_err().to_string();
    assert!(said.contains("long") && said.contains("line 1 has more than 16 MiB"), "{said}");
    let missing = place.path().join("missing");
    let said =
        block_on(options.merge_sorted([&sorted, &missing], &target)).unwrap_err().to_string();
    assert!(said.contains("missing"), "{said}");
    let stopped = options.on_progress(|_| ControlFlow::Break(()));
    block_on(stopped.merge_sorted([&sorted], &target)).unwrap_err();
    assert_eq!(names(place.path()), ["long", "sorted", "unsorted"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_there_once_and_in_order(
        files in prop::collection::vec(prop::collection::vec("[a-c]{0,3}", 0..20), 0..6),
    ) {
        let place = place();
        let mut expected = Vec::new();
        let mut paths: Vec<PathBuf> = Vec::new();
        for (index, mut lines) in files.into_iter().enumerate() {
            lines.sort();
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            paths.push(file(place.path(), &index.to_string(), text));
            expected.extend(lines);
        }
        expected.sort();
        let target = place.path().join("target");
        block_on(MergeOptions::new().merge_sorted(paths, &target)).unwrap();
        let merged = fs::read_to_string(&target).unwrap();
        prop_assert_eq!(merged.lines().collect::<Vec<_>>(), expected);
    }
}
