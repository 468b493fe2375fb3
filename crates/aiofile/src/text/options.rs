//! How text is read and written.

use std::io;

use caio::{Error, ErrorKind};

use super::decoder::Decoder;
use super::detect::detect;
use super::encoder::Encoder;
use super::encoding::Encoding;
use super::errors::Errors;
use super::newline::Newline;

/// The longest line unless said otherwise, as for `LineReader`.
const LINE_BYTES_MAX: usize = 256 << 20;

/// No mark is longer.
const MARK_BYTES_MAX: usize = 4;

/// How text is read and written: UTF-8, strictly, with universal ends of lines, unless said
/// otherwise.
///
/// ```
/// use aiofile::text::{Encoding, Errors, Newline, TextOptions};
///
/// let options = TextOptions::new()
///     .encoding("shift_jis".parse()?)
///     .errors(Errors::Replace)
///     .newline(Newline::CrLf);
/// # let _ = options;
/// # Ok::<(), aiofile::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOptions {
    pub(super) encoding: Encoding,
    pub(super) errors: Errors,
    pub(super) newline: Newline,
    pub(super) max_line: usize,
    pub(super) write_buffer: usize,
    pub(super) choice: Choice,
}

/// How the encoding is found when reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    Named,
    Detect,
    Fallbacks(Vec<Encoding>),
}

impl TextOptions {
    /// UTF-8, strict, universal.
    #[must_use]
    pub fn new() -> Self {
        Self {
            encoding: Encoding::UTF_8,
            errors: Errors::Strict,
            newline: Newline::Universal,
            max_line: LINE_BYTES_MAX,
            write_buffer: 0,
            choice: Choice::Named,
        }
    }

    /// In which encoding.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// What to do about malformed bytes and unencodable characters.
    #[must_use]
    pub fn errors(mut self, errors: Errors) -> Self {
        self.errors = errors;
        self
    }

    /// What ends a line.
    #[must_use]
    pub fn newline(mut self, newline: Newline) -> Self {
        self.newline = newline;
        self
    }

    /// The longest line that is read, in bytes of UTF-8 and without its end: 256 MiB unless said. A
    /// longer one is an error, and not memory without bound.
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max_line = bytes;
        self
    }

    /// Collects so many bytes before they are written. Then what was written last is in the file
    /// only after a flush or close, and lost where neither comes. Unless said, nothing is
    /// collected.
    #[must_use]
    pub fn write_buffer(mut self, bytes: usize) -> Self {
        self.write_buffer = bytes;
        self
    }

    /// Reads in the encoding that [`detect`](super::detect()) guesses from the first chunk. An
    /// empty file, and one that is only written, have the named encoding. Opening a file to append
    /// is an error.
    #[must_use]
    #[doc(alias = "chardet")]
    pub fn detect(mut self) -> Self {
        self.choice = Choice::Detect;
        self
    }

    /// Reads in the first of these encodings in which the first chunk is without error, else as
    /// [`detect`](Self::detect).
    ///
    /// Encodings of one byte, such as latin-1, fit always and belong at the end.
    #[must_use]
    pub fn fallbacks(mut self, encodings: impl IntoIterator<Item = Encoding>) -> Self {
        self.choice = Choice::Fallbacks(encodings.into_iter().collect());
        self
    }

    /// The text of a whole file.
    pub(crate) fn decode(&self, mut bytes: Vec<u8>) -> io::Result<String> {
        let encoding = match bytes.is_empty() {
            true => self.encoding,
            false => self.choose(&bytes, true)?.unwrap_or(self.encoding),
        };
        let universal = self.newline == Newline::Universal;
        if encoding == Encoding::UTF_8 && !(universal && memchr::memchr(b'\r', &bytes).is_some()) {
            match String::from_utf8(bytes) {
                Ok(text) => return Ok(text),
                Err(error) => bytes = error.into_bytes(),
            }
        }
        let mut text = String::new();
        self.decoder(encoding).decode(&mut &*bytes, true, &mut text)?;
        Ok(text)
    }

    /// The bytes of a whole file.
    pub(crate) fn encode(&self, text: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.encoder(self.encoding).encode(text, &mut bytes)?;
        Ok(bytes)
    }

    /// In which encoding to read what begins with these bytes, and with `last` ends with them.
    /// `None` where more of them have to be seen.
    pub(super) fn choose(&self, bytes: &[u8], last: bool) -> io::Result<Option<Encoding>> {
        let fits = |encoding: Encoding, last| {
            Decoder::new(encoding).decode(&mut &*bytes, last, &mut String::new()).is_ok()
        };
        let found = match &self.choice {
            Choice::Named => return Ok(Some(self.encoding)),
            _ if bytes.len() < MARK_BYTES_MAX && !last => return Ok(None),
            Choice::Detect => detect(bytes),
            Choice::Fallbacks(list) => {
                let found = list.iter().copied().find(|encoding| fits(*encoding, last));
                found.ok_or_else(|| none_fits(list))?
            }
        };
        // A character that is cut now may turn out to be none.
        let is_cut = !last && fits(found, false) && !fits(found, true);
        Ok((!is_cut).then_some(found))
    }

    pub(super) fn decoder(&self, encoding: Encoding) -> Decoder {
        Decoder::new(encoding).errors(self.errors).newline(self.newline)
    }

    pub(super) fn encoder(&self, encoding: Encoding) -> Encoder {
        Encoder::new(encoding).errors(self.errors).newline(self.newline)
    }
}

impl Default for TextOptions {
    fn default() -> Self {
        Self::new()
    }
}

fn none_fits(list: &[Encoding]) -> io::Error {
    let names: Vec<_> = list.iter().map(|encoding| encoding.name()).collect();
    let message = format!("the text is in none of the encodings [{}]", names.join(", "));
    let hint = "end the list with one that fits always, such as latin-1";
    Error::new(ErrorKind::InvalidData, message).doing("decode").hint(hint).into()
}
