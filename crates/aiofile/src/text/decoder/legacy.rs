//! The encodings that the crate `encoding_rs` decodes.

use encoding_rs::{Decoder, DecoderResult, ISO_2022_JP};

use super::super::encoding::{Encoding, Scheme};

/// No character is longer, and at the end of a piece as many bytes go in one by one, so that it is
/// seen where the last character ends.
const CHARACTER_BYTES_MAX: usize = 4;

/// Shorter pieces go in one by one altogether.
const BULK_BYTES_MIN: usize = 16;

/// What iso-2022-jp changes its state with. They end where no character ends.
const ESCAPES: [&[u8]; 5] = [b"\x1b(B", b"\x1b(J", b"\x1b(I", b"\x1b$@", b"\x1b$B"];

pub(super) struct Legacy(Decoder);

impl Legacy {
    pub(super) fn new(encoding: Encoding) -> Option<Self> {
        match encoding.0 {
            Scheme::Legacy(encoding) => Some(Self(encoding.new_decoder_without_bom_handling())),
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
            text.reserve(self.0.max_utf8_buffer_length_without_replacement(bulk).unwrap_or(bulk));
            let (result, read) =
                self.0.decode_to_string_without_replacement(&input[..bulk], text, false);
            let taken;
            (taken, *input) = input.split_at(read);
            match result {
                DecoderResult::Malformed(bad, behind) => {
                    keep(held, taken, usize::from(bad + behind));
                    return usize::from(bad).min(held.len());
                }
                _ if read > 1 || text.len() > before => held.clear(),
                _ => {
                    held.extend_from_slice(taken);
                    let japanese = self.0.encoding() == ISO_2022_JP;
                    if japanese && ESCAPES.iter().any(|escape| held.ends_with(escape)) {
                        held.clear();
                    }
                }
            }
            if input.is_empty() {
                return 0;
            }
        }
    }
}

/// Keeps the last `count` of what was held and taken.
fn keep(held: &mut Vec<u8>, taken: &[u8], count: usize) {
    held.extend_from_slice(&taken[taken.len().saturating_sub(count)..]);
    held.drain(..held.len().saturating_sub(count));
}
