//! Lines of any file by any separator, in chunks of any size, against a search in memory.
#![no_main]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

use aiofile::{AioFile, LineReader};
use futures_executor::block_on;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

/// How a file is read, and what is in it.
#[derive(Debug, Arbitrary)]
struct Input<'a> {
    chunk: u8,
    read_ahead: u8,
    separator: &'a [u8],
    crlf: bool,
    data: &'a [u8],
}

static FILE: LazyLock<(File, AioFile)> = LazyLock::new(|| {
    let file = tempfile::tempfile().unwrap();
    let own = file.try_clone().unwrap();
    (own, AioFile::from_std(file).unwrap())
});

fuzz_target!(|input: Input<'_>| {
    let (own, file) = &*FILE;
    own.set_len(0).unwrap();
    own.write_all_at(input.data, 0).unwrap();
    let mut lines = LineReader::new(file)
        .chunk_size(usize::from(input.chunk) + 1)
        .read_ahead(usize::from(input.read_ahead % 4))
        .separator(input.separator)
        .crlf(input.crlf);
    for (number, (line, end)) in expected(&input).into_iter().enumerate() {
        let found = block_on(lines.next_line()).unwrap();
        assert_eq!(found, Some(line), "line {number}");
        assert_eq!(lines.position(), end as u64, "behind line {number}");
    }
    assert_eq!(block_on(lines.next_line()).unwrap(), None);
});

/// Each line, and where the next one begins.
fn expected<'a>(input: &Input<'a>) -> Vec<(&'a [u8], usize)> {
    let (data, separator) = (input.data, input.separator);
    let mut lines = Vec::new();
    let mut start = 0;
    while start < data.len() {
        let rest = &data[start..];
        let found = match separator.len() {
            0 => None,
            length => rest.windows(length).position(|window| window == separator),
        };
        let Some(length) = found else {
            lines.push((rest, data.len()));
            break;
        };
        let mut line = &rest[..length];
        if input.crlf {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        start += length + separator.len();
        lines.push((line, start));
    }
    lines
}
