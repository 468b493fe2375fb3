//! The text of one chunk, and which of its bytes a character came from.

use super::super::decoder::{Checkpoint, Decoder};
use super::super::errors::Errors;

/// Text that was decoded at once.
#[derive(Debug)]
pub(super) struct Segment {
    checkpoint: Checkpoint,
    /// Where its text begins and ends, counted as the input counts text.
    start: u64,
    pub(super) end: u64,
    /// The byte offset of its first character.
    offset: u64,
    /// Its bytes, where the text is not the same.
    bytes: Vec<u8>,
    /// How many of the file's bytes are missing behind the first of these characters.
    gap: u64,
    verbatim: bool,
    replay: Option<Box<Replay>>,
}

/// Decodes the bytes of a segment again, as far as it was asked for.
#[derive(Debug)]
struct Replay {
    decoder: Decoder,
    translates: bool,
    /// How long what stands for malformed bytes is.
    replacement: u64,
    /// How many bytes were taken.
    taken: usize,
    /// Bytes that were taken may still be decoded.
    resumes: bool,
    /// Where their text ends, and the last border between characters in them.
    end: u64,
    reached: u64,
    /// The last border at which the text was not beyond the cursor.
    border: u64,
    after_return: bool,
    scratch: String,
}

impl Segment {
    /// A segment that is to be decoded now.
    pub(super) fn new(decoder: &Decoder, start: u64) -> Self {
        let mut bytes = Vec::new();
        decoder.held(&mut bytes);
        Self {
            checkpoint: decoder.checkpoint(),
            start,
            end: start,
            offset: decoder.position(),
            bytes,
            gap: decoder.gap(),
            verbatim: false,
            replay: None,
        }
    }

    /// Takes note of what was decoded. Whether that was anything.
    pub(super) fn finish(&mut self, decoder: &Decoder, taken: &[u8], end: u64) -> bool {
        self.end = end;
        self.verbatim = decoder.was_verbatim();
        if end > self.start && !self.verbatim {
            self.bytes.extend_from_slice(taken);
        }
        end > self.start
    }

    /// The byte offset of a place in its text.
    pub(super) fn locate(&mut self, cursor: u64) -> u64 {
        if self.verbatim || cursor == self.start {
            return self.offset + (cursor - self.start);
        }
        let replay = self.replay.get_or_insert_with(|| {
            Box::new(Replay {
                decoder: Decoder::resume(self.checkpoint),
                translates: self.checkpoint.translates,
                replacement: match self.checkpoint.errors {
                    Errors::Replace => char::REPLACEMENT_CHARACTER.len_utf8() as u64,
                    Errors::Strict | Errors::Ignore => 0,
                },
                taken: 0,
                resumes: false,
                end: self.start,
                reached: 0,
                border: 0,
                after_return: false,
                scratch: String::new(),
            })
        });
        let border = replay.locate(cursor, &self.bytes);
        let gap = if border > self.checkpoint.unit() { self.gap } else { 0 };
        self.offset + border + gap
    }
}

impl Replay {
    /// The last border between characters at which the text is not beyond the cursor, so that what
    /// gave no text, such as the second half of `\r\n`, lies before it. The cursor only advances.
    fn locate(&mut self, cursor: u64, bytes: &[u8]) -> u64 {
        if self.end <= cursor {
            self.border = self.reached;
        }
        while self.end <= cursor && self.step(bytes) {
            self.reached = self.decoder.position();
            if self.end <= cursor {
                self.border = self.reached;
            }
        }
        self.border
    }

    /// Takes one byte, where it is not left behind malformed ones, or passes over those.
    fn step(&mut self, bytes: &[u8]) -> bool {
        if self.decoder.is_stuck() {
            self.decoder.pass_malformed();
            self.end += self.replacement;
            self.after_return &= self.replacement == 0;
            self.resumes = true;
            return true;
        }
        let mut input = match std::mem::take(&mut self.resumes) {
            true => &[][..],
            false if self.taken == bytes.len() => return false,
            false => {
                self.taken += 1;
                &bytes[self.taken - 1..self.taken]
            }
        };
        self.scratch.clear();
        // An error leaves the decoder stuck, which the next step sees.
        self.decoder.decode(&mut input, false, &mut self.scratch).ok();
        self.taken -= input.len();
        for character in self.scratch.chars() {
            let is_second_half = self.translates && self.after_return && character == '\n';
            self.after_return = character == '\r';
            self.end += if is_second_half { 0 } else { character.len_utf8() as u64 };
        }
        true
    }
}
