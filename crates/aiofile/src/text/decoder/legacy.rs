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
}

impl Legacy {
    pub(super) fn new(encoding: Encoding) -> Option<Self> {
        match encoding.0 {
            Scheme::Legacy(encoding) => {
                let decoder = encoding.new_decoder_without_bom_handling();
                Some(Self { decoder, recent: Vec::new() })
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
            let bulk = match input.len() {
                BULK_BYTES_MIN.. => input.len() - CHARACTER_BYTES_MAX,
                length => length.min(1),
            };
            let before = text.len();
            text.reserve(
                self.decoder.max_utf8_buffer_length_without_replacement(bulk).unwrap_or(bulk),
            );
            let (result, read) =
                self.decoder.decode_to_string_without_replacement(&input[..bulk], text, false);
            let taken;
            (taken, *input) = input.split_at(read);
            self.recent.extend_from_slice(&taken[taken.len().saturating_sub(RECENT_BYTES_MAX)..]);
            self.recent.drain(..self.recent.len().saturating_sub(RECENT_BYTES_MAX));
            match result {
                DecoderResult::Malformed(bad, behind) => {
                    let (bad, behind) = (usize::from(bad), usize::from(behind));
                    held.clear();
                    let from = self.recent.len().saturating_sub(bad + behind);
                    held.extend_from_slice(&self.recent[from..]);
                    let bad = bad.min(held.len());
                    if !self.is_escape(&held[..bad]) {
                        return bad;
                    }
                    // Two in a row, which WHATWG refuses, come of texts that were put together.
                    held.drain(..bad);
                    if self.is_escape(held) {
                        held.clear();
                    }
                }
                _ if read > 1 || text.len() > before => held.clear(),
                _ => {
                    held.extend_from_slice(taken);
                    if self.is_escape(&held[held.len().saturating_sub(ESCAPE_BYTES)..]) {
                        held.clear();
                    }
                }
            }
            if input.is_empty() {
                return 0;
            }
        }
    }

    fn is_escape(&self, bytes: &[u8]) -> bool {
        self.decoder.encoding() == ISO_2022_JP && ESCAPES.iter().any(|escape| bytes == *escape)
    }
}
