//! Characters and lines: how many, how long, and what a dropped future loses.

use std::future::Future;
use std::io::{Error, ErrorKind};
use std::pin::pin;
use std::task::{Context, Waker};

use aiofile::text::{Encoding, Newline, TextOptions, TextReader};
use futures_util::TryStreamExt;

use crate::pieces::Pieces;

const CHUNKS: [usize; 4] = [1, 2, 3, 1000];

fn reader(text: &str, chunk: usize) -> TextReader<Pieces> {
    TextReader::new(Pieces::new(text.as_bytes(), chunk), &TextOptions::new())
}

#[tokio::test]
async fn so_many_characters_are_read_and_none_is_cut() {
    for chunk in CHUNKS {
        let mut reader = reader("aé語😀b", chunk);
        assert_eq!(reader.read(0).await.unwrap(), "");
        assert_eq!(reader.read(2).await.unwrap(), "aé");
        assert_eq!(reader.tell(), 3);
        assert_eq!(reader.read(2).await.unwrap(), "語😀");
        assert_eq!(reader.read(2).await.unwrap(), "b");
        assert_eq!(reader.read(2).await.unwrap(), "");
    }
}

#[tokio::test]
async fn lines_come_with_and_without_their_ends() {
    for chunk in CHUNKS {
        let mut reader = reader("one\r\n\ntwo\rthree", chunk);
        assert_eq!(reader.readline().await.unwrap(), "one\n");
        assert_eq!(reader.next_line().await.unwrap(), Some(""));
        assert_eq!(reader.tell(), 6);
        let lines: Vec<_> = reader.lines().try_collect().await.unwrap();
        assert_eq!(lines, ["two", "three"]);
        assert_eq!(reader.next_line().await.unwrap(), None);
        assert_eq!(reader.readline().await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_line_lent_with_two_bytes_of_end_has_none_of_them() {
    for newline in [Newline::Any, Newline::CrLf] {
        for chunk in CHUNKS {
            let options = TextOptions::new().newline(newline);
            let mut reader = TextReader::new(Pieces::new(b"a\r\nb\r\n", chunk), &options);
            assert_eq!(reader.next_line().await.unwrap(), Some("a"));
            assert_eq!(reader.tell(), 3);
            assert_eq!(reader.readline().await.unwrap(), "b\r\n");
            assert_eq!(reader.next_line().await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn half_an_end_is_none() {
    for chunk in CHUNKS {
        let options = TextOptions::new().newline(Newline::CrLf);
        let mut reader = TextReader::new(Pieces::new(b"\na\nb\r\nc\rd\r\r\ne\r", chunk), &options);
        for line in ["\na\nb", "c\rd\r", "e\r"] {
            assert_eq!(reader.next_line().await.unwrap(), Some(line), "{chunk}");
        }
        assert_eq!(reader.next_line().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_line_is_as_long_as_it_may_be_and_not_longer() {
    for newline in [Newline::Universal, Newline::Any, Newline::Lf, Newline::CrLf] {
        for chunk in CHUNKS {
            let options = TextOptions::new().max_line(4).newline(newline);
            let bytes = b"1234\r\n12345\r\nx";
            let mut reader = TextReader::new(Pieces::new(bytes, chunk), &options);
            if newline != Newline::Lf {
                assert_eq!(reader.next_line().await.unwrap(), Some("1234"));
            }
            let position = reader.tell();
            for _ in 0..2 {
                let error = reader.next_line().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidData);
                assert!(error.to_string().contains("longer than 4 bytes"), "{error}");
                assert_eq!(reader.tell(), position, "{newline:?} {chunk}");
            }
            reader.set_max_line(6);
            let line = if newline == Newline::Lf { "1234\r" } else { "12345" };
            assert_eq!(reader.next_line().await.unwrap(), Some(line));
        }
    }
}

#[tokio::test]
async fn a_file_without_lines_takes_no_more_memory_than_a_line_may() {
    let options = TextOptions::new().max_line(100_000);
    let mut reader = TextReader::new(Pieces::new(&vec![0; 50 << 20], 1 << 20), &options);
    reader.next_line().await.unwrap_err();
    let polls = reader.get_ref().polls;
    assert!(polls <= 6, "{polls} polls, of which each second one gives 64 KiB");
    assert_eq!(reader.read(3).await.unwrap(), "\0\0\0");
}

#[tokio::test]
async fn nul_and_other_controls_are_characters() {
    let mut reader = reader("a\0b\u{1a}\u{2028}\u{85}c\n", 3);
    assert_eq!(reader.next_line().await.unwrap(), Some("a\0b\u{1a}\u{2028}\u{85}c"));
}

#[tokio::test]
async fn a_dropped_future_loses_nothing() {
    let text = "ähm\r\nöfter\rüber\n".repeat(50);
    for encoding in [Encoding::UTF_8, Encoding::UTF_16, Encoding::LATIN_1] {
        let options = TextOptions::new().encoding(encoding);
        let mut bytes = Vec::new();
        aiofile::text::Encoder::new(encoding).encode(&text, &mut bytes).unwrap();
        let mut reader = TextReader::new(Pieces::new(&bytes, 5), &options);
        let mut cx = Context::from_waker(Waker::noop());
        let mut found = String::new();
        for turn in 0.. {
            // Each future is polled once, and most of them are not ready then.
            let polled = match turn % 3 {
                0 => pin!(reader.readline()).poll(&mut cx),
                1 => pin!(reader.read(2)).poll(&mut cx),
                _ => {
                    let mut lines = reader.lines();
                    let line = pin!(lines.next()).poll(&mut cx);
                    line.map(|line| line.unwrap_or(Ok(String::new())).map(|line| line + "\n"))
                }
            };
            match polled {
                std::task::Poll::Ready(text) if text.as_ref().unwrap() == "\n" => break,
                std::task::Poll::Ready(text) if text.as_ref().unwrap().is_empty() => break,
                std::task::Poll::Ready(text) => found += &text.unwrap(),
                std::task::Poll::Pending => {}
            }
        }
        assert_eq!(found, text.replace("\r\n", "\n").replace('\r', "\n"));
    }
}

#[tokio::test]
async fn an_error_of_the_file_below_is_told_once_and_loses_nothing() {
    let mut pieces = Pieces::new(b"first\nsecond\n", 8);
    pieces.failure = Some(Error::from_raw_os_error(5));
    let mut reader = TextReader::new(pieces, &TextOptions::new());
    assert_eq!(reader.read_to_end().await.unwrap_err().raw_os_error(), Some(5));
    assert_eq!(reader.read_to_end().await.unwrap(), "first\nsecond\n");
}
