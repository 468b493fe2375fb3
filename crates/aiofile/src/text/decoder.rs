//! Bytes to text, piece by piece.

mod character;
mod checkpoint;
mod legacy;

use std::fmt;
use std::io;

use super::encoding::{Encoding, Order, Scheme};
use super::errors::{Errors, malformed};
use super::newline::{Newline, Translation};
use character::{Kind, Mark};
pub(super) use checkpoint::Checkpoint;
use legacy::Legacy;

/// Decodes bytes as they come, in pieces that may end anywhere: within a character, within a mark,
/// between `\r` and `\n`. It does no I/O.
///
/// ```
/// use aiofile::text::{Decoder, Encoding};
///
/// let mut decoder = Decoder::new(Encoding::UTF_8);
/// let mut text = String::new();
/// decoder.decode(&mut &b"Gr\xc3"[..], false, &mut text)?;
/// assert_eq!((&*text, decoder.position()), ("Gr", 2));
/// decoder.decode(&mut &b"\xbc\xc3\x9fe\r\n"[..], true, &mut text)?;
/// assert_eq!(text, "Grüße\n");
///
/// let error = decoder.decode(&mut &b"\xff!"[..], true, &mut text).unwrap_err();
/// assert_eq!(aiofile::Error::of(&error).and_then(|error| error.offset()), Some(9));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Decoder {
    encoding: Encoding,
    errors: Errors,
    newline: Newline,
    /// Whether a mark may come.
    at_start: bool,
    order: Order,
    legacy: Option<Legacy>,
    /// Bytes that were taken and whose characters were not given.
    held: Vec<u8>,
    /// How many bytes at the start of `held` are no text.
    bad: usize,
    translation: Translation,
    /// How many bytes were ignored behind the last character.
    ignored: u64,
    /// Of the next byte to be taken.
    offset: u64,
    /// The last call gave the bytes as they are.
    verbatim: bool,
}

