//! The last lines of files, against those of all lines.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use aiofile::{AioFile, LineReader, OpenOptions};
use aiofile_util::{keep_last_lines, last_lines};
use proptest::collection::vec;
use proptest::prelude::*;

use common::{block_on, contexts, file, place};

/// Where the last `count` lines begin, counted from the front.
fn start_of(contents: &[u8], count: u64) -> u64 {
    let mut starts = vec![0];
    let ends = contents.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    starts.extend(ends.map(|(at, _)| at as u64 + 1));
    starts.retain(|start| *start < contents.len() as u64);
    let before = starts.len().saturating_sub(count as usize);
    starts.get(before).copied().unwrap_or(contents.len() as u64)
}

#[test]
fn lines_across_blocks_are_found_on_every_backend() {
    let place = place();
    let long = "x".repeat(200_000);
    let block = "y".repeat((64 << 10) - 1);
    let cases = [
        String::new(),
        "\n".into(),
        "\n\n\n".into(),
        "without an end".into(),
        "one\ntwo".into(),
        "one\ntwo\n".into(),
        format!("{long}\n{long}\nlast\n"),
        format!("{long}\n"),
        // Ends of lines at the edges of the blocks that are read.
        format!("{block}\n{block}\n{block}\n"),
        format!("first\n{block}\n{block}\n{block}"),
        "a line of a log\n".repeat(20_000),
    ];
    for context in contexts() {
        for contents in &cases {
            let path = file(place.path(), "file", contents);
            for count in [0, 1, 2, 3, 5000, u64::MAX] {
                let start = block_on(async {
                    let mut options = OpenOptions::new();
                    let file = options.read(true).context(&context).open_aio(&path).await?;
                    last_lines(&file, count).await.map(|lines| lines.position())
                });
                let expected = start_of(contents.as_bytes(), count.min(1 << 32));
                assert_eq!(start.unwrap(), expected, "{count} of {} bytes", contents.len());
            }
        }
    }
}

#[test]
fn what_has_no_end_to_begin_at_is_read_from_its_start() {
    block_on(async {
        let status = AioFile::open("/proc/self/status", "r").await.unwrap();
        let said = last_lines(&status, 1).await.unwrap_err().to_string();
        assert!(said.contains("/proc/self/status") && said.contains("keep_last_lines"), "{said}");
        let kept = keep_last_lines(&mut LineReader::new(&status), 2).await.unwrap();
        let names = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"];
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().zip(names).all(|(line, name)| line.starts_with(name.as_bytes())));
        assert!(keep_last_lines(&mut LineReader::new(&status), 0).await.unwrap().is_empty());

        let directory = AioFile::open("/", "r").await.unwrap();
        last_lines(&directory, 1).await.unwrap_err();
    });
}

#[test]
fn a_file_that_is_shorter_than_it_says_has_its_lines() {
    let Ok(file) = block_on(AioFile::open("/sys/kernel/mm/transparent_hugepage/enabled", "r"))
    else {
        return println!("skipped: no such file in /sys here");
    };
    let mut lines = block_on(last_lines(&file, 1)).unwrap();
    assert!(block_on(lines.next_str()).unwrap().unwrap().contains("never"));
}

proptest! {
    #[test]
    fn any_lines_and_any_count(
        lines in vec(("[a-z]{0,40}", 1_usize..4000), 0..8),
        count in 0_u64..10,
        ends in any::<bool>(),
    ) {
        let lines: Vec<_> = lines.into_iter().map(|(line, times)| line.repeat(times)).collect();
        let contents = lines.join("\n") + if ends { "\n" } else { "" };
        let place = place();
        let path = file(place.path(), "file", &contents);
        let file = block_on(AioFile::open(&path, "r")).unwrap();
        let found = block_on(last_lines(&file, count)).unwrap();
        prop_assert_eq!(found.position(), start_of(contents.as_bytes(), count));
        let kept = block_on(keep_last_lines(&mut LineReader::new(&file), count as usize)).unwrap();
        let start = start_of(contents.as_bytes(), count) as usize;
        let mut rest = contents[start..].split('\n').map(|line| line.as_bytes().to_vec());
        let mut expected: Vec<_> = rest.by_ref().collect();
        if expected.last().is_some_and(Vec::is_empty) {
            expected.pop();
        }
        prop_assert_eq!(Vec::from(kept), expected);
    }
}
