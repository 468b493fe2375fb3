//! Text to bytes.

use std::io;

use encoding_rs::EncoderResult;

use super::encoding::{Encoding, Order, Scheme};
use super::errors::{Errors, unencodable};
use super::newline::Newline;

/// Encodes text, piece by piece. It does no I/O.
///
/// Each piece is whole: where an encoding has states (iso-2022-jp), it ends in the first one.
///
/// ```
/// use aiofile::text::{Encoder, Encoding, Errors, Newline};
///
/// let mut encoder = Encoder::new(Encoding::UTF_16).newline(Newline::CrLf);
/// let mut bytes = Vec::new();
/// encoder.encode("é\n", &mut bytes)?;
/// encoder.encode("!", &mut bytes)?;
/// assert_eq!(bytes, b"\xff\xfe\xe9\0\r\0\n\0!\0");
///
/// let mut encoder = Encoder::new(Encoding::ASCII).errors(Errors::Replace);
/// bytes.clear();
/// encoder.encode("Grüße", &mut bytes)?;
/// assert_eq!(bytes, b"Gr??e");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Encoder {
    encoding: Encoding,
    errors: Errors,
    newline: Newline,
    order: Order,
    /// Whether the mark is still to be written.
    at_start: bool,
}

impl Encoder {
    /// An encoder for the start of a file: errors are [strict](Errors::Strict), and ends of lines
    /// stay `\n`.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let order = match encoding.0 {
            Scheme::Utf16(Some(order)) | Scheme::Utf32(Some(order)) => order,
            _ => Order::Little,
        };
        let (errors, newline) = (Errors::Strict, Newline::Universal);
        Self { encoding, errors, newline, order, at_start: encoding.has_mark() }
    }

    /// What to do about characters that the encoding lacks.
    #[must_use]
    pub fn errors(mut self, errors: Errors) -> Self {
        self.errors = errors;
        self
    }

    /// What `\n` becomes.
    #[must_use]
    pub fn newline(mut self, newline: Newline) -> Self {
        self.newline = newline;
        self
    }

    /// The encoding.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Appends the bytes of `text`; before the first character of all, the mark.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a character that the encoding lacks.
    /// Nothing was appended then.
    pub fn encode(&mut self, text: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let start = bytes.len();
        if self.at_start {
            self.put('\u{feff}', bytes);
        }
        let translated;
        let text = match self.newline.written() {
            "\n" => text,
            written => {
                translated = text.replace('\n', written);
                &translated
            }
        };
        match self.encode_characters(text, bytes) {
            Ok(()) => self.at_start = false,
            Err((character, position)) => {
                bytes.truncate(start);
                let before = text[..position].replace(self.newline.written(), "\n");
                let error = unencodable(self.encoding, character, before.chars().count());
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// No mark is written, since the file has begun; the order of bytes is that of its mark.
    pub(super) fn begun(&mut self, order: Order) {
        self.at_start = false;
        if matches!(self.encoding.0, Scheme::Utf16(None) | Scheme::Utf32(None)) {
            self.order = order;
        }
    }

    /// The next text is the start of the file.
    pub(super) fn restart(&mut self) {
        self.at_start = self.encoding.has_mark();
    }

    /// Fails with a character that the encoding lacks, and where it is.
    fn encode_characters(&self, text: &str, bytes: &mut Vec<u8>) -> Result<(), (char, usize)> {
        match self.encoding.0 {
            Scheme::Utf8 { .. } => bytes.extend_from_slice(text.as_bytes()),
            Scheme::Utf16(_) | Scheme::Utf32(_) => {
                bytes.reserve(text.len() * self.encoding.unit());
                text.chars().for_each(|character| self.put(character, bytes));
            }
            Scheme::Table(table) => {
                bytes.reserve(text.len());
                for (position, character) in text.char_indices() {
                    match table.encode(character) {
                        Some(byte) => bytes.push(byte),
                        None => self.lacking(character, position, bytes)?,
                    }
                }
            }
            Scheme::Legacy(encoding) => self.encode_legacy(encoding, text, bytes)?,
        }
        Ok(())
    }

    fn encode_legacy(
        &self,
        encoding: &'static encoding_rs::Encoding,
        text: &str,
        bytes: &mut Vec<u8>,
    ) -> Result<(), (char, usize)> {
        let mut encoder = encoding.new_encoder();
        let mut position = 0;
        loop {
            let rest = &text[position..];
            let most = encoder.max_buffer_length_from_utf8_without_replacement(rest.len());
            bytes.reserve(most.unwrap_or(rest.len()));
            let (result, read) =
                encoder.encode_from_utf8_to_vec_without_replacement(rest, bytes, true);
            position += read;
            match result {
                EncoderResult::InputEmpty => return Ok(()),
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(named) => {
                    // Of a control character of iso-2022-jp, another is named.
                    let last = text[..position].char_indices().next_back();
                    let (at, character) = last.unwrap_or((position, named));
                    self.lacking(character, at, bytes)?;
                }
            }
        }
    }

    fn lacking(
        &self,
        character: char,
        position: usize,
        bytes: &mut Vec<u8>,
    ) -> Result<(), (char, usize)> {
        match self.errors {
            Errors::Strict => return Err((character, position)),
            Errors::Replace => bytes.push(b'?'),
            Errors::Ignore => {}
        }
        Ok(())
    }

    fn put(&self, character: char, bytes: &mut Vec<u8>) {
        match (self.encoding.0, self.order) {
            (Scheme::Utf16(_), order) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    bytes.extend_from_slice(&match order {
                        Order::Little => unit.to_le_bytes(),
                        Order::Big => unit.to_be_bytes(),
                    });
                }
            }
            (Scheme::Utf32(_), Order::Little) => {
                bytes.extend_from_slice(&u32::from(character).to_le_bytes());
            }
            (Scheme::Utf32(_), Order::Big) => {
                bytes.extend_from_slice(&u32::from(character).to_be_bytes());
            }
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