impl Decoder {
    /// A decoder for the start of a file: errors are [strict](Errors::Strict) and ends of lines
    /// [universal](Newline::Universal).
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let order = match encoding.0 {
            Scheme::Utf16(Some(order)) | Scheme::Utf32(Some(order)) => order,
            _ => Order::Little,
        };
        Self {
            encoding,
            errors: Errors::Strict,
            newline: Newline::Universal,
            at_start: encoding.has_mark(),
            order,
            legacy: Legacy::new(encoding),
            held: Vec::new(),
            bad: 0,
            translation: Translation::default(),
            ignored: 0,
            offset: 0,
            verbatim: false,
        }
    }

    /// What to do about malformed bytes.
    #[must_use]
    pub fn errors(mut self, errors: Errors) -> Self {
        self.set_errors(errors);
        self
    }

    /// Which ends of lines become `\n`: all with [`Newline::Universal`], else none.
    #[must_use]
    pub fn newline(mut self, newline: Newline) -> Self {
        self.newline = newline;
        self
    }

    /// What to do about malformed bytes from now on, those of the last error included.
    pub fn set_errors(&mut self, errors: Errors) {
        self.errors = errors;
    }

    /// The encoding.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The byte offset behind the last character that was given, from where the decoder began.
    #[must_use]
    pub fn position(&self) -> u64 {
        let held = self.held.len() as u64;
        match self.translation.holds_return {
            true => self.offset - held - self.ignored - self.encoding.unit() as u64,
            false => self.offset - held,
        }
    }

    /// Takes the bytes out of `input` and appends their text. `last` says that nothing follows.
    /// After that it may go on, as with a file that grows.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) for malformed bytes, with their offset, and
    /// where the last character is incomplete. What is before them was appended, what is behind
    /// them is left in `input`. The error repeats until [`set_errors`](Self::set_errors) says
    /// otherwise; of an incomplete character, until its rest comes.
    pub fn decode(&mut self, input: &mut &[u8], last: bool, text: &mut String) -> io::Result<()> {
        let start = text.len();
        self.verbatim = matches!(self.encoding.0, Scheme::Utf8 { .. });
        let outcome = self.decode_characters(input, last, text);
        if self.newline == Newline::Universal {
            let settled = last || outcome.is_err();
            self.verbatim &= !self.translation.apply(text, start, settled);
        }
        outcome
    }

    fn decode_characters(
        &mut self,
        input: &mut &[u8],
        last: bool,
        text: &mut String,
    ) -> io::Result<()> {
        loop {
            if self.bad == 0 {
                let (before, start) = (input.len(), text.len());
                self.bad = self.step(input, text);
                self.offset += (before - input.len()) as u64;
                if text.len() > start {
                    self.ignored = 0;
                }
            }
            let truncated = self.bad == 0 && last && !self.held.is_empty();
            let bad = if truncated { self.held.len() } else { self.bad };
            if bad == 0 {
                return Ok(());
            }
            match self.errors {
                Errors::Strict => return Err(self.error(bad, truncated)),
                Errors::Replace => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.ignored = 0;
                }
                Errors::Ignore => self.ignored += bad as u64,
            }
            self.bad = bad;
            self.pass_malformed();
            self.verbatim = false;
            if truncated {
                self.legacy = Legacy::new(self.encoding);
            }
        }
    }

    /// Decodes until bytes are malformed, and says how many: they are the first of `held`.
    fn step(&mut self, input: &mut &[u8], text: &mut String) -> usize {
        if let Some(legacy) = &mut self.legacy {
            return legacy.step(&mut self.held, input, text);
        }
        while self.at_start {
            match Mark::look(self.encoding, &self.held) {
                Mark::Found(order) => {
                    self.order = order;
                    self.held.clear();
                    self.at_start = false;
                    self.verbatim = false;
                }
                Mark::Absent => self.at_start = false,
                Mark::Unknown => match input.split_off_first() {
                    Some(byte) => self.held.push(*byte),
                    None => return 0,
                },
            }
        }
        let kind = Kind::of(self.encoding, self.order);
        loop {
            while !self.held.is_empty() {
                match kind.first(&self.held) {
                    character::First::Whole(character, length) => {
                        text.push(character);
                        self.held.drain(..length);
                    }
                    character::First::Bad(length) => return length,
                    character::First::Incomplete => match input.split_off_first() {
                        Some(byte) => self.held.push(*byte),
                        None => return 0,
                    },
                }
            }
            kind.bulk(input, text);
            match input.split_off_first() {
                Some(byte) => self.held.push(*byte),
                None => return 0,
            }
        }
    }

    /// Goes on behind the malformed bytes.
    pub(super) fn pass_malformed(&mut self) {
        self.held.drain(..self.bad);
        self.bad = 0;
        self.at_start = false;
    }

    fn error(&self, bad: usize, truncated: bool) -> io::Error {
        let offset = self.offset - self.held.len() as u64;
        malformed(self.encoding, &self.held[..bad], offset, truncated).into()
    }

    /// Whether the next call repeats an error, or resolves it, whatever comes.
    pub(super) fn is_stuck(&self) -> bool {
        self.bad > 0
    }

    /// Whether the last call gave its bytes, and those held before it, as they are.
    pub(super) fn was_verbatim(&self) -> bool {
        self.verbatim
    }

    /// Appends the bytes that were taken and whose characters were not given, without those that
    /// were ignored.
    pub(super) fn held(&self, bytes: &mut Vec<u8>) {
        if self.translation.holds_return {
            let mut unit = [0; 4];
            let unit = &mut unit[..self.encoding.unit()];
            let at = if self.order == Order::Little { 0 } else { unit.len() - 1 };
            unit[at] = b'\r';
            bytes.extend_from_slice(unit);
        }
        bytes.extend_from_slice(&self.held);
    }

    /// How many bytes were ignored between the first of those held and the second.
    pub(super) fn gap(&self) -> u64 {
        if self.translation.holds_return { self.ignored } else { 0 }
    }

    /// Goes on at an offset: at 0 a mark may come, elsewhere not.
    pub(super) fn restart(&mut self, offset: u64) {
        let order = self.order;
        *self = Self::new(self.encoding).errors(self.errors).newline(self.newline);
        if offset > 0 {
            self.order = order;
            self.at_start = false;
        }
        self.offset = offset;
    }

    /// Whether the order of bytes is still to be learned from a mark.
    pub(super) fn awaits_order(&self) -> bool {
        self.at_start && matches!(self.encoding.0, Scheme::Utf16(_) | Scheme::Utf32(_))
    }

    /// The order of bytes, as far as it is known.
    pub(super) fn order(&self) -> Order {
        self.order
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("encoding", &self.encoding)
            .field("errors", &self.errors)
            .field("newline", &self.newline)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
