//! The encodings that the crate `encoding_rs` decodes.

use encoding_rs::{Decoder, DecoderResult, ISO_2022_JP};

use super::super::encoding::{Encoding, Scheme};

/// No character is longer, and at the end of a piece as many bytes go in one by one, so that it is
/// seen where the last character ends.
const CHARACTER_BYTES_MAX: usize = 4;

/// Shorter pieces go in one by one altogether.
const BULK_BYTES_MIN: usize = 16;

/// What iso-2022-jp changes its state with. They end where no character ends.
const ESCAPES: [&[u8; ESCAPE_BYTES]; 5] = [b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\x1b$@", b"\x1b$B"];

const ESCAPE_BYTES: usize = 3;

/// So many bytes may be behind the decoder that it then says were malformed, and follow these.
const RECENT_BYTES_MAX: usize = 8;

pub(super) struct Legacy {
    decoder: Decoder,
    /// The last bytes that were taken.
    recent: Vec<u8>,
    /// So many bytes at the end of what is held are to be decoded again.
    again: usize,
}

impl Legacy {
    pub(super) fn new(encoding: Encoding) -> Option<Self> {
        match encoding.0 {
            Scheme::Legacy(encoding) => {
                let decoder = encoding.new_decoder_without_bom_handling();
                Some(Self { decoder, recent: Vec::new(), again: 0 })
            }
            _ => None,
        }
    }

    /// Decodes until bytes are malformed, and says how many: they are the first of `held`, which
    /// keeps a copy of what the decoder below has taken and not given yet.
    pub(super) fn step(
        &mut self,
        held: &mut Vec<u8>,
        input: &mut &[u8],
        text: &mut String,
    ) -> usize {
        loop {
            let first_again = held.len() - self.again;
            let repeated = held.get(first_again).copied();
            let piece = match &repeated {
                Some(byte) => std::slice::from_ref(byte),
                None => {
                    &input[..match input.len() {
                        BULK_BYTES_MIN.. => input.len() - CHARACTER_BYTES_MAX,
                        length => length.min(1),
                    }]
                }
            };
            let before = text.len();
            text.reserve(
                self.decoder
                    .max_utf8_buffer_length_without_replacement(piece.len())
                    .unwrap_or(piece.len()),
            );
            let (result, read) =
                self.decoder.decode_to_string_without_replacement(piece, text, false);
            let taken = &piece[..read];
            self.recent.extend_from_slice(&taken[taken.len().saturating_sub(RECENT_BYTES_MAX)..]);
            self.recent.drain(..self.recent.len().saturating_sub(RECENT_BYTES_MAX));
            let mut first_again = first_again;
            match repeated {
                Some(_) => {
                    self.again -= read;
                    first_again += read;
                }
                None => *input = &input[read..],
            }
            match result {
                DecoderResult::Malformed(bad, behind) => {
                    let (bad, behind) = (usize::from(bad), usize::from(behind));
                    let from = self.recent.len().saturating_sub(bad + behind);
                    held.splice(..first_again, self.recent[from..].iter().copied());
                    let bad = bad.min(held.len() - self.again);
                    if self.decoder.encoding() != ISO_2022_JP {
                        // It would give the bytes behind together with later ones.
                        self.decoder = self.decoder.encoding().new_decoder_without_bom_handling();
                        self.again += (self.recent.len() - from) - bad;
                        self.recent.clear();
                        return bad;
                    }
                    if !self.is_escape(&held[..bad]) {
                        return bad;
                    }
                    // Two in a row, which WHATWG refuses, come of texts that were put together.
                    held.drain(..bad);
                    if self.is_escape(held) {
                        held.clear();
                    }
                }
                _ if read > 1 || text.len() > before => {
                    held.drain(..first_again);
                }
                _ => {
                    if repeated.is_none() {
                        held.extend_from_slice(taken);
                    }
                    if self.is_escape(&held[held.len().saturating_sub(ESCAPE_BYTES)..]) {
                        held.clear();
                    }
                }
            }
            if input.is_empty() && self.again == 0 {
                return 0;
            }
        }
    }

    fn is_escape(&self, bytes: &[u8]) -> bool {
        self.decoder.encoding() == ISO_2022_JP && ESCAPES.iter().any(|escape| bytes == *escape)
    }
}
