//! Many ranges at once: whole, in order, and each with its own error.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

mod common;

use std::ops::Range;
use std::os::fd::OwnedFd;

use aiofile::{AioFile, Error, ErrorKind, OpenOptions, RangeOptions};
use common::{cases, disk, noise, open_in, scratch, unruly};
use proptest::prelude::*;

fn parts(contents: &[u8], ranges: &[Range<u64>]) -> Vec<Vec<u8>> {
    ranges.iter().map(|range| contents[range.start as usize..range.end as usize].to_vec()).collect()
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn ranges_are_what_slices_are(
        extents in prop::collection::vec((0_u64..20_000, 0_u64..3_000), 0..40),
        gap_max in prop::sample::select(vec![0_u64, 10, 5_000]),
        bytes_max in prop::sample::select(vec![0_u64, 2_000, 1 << 20]),
        on_unruly: bool,
    ) {
        let contents = noise(23_000);
        let ranges: Vec<_> = extents.iter().map(|(start, length)| *start..start + length).collect();
        let options = RangeOptions::new().gap_max(gap_max).coalesced_bytes_max(bytes_max);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_directory, path) = scratch(&contents);
            let file = match on_unruly {
                true => open_in(&unruly(900), &path, "r").await,
                false => AioFile::open(&path, "r").await.unwrap(),
            };
            let read = file.read_ranges_with(&ranges, &options).await.unwrap();
            assert!(read == parts(&contents, &ranges));
            let mut seen = vec![false; ranges.len()];
            let mut stream = file.stream_ranges(&ranges, &options).unwrap();
            while let Some(landed) = stream.next().await {
                let (index, bytes) = landed.unwrap();
                assert!(!std::mem::replace(&mut seen[index], true), "each lands once");
                let range = ranges[index].start as usize..ranges[index].end as usize;
                assert!(bytes == contents[range]);
            }
            assert!(seen.iter().all(|seen| *seen));
        });
    }
}

