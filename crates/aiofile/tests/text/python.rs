//! Against fixed expectations that Python computed.

mod read;
mod written;

use aiofile::Error;
use aiofile::text::{Encoder, Encoding, Errors, TextOptions, TextReader};

use crate::pieces::Pieces;

const ERRORS: [Errors; 3] = [Errors::Strict, Errors::Replace, Errors::Ignore];

#[tokio::test]
async fn files_are_read_as_python_reads_them_wherever_chunks_end() {
    for (name, newline, bytes, outcomes) in read::CASES {
        for (errors, outcome) in ERRORS.into_iter().zip(outcomes.iter().cycle()) {
            let encoding = name.parse().unwrap();
            let options = TextOptions::new().encoding(encoding).newline(*newline).errors(errors);
            for size in [1, 2, 3, 1000] {
                let mut reader = TextReader::new(Pieces::new(bytes, size), &options);
                let case = format!("{name} {newline:?} {errors:?} {bytes:x?} by {size}");
                let mut lines = Vec::new();
                let end = loop {
                    match reader.readline().await {
                        Ok(line) if line.is_empty() => break Ok(()),
                        Ok(line) => lines.push(line),
                        Err(error) => break Err(error),
                    }
                };
                match outcome {
                    Ok(expected) => {
                        end.unwrap();
                        assert_eq!(lines, *expected, "{case}");
                        assert_eq!(reader.tell(), bytes.len() as u64, "{case}");
                    }
                    Err((from, to)) => {
                        let error = end.unwrap_err();
                        let sentence = error.to_string();
                        assert_eq!(Error::of(&error).unwrap().offset(), Some(*from), "{case}");
                        let bad = &bytes[*from as usize..*to as usize];
                        let bad: Vec<_> = bad.iter().map(|byte| format!("0x{byte:02x}")).collect();
                        assert!(sentence.contains(&bad.join(" ")), "{case}: {sentence}");
                        assert_eq!(sentence.matches("0x").count(), bad.len(), "{case}: {sentence}");
                        reader.read(usize::MAX).await.ok();
                        assert_eq!(reader.tell(), *from, "{case}");
                    }
                }
            }
        }
    }
}

#[test]
fn text_is_written_as_python_writes_it_whole_and_in_pieces() {
    for (name, newline, text, outcomes) in written::CASES {
        for (errors, outcome) in ERRORS.into_iter().zip(outcomes.iter().cycle()) {
            let encoding: Encoding = name.parse().unwrap();
            let new = || Encoder::new(encoding).newline(*newline).errors(errors);
            let case = format!("{name} {newline:?} {errors:?} {text:?}");
            let mut bytes = b"before".to_vec();
            let whole = new().encode(text, &mut bytes);
            match outcome {
                Ok(expected) => {
                    whole.unwrap();
                    assert_eq!(&bytes[6..], *expected, "{case}");
                    let (mut encoder, mut bytes) = (new(), Vec::new());
                    for character in text.chars() {
                        encoder.encode(character.encode_utf8(&mut [0; 4]), &mut bytes).unwrap();
                    }
                    assert_eq!(bytes, *expected, "{case}, one by one");
                }
                Err(index) => {
                    let sentence = whole.unwrap_err().to_string();
                    let expected = format!("character {index} of the text");
                    assert!(sentence.contains(&expected), "{case}: {sentence}");
                    assert_eq!(bytes, b"before", "{case}");
                }
            }
        }
    }
}
