//! Any bytes in any encoding, decoded at once and in pieces: the same text, the same error at the
//! same byte; UTF-8 as std has it; and what can be encoded comes back.
#![no_main]

#[path = "../../../crates/aiofile/tests/text/encodings.rs"]
mod encodings;

use aiofile::text::{Decoder, Encoder, Encoding, Errors, Newline, detect};
use encodings::NAMES;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

/// What to decode, and how.
#[derive(Debug, Arbitrary)]
struct Input<'a> {
    encoding: u8,
    errors: u8,
    universal: bool,
    piece: u8,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let name = NAMES[usize::from(input.encoding) % NAMES.len()];
    let encoding: Encoding = name.parse().unwrap();
    let errors = [Errors::Strict, Errors::Replace, Errors::Ignore][usize::from(input.errors % 3)];
    let newline = if input.universal { Newline::Universal } else { Newline::Any };
    let decoder = || Decoder::new(encoding).errors(errors).newline(newline);
    let whole = decode(decoder(), input.bytes, input.bytes.len().max(1));
    let pieces = decode(decoder(), input.bytes, usize::from(input.piece) + 1);
    assert_eq!(whole, pieces, "{name}");
    if encoding == Encoding::UTF_8 && errors == Errors::Strict && !input.universal {
        match std::str::from_utf8(input.bytes) {
            Ok(text) => assert_eq!((whole.0.as_str(), &whole.2), (text, &None)),
            Err(error) => assert_eq!(whole.1, error.valid_up_to() as u64),
        }
    }
    if whole.2.is_none() && !input.universal {
        let mut bytes = Vec::new();
        if Encoder::new(encoding).encode(&whole.0, &mut bytes).is_ok() {
            let again = decode(decoder(), &bytes, bytes.len().max(1));
            assert_eq!((again.0, again.2), (whole.0, None), "{name}");
        }
    }
    detect(input.bytes);
});

/// The text, the position behind it, and the error that ended it.
fn decode(mut decoder: Decoder, bytes: &[u8], piece: usize) -> (String, u64, Option<String>) {
    let mut text = String::new();
    let mut rest: Vec<u8> = Vec::new();
    let mut pieces = bytes.chunks(piece).peekable();
    loop {
        let next = pieces.next().unwrap_or_default();
        rest.extend_from_slice(next);
        let mut left = &rest[..];
        let last = pieces.peek().is_none();
        let outcome = decoder.decode(&mut left, last, &mut text);
        rest = left.to_vec();
        if let Err(error) = outcome {
            return (text, decoder.position(), Some(error.to_string()));
        }
        if last {
            return (text, decoder.position(), None);
        }
    }
}
