//! Many ranges of one file at once, near each other and far apart: the bytes that are there.
#![no_main]

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use aiofile::{AioFile, RangeOptions};
use futures_executor::block_on;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

/// Which ranges to read, and what is joined.
#[derive(Debug, Arbitrary)]
struct Input {
    gap: u16,
    joined: u16,
    ranges: Vec<(u16, u16)>,
    strange: Option<(u64, u64)>,
}

const BYTES: usize = 50_000;

static DATA: LazyLock<(Vec<u8>, AioFile)> = LazyLock::new(|| {
    let data: Vec<u8> = (0..BYTES).map(|at| (at * at / 7) as u8).collect();
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&data, 0).unwrap();
    (data, AioFile::from_std(file).unwrap())
});

fuzz_target!(|input: Input| {
    let (data, file) = &*DATA;
    let ranges = input.ranges.iter().map(|(start, length)| {
        let start = u64::from(*start).min(BYTES as u64);
        start..(start + u64::from(*length)).min(BYTES as u64)
    });
    let mut ranges: Vec<Range<u64>> = ranges.collect();
    let options = RangeOptions::new()
        .gap_max(u64::from(input.gap))
        .coalesced_bytes_max(u64::from(input.joined));
    let found = block_on(file.read_ranges_with(&ranges, &options)).unwrap();
    for (range, found) in ranges.iter().zip(found) {
        assert_eq!(found, data[range.start as usize..range.end as usize], "{range:?}");
    }
    if let Some((start, mut end)) = input.strange {
        // What fits into memory is taken from there, and the fuzzer counts it.
        if end.wrapping_sub(start) < 1 << 50 {
            end = start.saturating_add(end.wrapping_sub(start) % 65_536);
        }
        ranges.push(start..end);
        if let Ok(found) = block_on(file.read_ranges_with(&ranges, &options)) {
            let expected = data.get(start as usize..end as usize).unwrap_or_default();
            assert_eq!(found.last().unwrap(), expected);
        }
    }
});
