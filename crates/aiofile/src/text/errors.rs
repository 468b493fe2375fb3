//! What happens to bytes that are no text and to characters that an encoding lacks.

use caio::{Error, ErrorKind};

use super::encoding::Encoding;

/// What to do about malformed bytes and unencodable characters, as the argument `errors` of
/// Python's `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Errors {
    /// They are an error.
    #[default]
    Strict,
    /// U+FFFD is read for each malformed sequence, and `?` is written for each character.
    Replace,
    /// They are left out.
    Ignore,
}

/// Bytes at `offset` that are no text.
pub(super) fn malformed(encoding: Encoding, bytes: &[u8], offset: u64, truncated: bool) -> Error {
    let listed: Vec<_> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    let listed = listed.join(" ");
    let message = match truncated {
        true => format!("{encoding} text ends within a character, after {listed}"),
        false => format!("{listed} is not {encoding}"),
    };
    let hint = "name another encoding, or read with Errors::Replace";
    Error::new(ErrorKind::InvalidData, message).doing("decode").at(offset).hint(hint)
}

/// The character number `index` of a text cannot be written.
pub(super) fn unencodable(encoding: Encoding, character: char, index: usize) -> Error {
    let code = u32::from(character);
    let message = format!(
        "{character:?} (U+{code:04X}), character {index} of the text, is not in {encoding}"
    );
    let hint = "take utf-8, or write with Errors::Replace";
    Error::new(ErrorKind::InvalidInput, message).doing("encode").hint(hint)
}
