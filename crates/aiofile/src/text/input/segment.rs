//! The text of one chunk, and which of its bytes a character came from.

use super::super::decoder::{Checkpoint, Decoder};

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
    verbatim: bool,
    replay: Option<Box<Replay>>,
}

/// Decodes the bytes of a segment again, as far as it was asked for.
#[derive(Debug)]
struct Replay {
    decoder: Decoder,
    translates: bool,
    /// How many bytes were taken.
    taken: usize,
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
                taken: 0,
                end: self.start,
                reached: 0,
                border: 0,
                after_return: false,
                scratch: String::new(),
            })
        });
        self.offset + replay.locate(cursor, &self.bytes)
    }
}

impl Replay {
    /// The last border between characters at which the text is not beyond the cursor, so that what
    /// gave no text, such as the second half of `\r\n`, lies before it. The cursor only advances.
    fn locate(&mut self, cursor: u64, bytes: &[u8]) -> u64 {
        if self.end <= cursor {
            self.border = self.reached;
        }
        while self.end <= cursor && self.taken < bytes.len() {
            self.scratch.clear();
            let mut byte = &bytes[self.taken..=self.taken];
            if self.decoder.decode(&mut byte, false, &mut self.scratch).is_err() {
                break;
            }
            self.taken += 1;
            for character in self.scratch.chars() {
                let is_second_half = self.translates && self.after_return && character == '\n';
                self.after_return = character == '\r';
                self.end += if is_second_half { 0 } else { character.len_utf8() as u64 };
            }
            self.reached = self.decoder.position();
            if self.end <= cursor {
                self.border = self.reached;
            }
        }
        self.border
    }
}
