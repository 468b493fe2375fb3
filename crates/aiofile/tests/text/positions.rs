//! `tell` and `seek`: every position that is told can be read on from.

use std::io::SeekFrom;

use aiofile::text::{Encoder, Encoding, Errors, Newline, TextFile, TextOptions, TextReader};
use proptest::prelude::*;

use crate::borders::{NEWLINES, text};
use crate::encodings::NAMES;
use crate::pieces::Pieces;

/// Reads by so many characters, and from each position again to the end.
async fn check(bytes: &[u8], options: &TextOptions, chunk: usize, step: usize) {
    let mut reader = TextReader::new(Pieces::new(bytes, chunk), options);
    let whole = reader.read_to_end().await.unwrap();
    assert_eq!(reader.tell(), bytes.len() as u64);
    reader.seek(SeekFrom::Start(0)).await.unwrap();
    let (mut text, mut places) = (String::new(), vec![(0, 0)]);
    loop {
        let piece = reader.read(step).await.unwrap();
        text += &piece;
        places.push((reader.tell(), text.len()));
        if piece.is_empty() {
            break;
        }
        assert!(piece.chars().count() <= step);
    }
    assert_eq!(text, whole);
    assert!(places.is_sorted());
    for (offset, length) in places.into_iter().rev() {
        assert_eq!(reader.seek(SeekFrom::Start(offset)).await.unwrap(), offset);
        assert_eq!(reader.tell(), offset);
        let rest = reader.read_to_end().await.unwrap();
        assert_eq!(rest, whole[length..], "from {offset} of {bytes:x?}");
    }
    for (offset, length) in lines(bytes, options, chunk).await {
        reader.seek(SeekFrom::Start(offset)).await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), whole[length..]);
    }
}

async fn lines(bytes: &[u8], options: &TextOptions, chunk: usize) -> Vec<(u64, usize)> {
    let mut reader = TextReader::new(Pieces::new(bytes, chunk), options);
    let (mut places, mut length) = (Vec::new(), 0);
    loop {
        let line = reader.readline().await.unwrap();
        length += line.len();
        places.push((reader.tell(), length));
        if line.is_empty() {
            return places;
        }
    }
}

/// Bytes that are mostly no text.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_position_can_be_read_on_from(
        text in text(),
        name in prop::sample::select(&NAMES[..]).prop_filter("has state", |n| *n != "iso-2022-jp"),
        newline in prop::sample::select(&NEWLINES[..]),
        (chunk, step) in (1_usize..9, 1_usize..5),
        noise in prop::collection::vec((any::<prop::sample::Index>(), noise()), 0..4),
        cut in 0_usize..4,
        errors in prop::sample::select(vec![Errors::Replace, Errors::Ignore]),
    ) {
        let encoding: Encoding = name.parse().unwrap();
        let mut bytes = Vec::new();
        Encoder::new(encoding).errors(errors).encode(&text, &mut bytes).unwrap();
        for (place, noise) in noise {
            let place = place.index(bytes.len() + 1);
            bytes.splice(place..place, noise);
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        let options = TextOptions::new().encoding(encoding).newline(newline).errors(errors);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(&bytes, &options, chunk, step));
    }
}

#[tokio::test]
async fn a_position_before_the_mark_was_read_is_found_all_the_same() {
    let bytes = b"\xfe\xff\0a\0b\0c";
    let options = TextOptions::new().encoding(Encoding::UTF_16);
    for chunk in [1, 100] {
        let mut reader = TextReader::new(Pieces::new(bytes, chunk), &options);
        reader.seek(SeekFrom::Start(6)).await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), "c");
    }
}

#[tokio::test]
async fn distances_in_bytes_are_refused_and_move_nothing() {
    let bytes = b"a\0b\0c\0";
    let options = TextOptions::new().encoding(Encoding::UTF_16LE);
    let mut reader = TextReader::new(Pieces::new(bytes, 100), &options);
    assert_eq!(reader.read(1).await.unwrap(), "a");
    for to in [SeekFrom::Current(2), SeekFrom::End(-2)] {
        let error = reader.seek(to).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(reader.seek(SeekFrom::Current(0)).await.unwrap(), 2);
    assert_eq!(reader.read(9).await.unwrap(), "bc");
    assert_eq!(reader.seek(SeekFrom::End(0)).await.unwrap(), 6);
    assert_eq!(reader.read(9).await.unwrap(), "");

    let options = TextOptions::new().encoding("iso-2022-jp".parse().unwrap());
    let mut reader = TextReader::new(Pieces::new(b"abc", 100), &options);
    reader.seek(SeekFrom::Start(1)).await.unwrap_err();
    assert_eq!(reader.read(9).await.unwrap(), "abc");
    reader.seek(SeekFrom::Start(0)).await.unwrap();
    assert_eq!(reader.read(1).await.unwrap(), "a");
}

/// A file whose length is no multiple of the unit ends, and so goes on, between two units.
#[tokio::test]
async fn a_text_file_takes_back_what_it_told_behind_half_a_unit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("text");
    for (encoding, unit) in [(Encoding::UTF_32LE, 4), (Encoding::UTF_16LE, 2)] {
        for errors in [Errors::Strict, Errors::Replace, Errors::Ignore] {
            std::fs::write(&path, vec![b'a'; 2 * unit + 1]).unwrap();
            let options = TextOptions::new().encoding(encoding).errors(errors);
            let mut file = TextFile::open_with(&path, "a+", &options).await.unwrap();
            let end = file.tell().await.unwrap();
            assert_eq!(end, 2 * unit as u64 + 1);
            file.write("more").await.unwrap();
            let later = file.tell().await.unwrap();
            assert_eq!(file.seek(SeekFrom::Start(end)).await.unwrap(), end);
            assert_eq!(file.read_all().await.unwrap(), "more", "{encoding} {errors:?}");
            assert_eq!(file.seek(SeekFrom::Start(later)).await.unwrap(), later);
            assert_eq!(file.read_all().await.unwrap(), "");
        }
    }
}

#[tokio::test]
async fn asking_after_each_line_decodes_a_chunk_once() {
    // Where each answer began at the chunk's start, this would take minutes.
    let bytes = b"\xe9\r\n".repeat(200_000);
    let options = TextOptions::new().encoding(Encoding::LATIN_1).newline(Newline::Universal);
    let mut reader = TextReader::new(&bytes[..], &options);
    let mut line = 0;
    while reader.next_line().await.unwrap().is_some() {
        line += 1;
        assert_eq!(reader.tell(), line * 3);
    }
    assert_eq!(line, 200_000);
}
