//! Decoding in pieces is decoding at once.

use aiofile::text::{Decoder, Encoder, Encoding, Errors, Newline};
use proptest::prelude::*;

use crate::encodings::NAMES;

pub(crate) const NEWLINES: [Newline; 5] =
    [Newline::Universal, Newline::Any, Newline::Lf, Newline::Cr, Newline::CrLf];

/// What comes of bytes that are given in pieces, and where an error is.
fn decode(mut decoder: Decoder, pieces: &[&[u8]]) -> (String, Option<String>, u64) {
    let mut text = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let mut piece = *piece;
        let outcome = decoder.decode(&mut piece, index + 1 == pieces.len(), &mut text);
        if let Err(error) = outcome {
            return (text, Some(error.to_string()), decoder.position());
        }
        assert!(piece.is_empty());
    }
    (text, None, decoder.position())
}

/// Decodes at once, in two pieces wherever they meet, and byte by byte.
fn check(encoding: Encoding, errors: Errors, newline: Newline, bytes: &[u8]) {
    let new = || Decoder::new(encoding).errors(errors).newline(newline);
    let whole = decode(new(), &[bytes]);
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(decode(new(), &[first, second]), whole, "{encoding} {bytes:x?} at {at}");
    }
    let single: Vec<_> = bytes.chunks(1).chain([&[][..]]).collect();
    assert_eq!(decode(new(), &single), whole, "{encoding} {bytes:x?} one by one");
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop::sample::select(&NAMES[..]).prop_map(|name| name.parse().unwrap())
}

fn errors() -> impl Strategy<Value = Errors> {
    prop::sample::select(vec![Errors::Strict, Errors::Replace, Errors::Ignore])
}

fn newline() -> impl Strategy<Value = Newline> {
    prop::sample::select(&NEWLINES[..])
}

/// Bytes that mean something in many encodings, and any others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            &b"\r"[..], b"\n", b"a", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1b$B",
            b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\xd8\x3d\xde\0", b"\x3d\xd8\0\xde",
            b"\xf0\x9f\x98\x80",
            b"\x81\x30\x81\x30", b"\x8f\xb0\xa1", b"\xa4\xa4", b"\x88\x62", b"\xc3\xa9",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// Characters of many alphabets, and ends of lines.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        Just('\n'),
        Just('\r'),
        prop::sample::select("aZ 0é߀Ж語한漢ก😀\u{feff}\u{0}ｶ".chars().collect::<Vec<_>>()),
        any::<char>(),
    ];
    prop::collection::vec(character, 0..40).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_decoded_alike_in_pieces(
        encoding in encoding(), errors in errors(), newline in newline(), bytes in bytes(),
    ) {
        check(encoding, errors, newline, &bytes);
    }

    #[test]
    fn what_was_written_is_read_wherever_it_is_cut(
        encoding in encoding(), newline in newline(), text in text(),
    ) {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(encoding).errors(Errors::Ignore).newline(newline);
        encoder.encode(&text, &mut bytes).unwrap();
        check(encoding, Errors::Strict, newline, &bytes);
    }

    #[test]
    fn unicode_comes_back_whole(text in text(), name in prop::sample::select(&NAMES[..8])) {
        let encoding: Encoding = name.parse().unwrap();
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(encoding);
        for character in text.chars() {
            encoder.encode(&character.to_string(), &mut bytes).unwrap();
        }
        let decoder = Decoder::new(encoding).newline(Newline::Any);
        prop_assert_eq!(decode(decoder, &[&bytes]).0, text);
    }
}

#[test]
fn long_pieces_of_slow_encodings_are_cut_anywhere() {
    let japanese = "日本語テキスト、abc\r\n".repeat(20);
    let korean = "한국어 텍스트 abc\r\n".repeat(20);
    let chinese = "汉字😀漢字 abc\r\n".repeat(20);
    for (name, text) in [
        ("shift_jis", &japanese),
        ("euc-jp", &japanese),
        ("iso-2022-jp", &japanese),
        ("euc-kr", &korean),
        ("gb18030", &chinese),
    ] {
        let encoding: Encoding = name.parse().unwrap();
        let mut bytes = Vec::new();
        Encoder::new(encoding).encode(text, &mut bytes).unwrap();
        check(encoding, Errors::Strict, Newline::Universal, &bytes);
        let decoder = Decoder::new(encoding);
        assert_eq!(decode(decoder, &[&bytes]).0, text.replace("\r\n", "\n"), "{name}");
        let broken = [&bytes[..bytes.len() / 2], b"\xff\xff", &bytes[bytes.len() / 2..]].concat();
        check(encoding, Errors::Replace, Newline::Universal, &broken);
        check(encoding, Errors::Strict, Newline::Universal, &broken);
    }
}

#[test]
fn a_file_that_grows_completes_its_last_character() {
    for (name, bytes) in [
        ("utf-8", &b"a\xe2\x82\xac"[..]),
        ("euc-jp", b"a\xa4\xa4"),
        ("utf-16le", b"a\0\x3d\xd8\0\xde"),
    ] {
        let mut decoder = Decoder::new(name.parse().unwrap());
        let mut text = String::new();
        let (mut first, mut rest) = bytes.split_at(bytes.len() - 1);
        for _ in 0..2 {
            decoder.decode(&mut first, true, &mut text).unwrap_err();
            assert_eq!(text, "a", "{name}");
        }
        decoder.decode(&mut rest, true, &mut text).unwrap();
        assert_eq!(text.chars().count(), 2, "{name}");
    }
}

/// ASCII is taken many characters at a time.
#[test]
fn in_utf_16_a_run_of_ascii_may_be_followed_by_anything() {
    let orders = [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes];
    for (encoding, order) in [Encoding::UTF_16LE, Encoding::UTF_16BE].into_iter().zip(orders) {
        for length in (0..36).chain([50]) {
            let run = "a\r\n".chars().cycle().take(length).collect::<String>();
            for other in ["\u{80}", "é", "\u{ffff}", "𝄞"] {
                let text = [&run, other, &run, other, other, &run].concat();
                let bytes: Vec<_> = text.encode_utf16().flat_map(order).collect();
                check(encoding, Errors::Strict, Newline::Any, &bytes);
                let decoder = Decoder::new(encoding).newline(Newline::Any);
                assert_eq!(decode(decoder, &[&bytes]).0, text);
                // The second half of a pair that has no first.
                let lone = [&bytes[..2 * length], &order(0xdc00), &bytes].concat();
                check(encoding, Errors::Strict, Newline::Any, &lone);
                let decoder = Decoder::new(encoding).newline(Newline::Any);
                let (before, error, position) = decode(decoder, &[&lone]);
                assert_eq!((&*before, position), (&*run, 2 * length as u64));
                assert!(error.is_some());
            }
        }
    }
}
