//! Malformed bytes: what is before them comes first, they are named, and the reader can go on.

use std::io::ErrorKind;

use aiofile::Error;
use aiofile::text::{Encoding, Errors, Newline, TextOptions, TextReader};

use crate::pieces::Pieces;

#[tokio::test]
async fn whole_lines_before_an_error_come_first_and_it_repeats() {
    for chunk in [1, 2, 5, 1000] {
        let bytes = b"one\ntwo\nth\xffree\nfour\n";
        let mut reader = TextReader::new(Pieces::new(bytes, chunk), &TextOptions::new());
        assert_eq!(reader.next_line().await.unwrap(), Some("one"));
        assert_eq!(reader.next_line().await.unwrap(), Some("two"));
        for _ in 0..3 {
            let error = reader.next_line().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert_eq!(Error::of(&error).unwrap().offset(), Some(10));
            assert_eq!(reader.tell(), 8);
            reader.readline().await.unwrap_err();
            reader.read_to_end().await.unwrap_err();
        }
        let mut lines = reader.lines();
        assert!(lines.next().await.unwrap().is_err());
        assert!(lines.next().await.is_none(), "the stream has ended");
        assert_eq!(reader.read(100).await.unwrap(), "th");
        assert_eq!(reader.tell(), 10);
        reader.read(1).await.unwrap_err();
        reader.set_errors(Errors::Replace);
        assert_eq!(reader.next_line().await.unwrap(), Some("\u{fffd}ree"));
        assert_eq!(reader.tell(), 15);
        assert_eq!(reader.next_line().await.unwrap(), Some("four"));
    }
}

#[tokio::test]
async fn after_a_switch_the_whole_line_is_there() {
    let options = TextOptions::new().encoding(Encoding::UTF_16LE);
    for (errors, line) in [(Errors::Replace, "a\u{fffd}b"), (Errors::Ignore, "ab")] {
        let bytes = b"a\0\0\xd8b\0\n\0c\0";
        let mut reader = TextReader::new(Pieces::new(bytes, 3), &options);
        reader.next_line().await.unwrap_err();
        reader.set_errors(errors);
        assert_eq!(reader.next_line().await.unwrap(), Some(line));
        assert_eq!(reader.tell(), 8);
        reader.set_errors(Errors::Strict);
        assert_eq!(reader.next_line().await.unwrap(), Some("c"));
    }
}

#[tokio::test]
async fn a_character_that_is_cut_by_the_end_is_an_error_behind_what_is_whole() {
    for (encoding, bytes, at) in [
        (Encoding::UTF_8, &b"ab\n\xf0\x9f\x98"[..], 3),
        (Encoding::UTF_16LE, b"a\0\n\0\x3d\xd8", 4),
        (Encoding::UTF_16LE, b"a\0\n\0\x3d", 4),
        (Encoding::UTF_32BE, b"\0\0\0a\0\0\0\n\0\0", 8),
        ("shift_jis".parse().unwrap(), b"ab\n\x82", 3),
        ("gb18030".parse().unwrap(), b"ab\n\x81\x30\x81", 3),
    ] {
        let options = TextOptions::new().encoding(encoding);
        for chunk in [1, 3, 100] {
            let mut reader = TextReader::new(Pieces::new(bytes, chunk), &options);
            assert!(reader.readline().await.unwrap().ends_with('\n'), "{encoding}");
            let error = reader.readline().await.unwrap_err();
            assert!(error.to_string().contains("ends within a character"), "{error}");
            assert_eq!(Error::of(&error).unwrap().offset(), Some(at));
            assert_eq!(reader.tell(), at);
            reader.set_errors(Errors::Replace);
            assert_eq!(reader.readline().await.unwrap(), "\u{fffd}");
            assert_eq!(reader.readline().await.unwrap(), "");
            assert_eq!(reader.tell(), bytes.len() as u64);
        }
    }
}

#[tokio::test]
async fn a_return_before_bad_bytes_ends_its_line() {
    for newline in [Newline::Universal, Newline::Cr, Newline::Any] {
        let options = TextOptions::new().newline(newline);
        for chunk in [1, 2, 100] {
            let mut reader = TextReader::new(Pieces::new(b"a\r\xff", chunk), &options);
            if newline != Newline::Any {
                assert_eq!(reader.next_line().await.unwrap(), Some("a"));
            }
            reader.next_line().await.unwrap_err();
            reader.set_errors(Errors::Ignore);
            let rest = if newline == Newline::Any { Some("a") } else { None };
            assert_eq!(reader.next_line().await.unwrap(), rest, "{newline:?}");
        }
    }
}

#[tokio::test]
async fn the_sentence_says_where_and_what_and_what_helps() {
    let mut reader = TextReader::new(&b"ok \xe2\x82!"[..], &TextOptions::new());
    let error = reader.next_line().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "decode at offset 3: 0xe2 0x82 is not utf-8 \
         (name another encoding, or read with Errors::Replace)"
    );
}