#[tokio::test]
async fn a_range_beyond_the_end_is_named_and_the_others_come_all_the_same() {
    let contents = noise(1_000);
    let (_directory, path) = scratch(&contents);
    for context in [aiofile::context().build().unwrap(), unruly(300)] {
        let file = open_in(&context, &path, "r").await;
        let ranges = [0..10, 990..1_010, 980..1_000, 5_000..5_001];
        let error = Error::from(file.read_ranges(&ranges).await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let mut stream = file.stream_ranges(&ranges, &RangeOptions::new()).unwrap();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        while let Some(landed) = stream.next().await {
            match landed {
                Ok((index, bytes)) => {
                    assert!(
                        bytes == contents[ranges[index].start as usize..ranges[index].end as usize]
                    );
                    good.push(index);
                }
                Err(error) => bad.push(error.to_string()),
            }
        }
        good.sort_unstable();
        bad.sort_unstable();
        assert_eq!(good, [0, 2]);
        assert!(bad[0].contains("after 0 of 1 bytes of range 3, 5000..5001"), "{}", bad[0]);
        assert!(bad[1].contains("after 10 of 20 bytes of range 1, 990..1010"), "{}", bad[1]);
    }
}

#[tokio::test]
async fn wrong_ranges_are_refused_before_anything_is_read() {
    let (_directory, path) = scratch(b"data");
    let context = aiofile::context().build().unwrap();
    let file = open_in(&context, &path, "r").await;
    let before = context.metrics();
    for wrong in [Range { start: 3, end: 1 }, 0..u64::MAX, (1 << 63)..(1 << 63) + 1] {
        let error = Error::from(file.read_ranges(&[0..4, wrong]).await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(context.metrics(), before);
    let error = Error::from(file.read_ranges(&[0..4, 5..i64::MAX as u64]).await.unwrap_err());
    assert!([ErrorKind::InvalidInput, ErrorKind::UnexpectedEof].contains(&error.kind()), "{error}");
    let (receiver, _sender) = std::io::pipe().unwrap();
    let pipe = AioFile::from_std(std::fs::File::from(OwnedFd::from(receiver))).unwrap();
    let error = Error::from(pipe.read_ranges(&[]).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("Reader"), "{error}");
    assert!(file.read_ranges(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn neighbours_are_one_operation_and_many_ranges_share_the_limit() {
    let contents = noise(1 << 20);
    let (_directory, path) = scratch(&contents);
    let context = aiofile::context().in_place(false).max_requests(7).build().unwrap();
    let file = open_in(&context, &path, "r").await;
    let near: Vec<_> = (0..64_u64).map(|i| i * 1_000..i * 1_000 + 100).collect();
    let before = context.metrics().submitted;
    assert!(file.read_ranges(&near).await.unwrap() == parts(&contents, &near));
    assert_eq!(context.metrics().submitted - before, 1);
    let far: Vec<_> = (0..600_u64).rev().map(|i| i * 1_700..i * 1_700 + 1 + i % 90).collect();
    let apart = RangeOptions::new().gap_max(0);
    assert!(file.read_ranges_with(&far, &apart).await.unwrap() == parts(&contents, &far));
    assert_eq!(context.in_flight(), (0, 0));
}

#[tokio::test]
async fn direct_files_and_made_up_files_have_ranges_too() {
    let contents = noise(40_000);
    let directory = disk();
    let path = directory.path().join("direct");
    std::fs::write(&path, &contents).unwrap();
    let ranges = [39_990..40_000, 1..2, 20_000..30_001, 5..5, 4_096..8_192];
    match OpenOptions::new().read(true).direct(true).open_aio(&path).await {
        Ok(file) => {
            assert!(file.read_ranges(&ranges).await.unwrap() == parts(&contents, &ranges));
            let error = Error::from(file.read_ranges(&[39_990..40_001, 0..5]).await.unwrap_err());
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        }
        Err(error) => println!("skipped: no O_DIRECT here: {error}"),
    }
    let file = AioFile::open("/proc/version", "r").await.unwrap();
    let whole = std::fs::read("/proc/version").unwrap();
    assert_eq!(file.read_ranges(&[6..13, 0..5]).await.unwrap(), [&whole[6..13], &whole[..5]]);
}

#[tokio::test]
async fn a_large_range_is_several_operations_at_once_in_one_memory() {
    const MIB: u64 = 1 << 20;
    let contents = noise(3 * MIB as usize + 77);
    let (_directory, path) = scratch(&contents);
    let context = aiofile::context().in_place(false).build().unwrap();
    let file = open_in(&context, &path, "r").await;
    let ranges = [1_000..2 * MIB + 1_000, 5..5 + 256 * 1024, 3 * MIB - 10..3 * MIB + 77];
    let apart = RangeOptions::new().gap_max(0);
    for (number, operations) in [8, 1, 1].into_iter().enumerate() {
        let before = context.metrics().submitted;
        let range = ranges[number].clone();
        let read = file.read_ranges_with(std::slice::from_ref(&range), &apart).await.unwrap();
        assert!(read == parts(&contents, std::slice::from_ref(&range)));
        assert_eq!(context.metrics().submitted - before, operations, "{range:?}");
    }
    // All of them together, short and in any order, beyond the end and with a part that is cached.
    let all = [ranges.as_slice(), &[0..3 * MIB + 77, MIB..MIB + 3]].concat();
    for context in [aiofile::context().build().unwrap(), context, unruly(100_000)] {
        let file = open_in(&context, &path, "r").await;
        assert!(file.read_ranges(&all).await.unwrap() == parts(&contents, &all));
        let beyond = [0..3 * MIB + 78, 7..2 * MIB, 3 * MIB + 80..5 * MIB];
        let mut stream = file.stream_ranges(&beyond, &RangeOptions::new()).unwrap();
        let mut words = Vec::new();
        while let Some(landed) = stream.next().await {
            match landed {
                Ok((index, bytes)) => assert!((index, &bytes[..]) == (1, &contents[7..2 << 20])),
                Err(error) => words.push(error.to_string()),
            }
        }
        words.sort();
        assert!(words[1].contains("after 0 of 2097072 bytes of range 2"), "{words:?}");
        assert!(words[0].contains("after 3145805 of 3145806 bytes of range 0"), "{words:?}");
    }
}

#[tokio::test]
async fn a_large_direct_range_is_several_operations_too() {
    const MIB: u64 = 1 << 20;
    let contents = noise(2 * MIB as usize + 100);
    let directory = disk();
    let path = directory.path().join("direct");
    std::fs::write(&path, &contents).unwrap();
    let opened = OpenOptions::new().read(true).direct(true).open_aio(&path).await;
    let file = match opened {
        Ok(file) => file,
        Err(error) => return println!("skipped: no O_DIRECT here: {error}"),
    };
    let ranges = [1..2 * MIB + 100, 700_001..1_900_000, MIB..2 * MIB];
    for range in &ranges {
        let range = std::slice::from_ref(range);
        assert!(file.read_ranges(range).await.unwrap() == parts(&contents, range));
    }
    assert!(file.read_ranges(&ranges).await.unwrap() == parts(&contents, &ranges));
    let before = file.context().metrics().submitted;
    file.read_ranges(&ranges[2..]).await.unwrap();
    assert_eq!(file.context().metrics().submitted - before, 4);
    assert!(file.read_ranges(&[5..10, 5..2 * MIB + 101]).await.is_err());
}
